// SPDX-License-Identifier: Apache-2.0
#include "bench/pair/pair.h"
#include "core/assert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace sanjay::bench {
namespace {

struct Ratio {
  std::string name;
  std::vector<double> values;
};

// The server against everybody else.
std::vector<Ratio> ratios_of(const PairTable& table) {
  const auto server = std::ranges::find(table.columns, "server", &PairColumn::name);
  ASSERT(server != table.columns.end());
  std::vector<Ratio> all;
  for (const PairColumn& other : table.columns) {
    if (other.name == "server") continue;
    all.push_back({"server/" + other.name, ratios(*server, other)});
  }
  return all;
}

}  // namespace

std::vector<double> ratios(const PairColumn& numerator, const PairColumn& denominator) {
  std::vector<double> values;
  const std::size_t pairs = std::min(numerator.server_ns.size(), denominator.server_ns.size());
  for (std::size_t i = 0; i < pairs; ++i) {
    values.push_back(numerator.server_ns[i] / denominator.server_ns[i]);
  }
  return values;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void print(const PairTable& table) {
  const std::vector<Ratio> all_ratios = ratios_of(table);
  fmt::print("\n{}: server CPU in ns per {} (client CPU, server's share of its core); {} bytes\n",
             table.scenario, table.operation, table.message_bytes);
  fmt::print("{:<7}", "pair");
  for (const PairColumn& column : table.columns) fmt::print("{:>26}", column.name);
  for (const Ratio& ratio : all_ratios) fmt::print("{:>15}", ratio.name);
  fmt::print("\n");
  for (std::size_t i = 0; i < table.columns.front().server_ns.size(); ++i) {
    fmt::print("{:<7}", i + 1);
    for (const PairColumn& column : table.columns) {
      fmt::print("{:>26}", fmt::format("{:.0f} ({:.0f}, {:.0f} %)", column.server_ns[i],
                                       column.client_ns[i], column.server_cores[i] * 100));
    }
    for (const Ratio& ratio : all_ratios) fmt::print("{:>15.3f}", ratio.values[i]);
    fmt::print("\n");
  }
  fmt::print("{:<7}", "median");
  for (const PairColumn& column : table.columns) fmt::print("{:>26.0f}", median(column.server_ns));
  for (const Ratio& ratio : all_ratios) fmt::print("{:>15.3f}", median(ratio.values));
  fmt::print("\n{:<7}", "range");
  const auto range = [](const std::vector<double>& values, int digits) {
    const auto [low, high] = std::ranges::minmax(values);
    return fmt::format("{:.{}f}-{:.{}f}", low, digits, high, digits);
  };
  for (const PairColumn& column : table.columns) {
    fmt::print("{:>26}", range(column.server_ns, 0));
  }
  for (const Ratio& ratio : all_ratios) fmt::print("{:>15}", range(ratio.values, 3));
  fmt::print("\n");
  std::fflush(stdout);
}

void add_pair(Report& report, const PairTable& table) {
  report.add("operation", table.operation);
  report.add("message_bytes", std::uint64_t{table.message_bytes});
  for (const PairColumn& column : table.columns) {
    report.add(column.name + "_server_cpu_ns_median", median(column.server_ns));
    report.add(column.name + "_server_cpu_ns", column.server_ns);
    report.add(column.name + "_client_cpu_ns", column.client_ns);
    report.add(column.name + "_server_cpu_cores", column.server_cores);
  }
  for (const auto& [name, values] : ratios_of(table)) {
    const auto [low, high] = std::ranges::minmax(values);
    report.add(name + "_median", median(values));
    report.add(name + "_min", low);
    report.add(name + "_max", high);
    report.add(name, values);
  }
}

}  // namespace sanjay::bench
