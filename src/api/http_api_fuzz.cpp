// SPDX-License-Identifier: Apache-2.0
#include "api/fakes_test.h"
#include "api/http_api.h"
#include "core/assert.h"
#include "protocol/json_scanner.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::api {
namespace {

constexpr core::ConnectionId kConnection{1, 1, 0};

std::string_view body_of(std::string_view response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

/// A response is a refusal in plain text or valid JSON, line by line.
void check(std::string_view response) {
  ASSERT(response.starts_with("HTTP/1.1 "));
  if (!response.starts_with("HTTP/1.1 200 ")) return;
  std::string_view body = body_of(response);
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    std::string scratch;
    ASSERT(protocol::compact_json(line, scratch, {.depth_max = 64, .keys_max = 1'000'000}));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
  }
}

/// Something for every question, as good as the test's words are arbitrary.
hub::Answer answer_to(const FakeChannels::Asked& asked, std::string_view text) {
  if (asked.what == "publish") return hub::Published{{1, "e"}};
  if (asked.what == "history") {
    hub::Publication publication;
    publication.data = text;
    publication.data_is_json = false;
    const hub::Tag tag{text, text};
    publication.tags = {&tag, 1};
    hub::History history;
    history.publications.push_back(std::make_shared<const hub::StoredPublication>(publication));
    return history;
  }
  if (asked.what == "presence") {
    hub::Presence presence;
    presence.clients.push_back(hub::OwnedClientInfo({text, text, text, text}));
    return presence;
  }
  if (asked.what == "presence_stats") return hub::PresenceStats{1, 1};
  return hub::Done{};
}

}  // namespace

/// The first byte picks the method, the rest is the body: exactly one response comes of it, and it
/// is well formed, whatever the channels hold; nothing is left.
void fuzz_http_api(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  HttpApiOptions options;
  options.insecure = true;
  options.error_mode = data[0] >= 128 ? ErrorMode::Transport : ErrorMode::Body;
  FakeNode node;
  FakeChannels channels;
  HttpApi api(options, channels, node);
  const std::size_t method = data[0] % (kMethodNames.size() + 1);
  std::string path(HttpApi::kStreamPath);
  if (method < kMethodNames.size())
    path = std::string(HttpApi::kPrefix).append(kMethodNames[method]);
  http::RequestHead head;
  head.method = "POST";
  head.path = path;
  std::optional<std::string> response = api.respond(head, body, kConnection, {});
  std::size_t tasks_done = 0;
  while (!response) {
    ASSERT(!channels.asked.empty() || tasks_done < node.asked.size());
    if (!channels.asked.empty()) {
      const FakeChannels::Asked asked = std::move(channels.asked.front());
      channels.asked.pop_front();
      response = api.on_answer(asked.reply_to.request, answer_to(asked, body));
      continue;
    }
    const std::uint32_t number = node.asked[tasks_done++].second;
    ++node.answered;
    ASSERT(!api.on_shard_answer(number, {}));
    auto done = api.on_shard_answer(number, {});
    if (done) response = std::move(done->response);
  }
  check(*response);
  ASSERT(api.calls_under_way() == 0);
}

}  // namespace sanjay::api

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::api::fuzz_http_api(data, size);
  return 0;
}
#endif
