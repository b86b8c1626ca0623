// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telemetry/counter.h"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::telemetry {

struct Label {
  std::string_view name;
  std::string_view value;
};

/// Writes metrics in the Prometheus text exposition format, version 0.0.4. The samples of a family
/// follow its header, as the format demands. Names and help texts are the program's own.
class PrometheusText {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  enum class Type : std::uint8_t { Counter, Gauge, Histogram };

  /// Begins a family; `name` stays alive until the next one begins.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(std::initializer_list<Label> labels, double value);
  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  /// One histogram in seconds, the sum of those given.
  void histogram(std::span<const DurationHistogram* const> parts);

  /// A family of one sample without labels.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  void gauge(std::string_view name, std::string_view help, std::uint64_t value);

  std::string take() { return std::move(text_); }

 private:
  void begin_sample(std::string_view suffix, std::initializer_list<Label> labels);

  std::string text_;
  std::string_view name_;
};

}  // namespace sanjay::telemetry
