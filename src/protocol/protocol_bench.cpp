// SPDX-License-Identifier: Apache-2.0
#include "protocol/fossil_delta.h"
#include "protocol/json_decoder.h"
#include "protocol/json_encoder.h"
#include "protocol/protobuf_decoder.h"
#include "protocol/protobuf_encoder.h"

#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <protocol/client.pb.h>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanjay::protocol {
namespace {

const std::string kData128 =
    R"({"text":"the quick brown fox jumps over the lazy dog","n":12345,"tags":["a","b"],)"
    R"("user":{"name":"Anna","id":42},"ok":true,"t":1e3})";
const std::string kPublish =
    R"({"id":4,"publish":{"channel":"chat:index","data":)" + kData128 + "}}";

void decode(benchmark::State& state, const std::string& message) {
  JsonDecoder decoder;
  for (auto _ : state) {
    decoder.begin(message);
    while (auto command = decoder.next()) benchmark::DoNotOptimize(command);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void decode_publish(benchmark::State& state) { decode(state, kPublish); }
BENCHMARK(decode_publish);

void decode_subscribe(benchmark::State& state) {
  decode(state,
         R"({"id":3,"subscribe":{"channel":"news","recover":true,"epoch":"xyzw","offset":41}})");
}
BENCHMARK(decode_subscribe);

void decode_pong(benchmark::State& state) { decode(state, "{}"); }
BENCHMARK(decode_pong);

void decode_publish_16k(benchmark::State& state) {
  decode(state,
         R"({"id":4,"publish":{"channel":"a","data":")" + std::string(16384, 'x') + R"("}})");
}
BENCHMARK(decode_publish_16k);

/// Reference for the scanner: the same command with simdjson alone. Its on-demand parser finds the
/// fields but passes broken values in `data`, so its DOM parser has to validate first.
void reference_simdjson_publish(benchmark::State& state) {
  simdjson::dom::parser validator;
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(kPublish);
  for (auto _ : state) {
    if (validator.parse(padded).error() != simdjson::SUCCESS) state.SkipWithError("invalid");
    simdjson::ondemand::document command = parser.iterate(padded);
    std::uint64_t id = command["id"];
    simdjson::ondemand::object publish = command["publish"];
    std::string_view channel = publish["channel"];
    std::string_view data = simdjson::to_json_string(publish["data"]);
    benchmark::DoNotOptimize(id);
    benchmark::DoNotOptimize(channel);
    benchmark::DoNotOptimize(data);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPublish.size()));
}
BENCHMARK(reference_simdjson_publish);

/// The same publish command for the Protobuf codec.
std::string protobuf_publish() {
  wire::Command command;
  command.set_id(4);
  command.mutable_publish()->set_channel("chat:index");
  command.mutable_publish()->set_data(kData128);
  const std::string body = command.SerializeAsString();
  // A length of two bytes.
  return std::string{static_cast<char>(body.size() | 0x80), static_cast<char>(body.size() >> 7)} +
         body;
}

void decode_protobuf_publish(benchmark::State& state) {
  const std::string message = protobuf_publish();
  ProtobufDecoder decoder;
  for (auto _ : state) {
    decoder.begin(message);
    while (auto command = decoder.next()) {
      if (!*command) state.SkipWithError("refused");
      benchmark::DoNotOptimize(command);
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(decode_protobuf_publish);

void decode_protobuf_pong(benchmark::State& state) {
  const std::string message(1, '\0');
  ProtobufDecoder decoder;
  for (auto _ : state) {
    decoder.begin(message);
    while (auto command = decoder.next()) benchmark::DoNotOptimize(command);
  }
}
BENCHMARK(decode_protobuf_pong);

/// Reference for the reader: the same command with libprotobuf, its arena's memory reused.
void reference_libprotobuf_publish(benchmark::State& state) {
  const std::string message = protobuf_publish();
  alignas(std::max_align_t) char block[8192];
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof(block);
  google::protobuf::Arena arena(options);
  for (auto _ : state) {
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                              static_cast<int>(message.size()));
    std::uint32_t length = 0;
    if (!in.ReadVarint32(&length)) state.SkipWithError("invalid");
    auto* command = google::protobuf::Arena::CreateMessage<wire::Command>(&arena);
    const char* const body = message.data() + in.CurrentPosition();
    if (!command->ParseFromArray(body, static_cast<int>(length))) state.SkipWithError("invalid");
    benchmark::DoNotOptimize(command->publish().data().data());
    arena.Reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(reference_libprotobuf_publish);

void encode_publication(benchmark::State& state) {
  std::string out;
  Publication publication;
  publication.data = kData128;
  publication.offset = 123456;
  for (auto _ : state) {
    out.clear();
    append_publication_push(out, "chat:index", publication);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_publication);

void encode_publication_of_client(benchmark::State& state) {
  std::string out;
  Publication publication;
  publication.data = kData128;
  publication.info = ClientInfo{"42", "5a3e7d6c-0b1f-4c5e-9d2a-111122223333", {}, {}};
  for (auto _ : state) {
    out.clear();
    append_publication_push(out, "chat:index", publication);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_publication_of_client);

void encode_publish_reply(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_empty_reply(out, 4, EmptyResult::Publish);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_publish_reply);

void encode_protobuf_publication(benchmark::State& state) {
  std::string out;
  Publication publication;
  publication.data = kData128;
  publication.offset = 123456;
  for (auto _ : state) {
    out.clear();
    protobuf::append_publication_push(out, "chat:index", publication);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_protobuf_publication);

void encode_protobuf_publication_of_client(benchmark::State& state) {
  std::string out;
  Publication publication;
  publication.data = kData128;
  publication.info = ClientInfo{"42", "5a3e7d6c-0b1f-4c5e-9d2a-111122223333", {}, {}};
  for (auto _ : state) {
    out.clear();
    protobuf::append_publication_push(out, "chat:index", publication);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_protobuf_publication_of_client);

void encode_protobuf_publish_reply(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    protobuf::append_empty_reply(out, 4, EmptyResult::Publish);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_protobuf_publish_reply);

/// A state of so many bytes with one price changed; where `moved`, a line stands elsewhere too.
void fossil_delta(benchmark::State& state, bool moved) {
  std::string base;
  std::string target;
  for (int i = 0; base.size() < static_cast<std::size_t>(state.range(0)); ++i) {
    const std::string line = R"({"symbol":"S)" + std::to_string(i * 7919) + R"(","price":)";
    base += line + "100},";
    target += moved && i % 16 == 5 ? "" : line + (i == 3 ? "101}," : "100},");
  }
  FossilDelta delta;
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(delta.create(base, target, PatchForm::Text, out));
  }
  state.counters["patch"] = static_cast<double>(out.size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(target.size()));
}
BENCHMARK_CAPTURE(fossil_delta, one_edit, false)->Arg(256)->Arg(4096)->Arg(65536);
BENCHMARK_CAPTURE(fossil_delta, many_edits, true)->Arg(256)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace sanjay::protocol
