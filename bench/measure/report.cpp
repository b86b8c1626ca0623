// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace sanjay::bench {
namespace {

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  if (std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

Report::Report(std::string_view scenario) { add("scenario", scenario); }

void Report::add(std::string_view key, std::string_view text) {
  entries_.push_back({std::string(key), std::string(text), true});
}

void Report::add(std::string_view key, std::uint64_t value) {
  entries_.push_back({std::string(key), std::to_string(value), false});
}

void Report::add(std::string_view key, std::int64_t value) {
  entries_.push_back({std::string(key), std::to_string(value), false});
}

void Report::add(std::string_view key, double value) {
  entries_.push_back({std::string(key), number(value), false});
}

void Report::add(std::string_view key, const std::vector<double>& values) {
  std::string text = "[";
  for (const double value : values) text += (text.size() > 1 ? ", " : "") + number(value);
  entries_.push_back({std::string(key), text + "]", false});
}

void Report::add_latency(std::string_view key, const telemetry::Histogram& histogram_ns,
                         std::string_view suffix) {
  const auto add_us = [&](const char* what, std::uint64_t ns) {
    add(fmt::format("{}_{}_us{}", key, what, suffix), static_cast<double>(ns) / 1000);
  };
  add_us("p50", histogram_ns.value_at(0.5));
  add_us("p90", histogram_ns.value_at(0.9));
  add_us("p99", histogram_ns.value_at(0.99));
  add_us("p999", histogram_ns.value_at(0.999));
  add_us("max", histogram_ns.max());
  add(fmt::format("{}_count{}", key, suffix), histogram_ns.count());
}

void Report::add_histogram(std::string_view key, const telemetry::Histogram& histogram_ns) {
  std::string text;
  for (const auto& [highest, count] : histogram_ns.buckets()) {
    const double microseconds = static_cast<double>(highest) / 1000;
    text += fmt::format("{}[{:.6g}, {}]", text.empty() ? "" : ", ", microseconds, count);
  }
  entries_.push_back({fmt::format("{}_us_histogram", key), "[" + text + "]", false, false});
}

void Report::print() const {
  std::size_t width = 0;
  for (const Entry& entry : entries_) width = std::max(width, entry.key.size());
  for (const Entry& entry : entries_) {
    if (!entry.printed || entry.text.empty()) continue;
    fmt::print("{:<{}}  {}\n", entry.key, width, entry.text);
  }
  std::fflush(stdout);
}

std::string Report::json() const {
  std::string line = "{";
  for (const Entry& entry : entries_) {
    if (line.size() > 1) line += ',';
    line += quoted(entry.key) + ':' + (entry.quoted ? quoted(entry.text) : entry.text);
  }
  return line + "}";
}

core::Status Report::append_to(const std::string& path) const {
  if (path.empty()) return {};
  std::ofstream file(path, std::ios::app);
  file << json() << '\n';
  file.close();
  if (!file) return core::failure("cannot write " + path);
  return {};
}

}  // namespace sanjay::bench
