// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/random.h"
#include "http/chunked_decoder.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {
namespace {

using State = ChunkedDecoder::State;

constexpr std::size_t kBodyMax = 300;
constexpr std::size_t kIgnoredMax = 100;

struct Outcome {
  State state = State::NeedMore;
  std::size_t consumed = 0;
  std::string body;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view wire, core::Random* cuts) {
  ChunkedDecoder decoder(kBodyMax, kIgnoredMax);
  Outcome out;
  while (out.state == State::NeedMore && out.consumed < wire.size()) {
    const std::size_t length = cuts == nullptr ? wire.size() : 1 + cuts->below(9);
    const std::string_view piece = wire.substr(out.consumed, length);
    const auto [state, consumed] = decoder.feed(piece, out.body);
    ASSERT(consumed <= piece.size() && (state != State::NeedMore || consumed == piece.size()));
    out.state = state;
    out.consumed += consumed;
  }
  // How far a refused body was looked at, and what came of it, is nobody's business.
  if (out.state == State::Malformed || out.state == State::TooLarge) return {out.state, 0, {}};
  ASSERT(out.body.size() <= kBodyMax);
  return out;
}

/// The same body in pieces of other sizes.
std::string encode(std::string_view body, core::Random& random) {
  std::string wire;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, 1 + random.below(40));
    char size[8];
    const char* const end = std::to_chars(size, size + sizeof(size), piece.size(), 16).ptr;
    wire.append(std::string_view(size, static_cast<std::size_t>(end - size)));
    wire.append("\r\n").append(piece).append("\r\n");
    body.remove_prefix(piece.size());
  }
  return wire + "0\r\n\r\n";
}

}  // namespace

/// First octet: the seed of the cuts; the rest is a chunked body and what follows it.
void fuzz_chunked_decoder(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  core::Random random(data[0]);
  const Outcome whole = decode(wire, nullptr);
  ASSERT(decode(wire, &random) == whole);
  if (whole.state != State::Complete) return;
  const std::string again = encode(whole.body, random);
  ASSERT(decode(again, &random) == (Outcome{State::Complete, again.size(), whole.body}));
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_chunked_decoder(data, size);
  return 0;
}
#endif
