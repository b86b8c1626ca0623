// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "http/response.h"
#include "http/upgrade.h"
#include "http/upgrade_client.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {
namespace {

constexpr std::string_view kOurs[] = {"centrifuge-json", "centrifuge-protobuf"};

// An accepted handshake is answered by bytes of our own choice and understood by our own client; a
// refused one by a single well-formed head.
void answer(const RequestHead& head) {
  const auto accepted = accept_upgrade(head, kOurs);
  if (!accepted) {
    const std::string refusal = make_refusal(accepted.error());
    const std::size_t head_end = refusal.find("\r\n\r\n");
    ASSERT(refusal.starts_with("HTTP/1.1 4"));
    ASSERT(refusal.substr(head_end + 4) == std::string(accepted.error().message) + "\n");
    return;
  }
  const std::string key(*head.headers.find("Sec-WebSocket-Key"));
  std::string expected =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(key);
  const std::string_view chosen = accepted->subprotocol ? kOurs[*accepted->subprotocol] : "";
  if (!chosen.empty()) expected.append("\r\nSec-WebSocket-Protocol: ").append(chosen);
  ASSERT(accepted->response == expected + "\r\n\r\n");
  UpgradeResponseReader reader(key, chosen);
  const auto [state, consumed] = reader.feed(accepted->response);
  ASSERT(state == UpgradeResponseReader::State::Done && consumed == accepted->response.size());
}

// The client's side: the verdict on an answer does not depend on how it was cut.
void read_answer(std::string_view bytes) {
  constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
  UpgradeResponseReader whole(kKey, {});
  const auto expected = whole.feed(bytes);
  UpgradeResponseReader bytewise(kKey, {});
  std::size_t consumed = 0;
  auto state = UpgradeResponseReader::State::NeedMore;
  while (consumed < bytes.size() && state == UpgradeResponseReader::State::NeedMore) {
    state = bytewise.feed(bytes.substr(consumed, 1)).state;
    ++consumed;
  }
  ASSERT(state == expected.state && consumed == expected.consumed);
  ASSERT(whole.status() == bytewise.status());
}

}  // namespace

/// A client's opening handshake, or, if it begins with "HTTP", a server's answer to one.
void fuzz_upgrade(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("HTTP")) return read_answer(bytes);
  const RequestLimits limits;
  RequestParser parser(limits);
  const RequestParser::State state = parser.feed(bytes).state;
  if (state == RequestParser::State::HeadComplete || state == RequestParser::State::Complete) {
    answer(parser.head());
  }
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_upgrade(data, size);
  return 0;
}
#endif
