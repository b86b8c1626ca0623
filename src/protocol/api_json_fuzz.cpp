// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/api_json.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace sanjay::protocol {

namespace {

/// What a request holds of the body: every text in it. JSON payloads are on one line.
class Texts {
 public:
  std::size_t bytes() const { return bytes_; }

  void operator()(const ApiPublishRequest& request) {
    add(request.channel);
    add(request.publication);
  }
  void operator()(const ApiBroadcastRequest& request) {
    add(request.channels);
    add(request.publication);
  }
  void operator()(const ApiSubscribeRequest& request) {
    add(request.clients);
    add(request.channel);
    add(request.info);
    add(request.data);
    if (request.recover_since) add(request.recover_since->epoch);
  }
  void operator()(const ApiUnsubscribeRequest& request) {
    add(request.clients);
    add(request.channel);
  }
  void operator()(const ApiDisconnectRequest& request) {
    add(request.clients);
    add(request.whitelist);
    add(request.reason);
  }
  void operator()(const ApiHistoryRequest& request) {
    add(request.channel);
    if (request.since) add(request.since->epoch);
  }
  void operator()(const ApiHistoryRemoveRequest& request) { add(request.channel); }
  void operator()(const ApiPresenceRequest& request) { add(request.channel); }
  void operator()(const ApiPresenceStatsRequest& request) { add(request.channel); }
  void operator()(const ApiInfoRequest&) {}
  void operator()(const ApiRpcRequest& request) {
    add(request.method);
    add(request.params);
  }
  void operator()(const ApiRefreshRequest& request) {
    add(request.clients);
    add(request.info);
  }
  void operator()(const ApiChannelsRequest& request) { add(request.pattern); }
  void operator()(const ApiRefusedRequest& request) { ASSERT(request.error.code >= 100); }

 private:
  void add(const std::string& text) { bytes_ += text.size(); }
  void add(const std::vector<std::string>& names) {
    ASSERT(names.size() <= kApiNamesMax);
    for (const std::string& name : names) bytes_ += name.size() + 2;  // and its quotes
  }
  void add(const ApiClients& clients) {
    bytes_ += clients.user.size() + clients.client.size() + clients.session.size();
  }
  void add(const ApiPublication& publication) {
    add(publication.data);
    add(publication.idempotency_key);
    add(publication.version_epoch);
    for (const ApiTag& tag : publication.tags) bytes_ += tag.key.size() + tag.value.size();
  }
  void add(const ApiPayload& payload) {
    bytes_ += payload.bytes.size();
    ASSERT(!payload.malformed || payload.bytes.empty());
    if (!payload.is_json || payload.bytes.empty()) return;
    std::string scratch;
    const auto compact = compact_json(payload.bytes, scratch);
    ASSERT(compact && *compact == payload.bytes);
    ASSERT(payload.bytes.find_first_of("\r\n") == std::string::npos);
  }

  std::size_t bytes_ = 0;
};

/// No request makes more of a body than came.
void check(const ApiRequest& request, std::size_t body_bytes) {
  Texts texts;
  std::visit(texts, request);
  ASSERT(texts.bytes() <= body_bytes);
}

/// An error is a sentence for a person.
template <class Decoded>
bool accepted(const core::Result<Decoded>& decoded) {
  ASSERT(decoded || !decoded.error().message.empty());
  return decoded.has_value();
}

}  // namespace

/// One body for all methods: they agree on what is an object, none makes more of it than came, and
/// what one of them accepts a batch and a stream accept too, as the same.
void fuzz_api_json(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kInfo = 9;
  const bool is_object = accepted(decode_api_request(kInfo, body));
  for (std::size_t method = 0; method < kApiMethodNames.size(); ++method) {
    const auto request = decode_api_request(method, body);
    if (!accepted(request)) continue;
    ASSERT(is_object && request->index() == method);
    check(*request, size);
    const std::string name(kApiMethodNames[method]);
    const JsonOptions deeper{.depth_max = 40};
    const auto batch = decode_api_batch("{\"commands\":[{\"" + name + "\":" + body + "}]}", deeper);
    ASSERT(batch && batch->commands.size() == 1 && batch->commands[0].index() == method);
    const auto stream =
        decode_api_stream("{\"method\":\"" + name + "\",\"params\":" + body + "}", deeper);
    ASSERT(stream && stream->size() == 1 && (*stream)[0].request.index() == method);
  }
  const auto batch = decode_api_batch(body);
  if (accepted(batch)) {
    ASSERT(is_object && batch->commands.size() <= kApiCommandsMax);
    for (const ApiRequest& command : batch->commands) check(command, size);
  }
  const auto stream = decode_api_stream(body);
  if (accepted(stream)) {
    ASSERT(!stream->empty() && stream->size() <= kApiCommandsMax);
    for (const ApiStreamCommand& command : *stream) check(command.request, size);
  }
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_api_json(data, size);
  return 0;
}
#endif
