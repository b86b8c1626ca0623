// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace sanjay::telemetry {

enum class Level : std::uint8_t { Trace, Debug, Info, Warn, Error };

/// One key and value of a log record; the views live until log() returns.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;
};

/// Where log records go. The implementation (server/) hands them to the log thread and never
/// blocks or writes files on the caller's thread. May be called from every thread.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool enabled(Level level) const = 0;
  virtual void log(Level level, std::string_view message,
                   std::initializer_list<Field> fields = {}) = 0;
};

/// Swallows everything: for tests and tools.
class NullLogger final : public Logger {
 public:
  bool enabled(Level) const override { return false; }
  void log(Level, std::string_view, std::initializer_list<Field>) override {}
};

}  // namespace sanjay::telemetry
