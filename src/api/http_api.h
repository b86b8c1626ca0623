// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/broadcast.h"
#include "api/node.h"
#include "core/connection_id.h"
#include "core/time.h"
#include "http/request_parser.h"
#include "hub/hub.h"
#include "protocol/codes.h"
#include "telemetry/counter.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sanjay::api {

struct HttpApiOptions {
  std::string key;                      // empty: nobody is let in unless insecure
  bool insecure = false;                // no key is asked for
  std::size_t channel_bytes_max = 255;  // longer: error 107
  std::size_t channels_max = 10'000;    // of one channels call, more: error 106
};

/// The methods offered, each at kPrefix + name.
inline constexpr std::array<std::string_view, 6> kMethodNames{
    "publish", "broadcast", "unsubscribe", "disconnect", "channels", "info"};

/// Counters of one shard's API; any thread may read them.
struct HttpApiStats {
  std::array<telemetry::Counter, kMethodNames.size()> calls;
  telemetry::Counter unauthorized;
};

/// The server API over HTTP, Centrifugo's in paths, headers and bodies. Application errors are HTTP
/// 200 with an "error" object, as there. One per shard.
class HttpApi {
 public:
  static constexpr std::string_view kPrefix = "/api/";

  /// `options`, `hub` and `node` outlive the API.
  HttpApi(const HttpApiOptions& options, hub::Hub& hub, Node& node)
      : options_(&options), hub_(hub), node_(node) {}
  void set_options(const HttpApiOptions& options) { options_ = &options; }

  /// The response to a request whose path begins with kPrefix, or nothing: it follows from one of
  /// the two calls below.
  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection, core::Instant now);

  /// The hub has decided a publication of that connection's request: the response, once there is no
  /// more to wait for.
  std::optional<std::string> on_published(core::ConnectionId connection, std::uint32_t request,
                                          hub::PublishOutcome outcome, bool keep_alive);

  /// A shard has answered the task with that number.
  struct Done {
    core::ConnectionId connection;
    std::string body;  // of a response with status 200
  };
  std::optional<Done> on_shard_answer(std::uint32_t number, ShardAnswer&& answer);

  /// The connection is gone: what it asked for needs no response.
  void forget(core::ConnectionId connection) { broadcasts_.erase(connection.slot); }

  const HttpApiStats& stats() const { return stats_; }

 private:
  struct Call {
    std::string_view body;
    core::ConnectionId connection;
    core::Instant now;
    bool keep_alive;
  };
  using Response = std::optional<std::string>;
  // A task that the shards are working on.
  struct Asked {
    core::ConnectionId connection;
    std::size_t answers_left = 0;
    bool lists_channels = false;
    ShardAnswer merged{};
  };

  bool is_authorized(const http::RequestHead& head) const;
  Response publish(const Call& call);
  Response broadcast(const Call& call);
  Response unsubscribe(const Call& call);
  Response disconnect(const Call& call);
  Response channels(const Call& call);
  Response info(const Call& call);
  Response ask_shards(ShardTask task, bool lists_channels, const Call& call);
  /// Why nothing may be published there, or nothing.
  std::optional<protocol::Error> check_channel(std::string_view channel) const;
  std::string channels_body(const ShardAnswer& answer) const;

  const HttpApiOptions* options_;
  hub::Hub& hub_;
  Node& node_;
  std::unordered_map<std::uint32_t, Broadcast> broadcasts_;  // under way, by connection slot
  std::unordered_map<std::uint32_t, Asked> asked_;           // by task number
  std::uint32_t next_task_ = 0;
  HttpApiStats stats_;
};

}  // namespace sanjay::api
