// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "telemetry/histogram.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// The figures of one run in the order in which they were added: printed as a table for people,
/// appended to a file as one JSON line for programs. Keys carry their unit (performance.md).
class Report {
 public:
  explicit Report(std::string_view scenario);

  void add(std::string_view key, std::string_view text);
  void add(std::string_view key, const char* text) { add(key, std::string_view(text)); }
  void add(std::string_view key, std::uint64_t value);
  void add(std::string_view key, std::uint32_t value) { add(key, std::uint64_t{value}); }
  void add(std::string_view key, std::int64_t value);
  /// Three significant digits behind the point when small, none when large.
  void add(std::string_view key, double value);
  void add(std::string_view key, const std::vector<double>& values);
  /// p50, p90, p99, p99.9, max and count of nanoseconds, as microseconds under KEY_p50_us and so
  /// on.
  /// `suffix` ends each key: "_before" makes KEY_p50_us_before.
  void add_latency(std::string_view key, const telemetry::Histogram& histogram_ns,
                   std::string_view suffix = "");

  /// Its buckets as KEY_us_histogram: pairs of highest microseconds and count, lowest first. For
  /// programs only: print() leaves it out.
  void add_histogram(std::string_view key, const telemetry::Histogram& histogram_ns);

  /// To stdout; what is an empty text is left out.
  void print() const;
  /// Appends the JSON line; an empty path does nothing.
  core::Status append_to(const std::string& path) const;
  std::string json() const;

 private:
  struct Entry {
    std::string key;
    std::string text;
    bool quoted;
    bool printed = true;
  };

  std::vector<Entry> entries_;
};

}  // namespace sanjay::bench
