// SPDX-License-Identifier: Apache-2.0
#include "hub/memory_broker.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct SilentEvents final : BrokerEvents {
  void on_publication(std::string_view, const PublicationRef&, std::string_view) override {
    ++told;
  }
  void on_transient_publication(std::string_view, const Publication&) override { ++told; }
  void on_join(std::string_view, const ClientInfo&) override {}
  void on_leave(std::string_view, const ClientInfo&) override {}
  void on_answer(BrokerTicket, Answer&& answer) override { benchmark::DoNotOptimize(answer); }
  std::uint64_t told = 0;
};

struct Place {
  Place() { broker.attach(events); }
  core::Instant now{hours(1)};
  SilentEvents events;
  MemoryBroker broker{{.key = {1, 2}}, 3, now};
  BrokerTicket ticket = 0;
};

const std::string kData(128, 'x');
constexpr HistorySettings kHistory{100, seconds(60), hours(1)};

std::vector<std::string> names(std::int64_t count) {
  std::vector<std::string> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back("news:" + std::to_string(i));
  return result;
}

void publish(benchmark::State& state, const PublishOptions& options) {
  Place place;
  const auto channels = names(state.range(0));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        place.broker.publish(channels[next], {kData, {}}, options, ++place.ticket));
    if (++next == channels.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(publish, transient, {})->Arg(1)->Arg(10'000);
BENCHMARK_CAPTURE(publish, kept, {.history = kHistory})->Arg(1)->Arg(10'000);

void publish_with_a_key(benchmark::State& state) {
  Place place;
  std::string key(8, '0');
  std::uint64_t number = 0;
  for (auto _ : state) {
    ++number;
    key.assign(reinterpret_cast<const char*>(&number), sizeof(number));
    PublishOptions options;
    options.idempotency_key = key;
    place.broker.publish("chat", {kData, {}}, options, ++place.ticket);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(publish_with_a_key);

void read_history(benchmark::State& state) {
  Place place;
  for (int i = 0; i < 100; ++i) {
    place.broker.publish("chat", {kData, {}}, {.history = kHistory}, ++place.ticket);
  }
  const HistoryQuery query{.limit = static_cast<std::int32_t>(state.range(0))};
  for (auto _ : state) {
    place.broker.history("chat", query, ++place.ticket);
    place.broker.poll(place.now);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_history)->Arg(0)->Arg(100);

void come_and_go(benchmark::State& state) {
  Place place;
  const auto clients = names(state.range(0));
  for (const auto& client : clients) {
    place.broker.add_presence("chat", {client, client, {}, {}}, ++place.ticket);
  }
  place.broker.poll(place.now);
  for (auto _ : state) {
    place.broker.add_presence("chat", {"one", "ann", {}, {}}, ++place.ticket);
    place.broker.presence_stats("chat", ++place.ticket);
    place.broker.remove_presence("chat", "one", ++place.ticket);
    place.broker.poll(place.now);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(come_and_go)->Arg(1)->Arg(10'000);

// Channels whose time is over, per channel with ten publications.
void forget(benchmark::State& state) {
  Place place;
  const auto channels = names(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    for (const auto& channel : channels) {
      for (int i = 0; i < 10; ++i) {
        place.broker.publish(channel, {kData, {}}, {.history = kHistory}, ++place.ticket);
      }
    }
    place.now += hours(1);
    state.ResumeTiming();
    do place.broker.poll(place.now);
    while (place.broker.has_answers());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(forget)->Arg(1'000);

}  // namespace
}  // namespace sanjay::hub
