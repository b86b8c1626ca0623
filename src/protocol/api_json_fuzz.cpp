// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/api_json.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sanjay::protocol {

namespace {

/// An error is a sentence for a person; what is accepted is no larger than what came.
template <class Request>
const Request* accepted(const core::Result<Request>& request) {
  if (request) return &*request;
  ASSERT(!request.error().message.empty());
  return nullptr;
}

/// With data_is_json the data is JSON on one line.
void check_data(const ApiPublishRequest& request) {
  if (!request.data_is_json || request.data.empty()) return;
  std::string scratch;
  const auto compact = compact_json(request.data, scratch);
  ASSERT(compact && *compact == request.data);
  ASSERT(request.data.find_first_of("\r\n") == std::string::npos);
}

std::size_t sum_of(const std::vector<std::string>& strings) {
  std::size_t sum = 0;
  for (const std::string& string : strings) sum += string.size();
  return sum;
}

}  // namespace

/// One body for all methods: they agree on what is an object, and none makes more of it than came.
void fuzz_api_json(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const bool is_object = check_api_empty(body).has_value();

  const auto publish = decode_api_publish(body);
  if (const auto* request = accepted(publish)) {
    check_data(*request);
    ASSERT(request->channel.size() + request->data.size() <= size && is_object);
  }
  const auto broadcast = decode_api_broadcast(body);
  if (const auto* request = accepted(broadcast)) {
    check_data(request->publication);
    ASSERT(request->channels.size() + sum_of(request->channels) <= size && is_object);
    if (publish) ASSERT(request->publication.data == publish->data);
  }
  const auto unsubscribe = decode_api_unsubscribe(body);
  if (const auto* request = accepted(unsubscribe)) {
    const ApiClients& clients = request->clients;
    ASSERT(clients.user.size() + clients.client.size() + request->channel.size() <= size);
    ASSERT(is_object);
  }
  const auto disconnect = decode_api_disconnect(body);
  if (const auto* request = accepted(disconnect)) {
    ASSERT(sum_of(request->whitelist) + request->reason.size() <= size && is_object);
    if (unsubscribe) ASSERT(request->clients.user == unsubscribe->clients.user);
  }
  const auto channels = decode_api_channels(body);
  if (const auto* request = accepted(channels)) {
    ASSERT(request->pattern.size() <= size && is_object);
  }
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_api_json(data, size);
  return 0;
}
#endif
