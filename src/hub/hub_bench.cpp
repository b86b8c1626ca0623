// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.h"
#include "hub/memory_broker.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

// The surroundings of a single hub: connections that count, and an encoder that copies.
struct Surroundings final : PublicationEncoder, MailCarrier, DeliverySink, HubEvents {
  explicit Surroundings(std::size_t slots) : connections(slots) {}

  bool encode(const EncodeAs&, std::string_view, const Publication& publication,
              std::string& out) override {
    out.append(publication.data);
    return true;
  }
  bool encode_movement(Encoding, std::string_view, Movement, const ClientInfo& info,
                       std::string& out) override {
    out.append(info.client);
    return true;
  }
  bool send(core::ShardIndex, Mail&&) override { return true; }
  // A reference taken and a line of the connection's memory touched, as a write queue does.
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override {
    connections[slot].last = bytes;
  }
  void hold(std::uint32_t, const core::SegmentRef&) override {}
  void on_trouble(std::uint32_t, SubscriptionNumber, Trouble) override {}
  void on_subscribed(core::ConnectionId, SubscriptionNumber, SubscriptionResult&&) override {}
  void on_answer(const ReplyTo&, Answer&&) override {}

  struct alignas(64) Connection {
    core::SegmentRef last;
  };
  std::vector<Connection> connections;
};

struct OneShard {
  explicit OneShard(std::size_t slots) : around(slots) {}
  Surroundings around;
  FlowMeter flow{1};
  MemoryBroker broker{{}, 1, {}};
  Hub hub{HubOptions{}, flow, broker, around, around, around, around};
};

const std::string kData(128, 'x');

void fan_out(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint32_t>(state.range(0));
  OneShard shard(subscribers);
  for (std::uint32_t slot = 0; slot < subscribers; ++slot) {
    shard.hub.subscribe({slot, 1, 0}, "chat", Encoding::JsonWebSocket);
  }
  for (auto _ : state) {
    shard.hub.publish("chat", {.data = kData}, {}, {});
    shard.hub.hand_over({});
    while (shard.hub.run(4096)) {
    }
  }
  state.SetItemsProcessed(state.iterations() * subscribers);
}
BENCHMARK(fan_out)->Arg(1)->Arg(10)->Arg(5'000)->Arg(100'000);

// One turn in which each of 1,000 channels with 10 subscribers publishes once.
void fan_out_to_many_channels(benchmark::State& state) {
  constexpr std::uint32_t kChannels = 1000;
  constexpr std::uint32_t kSubscribers = 10;
  OneShard shard(kChannels * kSubscribers);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < kChannels; ++i) {
    names.push_back("news:" + std::to_string(i));
    for (std::uint32_t k = 0; k < kSubscribers; ++k) {
      shard.hub.subscribe({i * kSubscribers + k, 1, 0}, names[i], Encoding::JsonWebSocket);
    }
  }
  for (auto _ : state) {
    for (const auto& name : names) shard.hub.publish(name, {.data = kData}, {}, {});
    shard.hub.hand_over({});
    while (shard.hub.run(4096)) {
    }
  }
  state.SetItemsProcessed(state.iterations() * kChannels * kSubscribers);
}
BENCHMARK(fan_out_to_many_channels);

void subscribe_and_unsubscribe_in_a_large_channel(benchmark::State& state) {
  OneShard shard(100'001);
  for (std::uint32_t slot = 0; slot < 100'000; ++slot) {
    shard.hub.subscribe({slot, 1, 0}, "chat", Encoding::JsonWebSocket);
  }
  for (auto _ : state) {
    const auto subscribed = shard.hub.subscribe({100'000, 1, 0}, "chat", Encoding::JsonWebSocket);
    shard.hub.unsubscribe(subscribed->number);
  }
}
BENCHMARK(subscribe_and_unsubscribe_in_a_large_channel);

void subscribe_and_unsubscribe_in_an_own_channel(benchmark::State& state) {
  OneShard shard(1);
  for (auto _ : state) {
    const auto subscribed =
        shard.hub.subscribe({0, 1, 0}, "user:0f8fad5b-d9cb-469f", Encoding::JsonWebSocket);
    shard.hub.unsubscribe(subscribed->number);
  }
}
BENCHMARK(subscribe_and_unsubscribe_in_an_own_channel);

void publish_without_subscribers(benchmark::State& state) {
  OneShard shard(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(shard.hub.publish("news:weather", {.data = kData}, {}, {}));
  }
}
BENCHMARK(publish_without_subscribers);

}  // namespace
}  // namespace sanjay::hub
