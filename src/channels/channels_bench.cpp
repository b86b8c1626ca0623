// SPDX-License-Identifier: Apache-2.0
#include "channels/permissions.h"

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <utility>

namespace sanjay::channels {
namespace {

/// As many namespaces as asked for and "chat", which is open to clients, limits users and, where
/// wanted, has a regex.
Namespaces make(int others, const std::string& regex = "") {
  NamespacesConfig config;
  for (int i = 0; i < others; ++i) config.namespaces.push_back({"other" + std::to_string(i), {}});
  Namespace chat{"chat", {}};
  chat.options.allow_subscribe_for_client = true;
  chat.options.allow_user_limited_channels = true;
  chat.options.channel_regex = regex;
  config.namespaces.push_back(chat);
  return Namespaces::create(std::move(config)).value();
}

void find(benchmark::State& state) {
  const Namespaces namespaces = make(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    std::string_view channel = "chat:index";
    benchmark::DoNotOptimize(channel);
    benchmark::DoNotOptimize(namespaces.find(channel));
  }
}
BENCHMARK(find)->Arg(0)->Arg(10)->Arg(999);

/// All that a session asks before it subscribes.
void subscribe(benchmark::State& state, const Namespaces& namespaces, std::string_view channel) {
  const Asker asker{.user = "2c5e61b4-8f0a"};
  for (auto _ : state) {
    benchmark::DoNotOptimize(channel);
    const auto options = check_name(namespaces, channel);
    if (!options) return state.SkipWithError("the name must be good");
    auto decision = check_subscribe(namespaces, **options, channel, asker);
    if (!decision) return state.SkipWithError("the client must be allowed");
    benchmark::DoNotOptimize(decision);
    Grants grants = grant(**options, asker, {});
    benchmark::DoNotOptimize(grants);
  }
}

void check_subscribe_open(benchmark::State& state) { subscribe(state, make(10), "chat:index"); }
BENCHMARK(check_subscribe_open);

void check_subscribe_user_list(benchmark::State& state) {
  subscribe(state, make(10), "chat:dialog#0b1f4c5e-9d2a,2c5e61b4-8f0a");
}
BENCHMARK(check_subscribe_user_list);

void check_subscribe_regex(benchmark::State& state) {
  subscribe(state, make(10, "^[a-z]+$"), "chat:index");
}
BENCHMARK(check_subscribe_regex);

}  // namespace
}  // namespace sanjay::channels
