// SPDX-License-Identifier: Apache-2.0
#include "websocket/decoder.h"
#include "websocket/encoder.h"
#include "websocket/mask.h"
#include "websocket/utf8.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

namespace sanjay::websocket {
namespace {

// Unmasking writes to the fed bytes, so each round starts from a fresh copy; its cost is included.
void decode_text_frame(benchmark::State& state) {
  std::string wire;
  append_masked_frame(wire, Opcode::Text,
                      std::string(static_cast<std::size_t>(state.range(0)), 'a'), 0x12345678);
  std::string memory = wire;
  const Limits limits;
  Decoder decoder(Role::Server, limits);
  for (auto _ : state) {
    std::memcpy(memory.data(), wire.data(), wire.size());
    decoder.feed(memory);
    benchmark::DoNotOptimize(decoder.next());
    benchmark::DoNotOptimize(decoder.next());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode_text_frame)->Arg(128)->Arg(65536);

void decode_text_frame_in_two_pieces(benchmark::State& state) {
  std::string wire;
  append_masked_frame(wire, Opcode::Text, std::string(128, 'a'), 0x12345678);
  std::string memory = wire;
  const Limits limits;
  Decoder decoder(Role::Server, limits);
  for (auto _ : state) {
    std::memcpy(memory.data(), wire.data(), wire.size());
    decoder.feed(std::span(memory).first(50));
    benchmark::DoNotOptimize(decoder.next());
    decoder.feed(std::span(memory).subspan(50));
    benchmark::DoNotOptimize(decoder.next());
    benchmark::DoNotOptimize(decoder.next());
  }
  state.SetBytesProcessed(state.iterations() * 128);
}
BENCHMARK(decode_text_frame_in_two_pieces);

void make_text_frame(benchmark::State& state) {
  const std::string payload(128, 'a');
  for (auto _ : state) benchmark::DoNotOptimize(make_frame(Opcode::Text, payload));
}
BENCHMARK(make_text_frame);

void unmask(benchmark::State& state) {
  std::string bytes(static_cast<std::size_t>(state.range(0)), 'a');
  for (auto _ : state) {
    apply_mask(bytes, 0x12345678);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(unmask)->Arg(128)->Arg(65536);

void utf8(benchmark::State& state, std::string_view character) {
  std::string text;
  while (text.size() < 65536) text += character;
  for (auto _ : state) benchmark::DoNotOptimize(is_utf8(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(utf8, ascii, "a");
BENCHMARK_CAPTURE(utf8, cyrillic, "\xd0\xb6");
BENCHMARK_CAPTURE(utf8, chinese, "\xe4\xb8\xad");

}  // namespace
}  // namespace sanjay::websocket
