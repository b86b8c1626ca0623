// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/measure/report.h"
#include "bench/scenarios/latency.h"

#include <CLI/App.hpp>

/// Flags and figures that `latency` and `storm` share.
namespace sanjay::bench {

/// What is published, where and how; `load` and `nap_us` outlive the parsing.
void add_open_loop_flags(CLI::App& command, LatencyOptions& load, unsigned& nap_us);

void add_open_loop(Report& report, const LatencyOptions& load);
void add_verdict(Report& report, const LatencyOptions& load, const DeliveryVerdict& verdict);
/// Memory of both sides, as it was and for each connection.
void add_memory(Report& report, const MemoryCourse& memory);

}  // namespace sanjay::bench
