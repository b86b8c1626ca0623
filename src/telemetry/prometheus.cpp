// SPDX-License-Identifier: Apache-2.0
#include "telemetry/prometheus.h"

#include <array>
#include <charconv>
#include <type_traits>

namespace sanjay::telemetry {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 400> digits;  // a double in fixed form may have 309 before the point
  char* const limit = digits.data() + digits.size();
  char* end = nullptr;
  if constexpr (std::is_floating_point_v<Number>) {
    end = std::to_chars(digits.data(), limit, number, std::chars_format::fixed).ptr;
  } else {
    end = std::to_chars(digits.data(), limit, number).ptr;
  }
  out.append(digits.data(), end);
}

void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

std::string_view name_of(PrometheusText::Type type) {
  switch (type) {
    case PrometheusText::Type::Counter:
      return "counter";
    case PrometheusText::Type::Gauge:
      return "gauge";
    case PrometheusText::Type::Histogram:
      break;
  }
  return "histogram";
}

}  // namespace

void PrometheusText::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help);
  text_.append("\n# TYPE ").append(name).append(" ").append(name_of(type)).append("\n");
}

void PrometheusText::begin_sample(std::string_view suffix, std::initializer_list<Label> labels) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const Label& label : labels) {
    text_ += before;
    text_.append(label.name).append("=\"");
    append_label_value(text_, label.value);
    text_ += '"';
    before = ',';
  }
  text_ += labels.size() == 0 ? " " : "} ";
}

void PrometheusText::sample(std::initializer_list<Label> labels, double value) {
  begin_sample("", labels);
  append_number(text_, value);
  text_ += '\n';
}

void PrometheusText::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  begin_sample("", labels);
  append_number(text_, value);
  text_ += '\n';
}

void PrometheusText::histogram(std::span<const DurationHistogram* const> parts) {
  constexpr double kNanosecondsPerSecond = 1e9;
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
  for (std::size_t i = 0; i < DurationHistogram::kBuckets; ++i) {
    for (const DurationHistogram* part : parts) count += part->bucket(i);
    std::string bound = "+Inf";
    if (i < DurationHistogram::kBounds.size()) {
      bound.clear();
      append_number(bound,
                    static_cast<double>(DurationHistogram::kBounds[i]) / kNanosecondsPerSecond);
    }
    begin_sample("_bucket", {{"le", bound}});
    append_number(text_, count);
    text_ += '\n';
  }
  for (const DurationHistogram* part : parts) sum_ns += part->sum_ns();
  begin_sample("_sum", {});
  append_number(text_, static_cast<double>(sum_ns) / kNanosecondsPerSecond);
  text_ += '\n';
  begin_sample("_count", {});
  append_number(text_, count);
  text_ += '\n';
}

void PrometheusText::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  family(name, Type::Counter, help);
  sample({}, value);
}

void PrometheusText::gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  family(name, Type::Gauge, help);
  sample({}, value);
}

}  // namespace sanjay::telemetry
