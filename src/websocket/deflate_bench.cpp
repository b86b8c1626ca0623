// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"
#include "websocket/deflater.h"
#include "websocket/inflater.h"

#include <benchmark/benchmark.h>

#include <string>

namespace sanjay::websocket {
namespace {

/// A publication of quotes, as JSON; `bytes` long.
std::string quotes(std::size_t bytes) {
  core::Random random(1);
  std::string out = R"({"push":{"channel":"market:quotes","pub":{"data":{"quotes":[)";
  while (out.size() < bytes) {
    out += R"({"symbol":"S)" + std::to_string(random.below(500)) + R"(","bid":)" +
           std::to_string(random.below(100'000)) + R"(,"ask":)" +
           std::to_string(random.below(100'000)) + "},";
  }
  out.resize(bytes);
  return out;
}

void report(benchmark::State& state, std::size_t message, std::size_t payload) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message));
  state.counters["ratio"] = static_cast<double>(message) / static_cast<double>(payload);
}

// Message size, level, memory level, window bits.
void deflate_without_context(benchmark::State& state) {
  const std::string message = quotes(static_cast<std::size_t>(state.range(0)));
  Deflater deflater(Context::Reset, {static_cast<std::uint8_t>(state.range(1)),
                                     static_cast<std::uint8_t>(state.range(3)),
                                     static_cast<std::uint8_t>(state.range(2))});
  ScratchBuffer scratch;
  std::size_t payload = 0;
  for (auto _ : state) {
    payload = deflater.compress(message, scratch).size();
    benchmark::DoNotOptimize(payload);
  }
  report(state, message.size(), payload);
}
BENCHMARK(deflate_without_context)
    ->ArgsProduct({{128, 512, 4096, 65536}, {1}, {5, 6, 7, 8}, {15}})
    ->Args({4096, 6, 8, 15});

// The same message each time would say nothing: each is another part of the stream of quotes.
void deflate_with_context(benchmark::State& state) {
  const std::string stream = quotes(1 << 20);
  const auto size = static_cast<std::size_t>(state.range(0));
  Deflater deflater(Context::Keep, {1, static_cast<std::uint8_t>(state.range(2)),
                                    static_cast<std::uint8_t>(state.range(1))});
  ScratchBuffer scratch;
  std::size_t at = 0, messages = 0, payloads = 0;
  for (auto _ : state) {
    payloads += deflater.compress(std::string_view(stream).substr(at, size), scratch).size();
    ++messages;
    at = at + 2 * size > stream.size() ? 0 : at + size;
  }
  report(state, size, payloads / messages);
}
BENCHMARK(deflate_with_context)->ArgsProduct({{128, 512, 4096}, {4, 5, 8}, {11, 12, 15}});

void inflate_without_context(benchmark::State& state) {
  const std::string message = quotes(static_cast<std::size_t>(state.range(0)));
  Deflater deflater(Context::Reset, {});
  ScratchBuffer compressed, scratch;
  const std::string payload(deflater.compress(message, compressed));
  Inflater inflater(Context::Reset);
  for (auto _ : state) benchmark::DoNotOptimize(inflater.inflate(payload, 1 << 20, scratch));
  report(state, message.size(), payload.size());
}
BENCHMARK(inflate_without_context)->Arg(128)->Arg(512)->Arg(4096)->Arg(65536);

// The worst that one byte of input costs: as many octets as the ratio allows.
void inflate_a_bomb(benchmark::State& state) {
  const std::string message(static_cast<std::size_t>(state.range(0)), '\0');
  Deflater deflater(Context::Reset, {});
  ScratchBuffer compressed, scratch;
  const std::string payload(deflater.compress(message, compressed));
  Inflater inflater(Context::Reset);
  for (auto _ : state) benchmark::DoNotOptimize(inflater.inflate(payload, 1 << 30, scratch));
  report(state, message.size(), payload.size());
}
BENCHMARK(inflate_a_bomb)->Arg(65536)->Arg(10 << 20);

}  // namespace
}  // namespace sanjay::websocket
