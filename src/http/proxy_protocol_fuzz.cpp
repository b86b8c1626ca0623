// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/random.h"
#include "http/proxy_protocol.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {
namespace {

/// What came of it, in one line: outcome, bytes taken in all, and the client.
std::string outcome_of(std::string_view wire, core::Random* cuts) {
  ProxyHeaderParser parser;
  std::size_t consumed = 0;
  auto state = ProxyHeaderParser::State::NeedMore;
  while (state == ProxyHeaderParser::State::NeedMore && !wire.empty()) {
    const std::size_t length = cuts == nullptr ? wire.size() : 1 + cuts->below(20);
    const std::string_view piece = wire.substr(0, length);
    const auto progress = parser.feed(piece);
    state = progress.state;
    ASSERT(progress.consumed <= piece.size());
    ASSERT(state != ProxyHeaderParser::State::NeedMore || progress.consumed == piece.size());
    consumed += progress.consumed;
    wire.remove_prefix(progress.consumed);
  }
  ASSERT(consumed <= ProxyHeaderParser::kHeaderBytesMax);
  std::string out = std::to_string(static_cast<int>(state)) + " " + std::to_string(consumed);
  if (state == ProxyHeaderParser::State::Malformed) ASSERT(!parser.reason().empty());
  if (const auto& source = parser.source()) {
    ASSERT(state == ProxyHeaderParser::State::Done);
    out += " " + source->address.to_string() + " " + std::to_string(source->port);
  }
  return out;
}

}  // namespace

/// First octet: the seed of the cuts; the rest is what a peer sent. The answer is the same for
/// every cut and comes within the bound.
void fuzz_proxy_protocol(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  core::Random random(data[0]);
  const std::string whole = outcome_of(wire, nullptr);
  ASSERT(outcome_of(wire, &random) == whole);
  if (whole.starts_with("0 ")) ASSERT(wire.size() < ProxyHeaderParser::kHeaderBytesMax);
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_proxy_protocol(data, size);
  return 0;
}
#endif
