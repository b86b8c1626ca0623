// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/open_loop.h"

#include "bench/cli/flags.h"

#include <fmt/format.h>

#include <string>

namespace sanjay::bench {

void add_open_loop_flags(CLI::App& command, LatencyOptions& load, unsigned& nap_us) {
  command.add_option("--channels", load.channels, "How many channels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--subscribers", load.subscribers_per_channel, "On each channel")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--publishers", load.publishers, "Connections that publish")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      .add_option("--nap", nap_us,
                  "Microseconds to sleep when idle, instead of spinning: for a shared CPU")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command.add_option("--rate", load.rate, "Messages per second, all channels together")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--size", load.payload_bytes, "Bytes of the published data, at least 56")
      ->capture_default_str();
  command.add_option("--channel", load.channel, "Prefix of the channels")->capture_default_str();
  add_seconds(command, "--warmup", load.warmup, "At full rate before measuring begins");
}

void add_open_loop(Report& report, const LatencyOptions& load) {
  report.add("channels", load.channels);
  report.add("subscribers_per_channel", load.subscribers_per_channel);
  report.add("publishers", load.publishers);
  report.add("rate_per_s", load.rate);
  const auto nap = std::chrono::duration_cast<std::chrono::microseconds>(load.nap);
  report.add("nap_us", static_cast<std::uint64_t>(nap.count()));
  report.add("payload_bytes", std::uint64_t{load.payload_bytes});
}

void add_verdict(Report& report, const LatencyOptions& load, const DeliveryVerdict& verdict) {
  report.add("published", verdict.published);
  report.add("refused", verdict.refused);
  report.add("expected_deliveries", verdict.expected);
  report.add("deliveries", verdict.delivered);
  report.add("lost", verdict.faults.lost);
  report.add("silent_losses", verdict.silent_losses);
  report.add("duplicate", verdict.faults.duplicate);
  report.add("misordered", verdict.faults.misordered);
  report.add("differing_streams", verdict.faults.differing_streams);
  report.add("closed", verdict.closed_count());
  auto closed = verdict.closed;
  if (load.overload) closed.try_emplace(3008);
  for (const auto& [code, count] : closed) {
    report.add(code == 0 ? "closed_without_code" : fmt::format("closed_{}", code), count);
  }
}

void add_memory(Report& report, const MemoryCourse& memory) {
  const auto course = [&](const std::string& name, auto value) {
    const std::int64_t start = value(memory.start);
    const std::int64_t active = value(memory.active);
    const std::int64_t connected = value(memory.connected);
    const auto per = [](std::int64_t bytes, std::uint32_t connections) {
      return static_cast<double>(bytes) / static_cast<double>(connections);
    };
    report.add(name + "_bytes_start", start);
    report.add(name + "_bytes_connected", connected);
    report.add(name + "_bytes_end", value(memory.end));
    report.add(name + "_bytes_per_connection", per(connected - start, memory.connections));
    if (memory.idle == 0) return;
    report.add(name + "_bytes_per_idle_connection", per(connected - active, memory.idle));
  };
  report.add("connections", memory.connections);
  if (memory.start.server.resident > 0) {
    course("server_rss", [](const MemoryReading& reading) { return reading.server.resident; });
    report.add("server_rss_bytes_peak", memory.server_peak);
  }
  course("client_rss", [](const MemoryReading& reading) { return reading.client.resident; });
  course("kernel_slab", [](const MemoryReading& reading) { return reading.kernel.slab; });
  course("kernel_tcp_buffer",
         [](const MemoryReading& reading) { return reading.kernel.tcp_buffers; });
}

}  // namespace sanjay::bench
