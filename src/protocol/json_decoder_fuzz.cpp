// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/json_decoder.h"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sanjay::protocol {

namespace {

void check_text(std::string_view text) {
  ASSERT(simdjson::validate_utf8(text.data(), text.size()));
}

/// A payload that was let through must be JSON on one line already.
void check_data(std::string_view data) {
  if (data.empty()) return;
  std::string scratch;
  const auto compact = compact_json(data, scratch);
  ASSERT(compact && *compact == data);
  ASSERT(data.find_first_of("\r\n") == std::string_view::npos);
}

void check(const Pong&) {}
void check(const SubscribeRequest& request) {
  check_text(request.channel);
  check_text(request.token);
  check_text(request.epoch);
  check_text(request.delta);
  check_data(request.data);
}
void check(const ConnectRequest& request) {
  check_text(request.token);
  check_text(request.name);
  check_text(request.version);
  check_data(request.data);
  for (const SubscribeRequest& sub : request.subs) check(sub);
  for (const EmulatedHeader& header : request.headers) {
    check_text(header.name);
    check_text(header.value);
  }
}
void check(const UnsubscribeRequest& request) { check_text(request.channel); }
void check(const PublishRequest& request) {
  check_text(request.channel);
  check_data(request.data);
}
void check(const PresenceRequest& request) { check_text(request.channel); }
void check(const PresenceStatsRequest& request) { check_text(request.channel); }
void check(const HistoryRequest& request) {
  check_text(request.channel);
  check_text(request.since_epoch);
}
void check(const RpcRequest& request) {
  check_text(request.method);
  check_data(request.data);
}
void check(const SendRequest& request) { check_data(request.data); }
void check(const RefreshRequest& request) { check_text(request.token); }
void check(const SubRefreshRequest& request) {
  check_text(request.channel);
  check_text(request.token);
}

}  // namespace

/// Whatever decodes is well-formed, and stopping after any command and going on with the saved rest
/// gives the same commands as decoding in one go.
void fuzz_json_decoder(const std::uint8_t* data, std::size_t size) {
  const std::string message(reinterpret_cast<const char*>(data), size);
  JsonDecoder whole;
  JsonDecoder resumed;
  whole.begin(message);
  std::string saved = message;
  while (auto command = whole.next()) {
    resumed.begin(saved);
    const auto again = resumed.next();
    ASSERT(again && again->has_value() == command->has_value());
    if (!*command) {
      ASSERT(!command->error().reason.empty() && whole.rest().empty() && !whole.next());
      return;
    }
    ASSERT((*again)->id == (*command)->id);
    ASSERT((*again)->request.index() == (*command)->request.index());
    std::visit([](const auto& request) { check(request); }, (*command)->request);
    ASSERT(resumed.rest() == whole.rest());
    saved = std::string(whole.rest());
  }
  ASSERT(saved.empty());
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_json_decoder(data, size);
  return 0;
}
#endif
