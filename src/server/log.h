// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telemetry/log.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace sanjay::server {

/// Writes one line of text, newline included; called on the log thread only.
using LineWriter = std::function<void(std::string_view line)>;

/// A LineWriter for the process's standard error.
void write_to_stderr(std::string_view line);

/// The process's log: JSON lines with time (RFC 3339, UTC, milliseconds), level, message and the
/// record's fields. Every thread may log; records go through a bounded queue to one log thread.
/// When it is full the oldest record is dropped, and the next line written says how many were.
/// Every string is escaped, so that no client can forge a line. The destructor writes what is
/// still queued.
class AsyncLogger final : public telemetry::Logger {
 public:
  struct Options {
    telemetry::Level level = telemetry::Level::Info;
    std::size_t queue_records_max = 8192;
    std::size_t string_bytes_max = 2048;  // the message and each text field are cut to this
    LineWriter write = write_to_stderr;
  };

  explicit AsyncLogger(Options options);
  ~AsyncLogger() override;
  AsyncLogger(const AsyncLogger&) = delete;
  AsyncLogger& operator=(const AsyncLogger&) = delete;

  bool enabled(telemetry::Level level) const override {
    return level >= level_.load(std::memory_order_relaxed);
  }
  /// Any thread.
  void set_level(telemetry::Level level) { level_.store(level, std::memory_order_relaxed); }
  void log(telemetry::Level level, std::string_view message,
           std::initializer_list<telemetry::Field> fields) override;

  /// Records dropped so far.
  std::uint64_t dropped_records() const;

 private:
  std::atomic<telemetry::Level> level_;
  const std::size_t string_bytes_max_;
  struct Pipeline;  // the queue, its thread and what stands at its end
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace sanjay::server
