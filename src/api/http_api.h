// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/commands.h"
#include "api/error_mode.h"
#include "core/connection_id.h"
#include "core/time.h"
#include "http/request_parser.h"
#include "protocol/api_requests.h"
#include "telemetry/counter.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sanjay::api {

struct HttpApiOptions {
  std::string key;                      // empty: nobody is let in unless insecure
  bool insecure = false;                // no key is asked for
  std::size_t channel_bytes_max = 255;  // longer: error 107
  std::size_t channels_max = 10'000;    // of one channels call, more: error 106
  ErrorMode error_mode = ErrorMode::Body;
};

/// The methods offered, each at kPrefix + name; batch is the last.
inline constexpr auto kMethodNames = [] {
  std::array<std::string_view, protocol::kApiMethodNames.size() + 1> names;
  std::ranges::copy(protocol::kApiMethodNames, names.begin());
  names.back() = "batch";
  return names;
}();

/// Counters of one shard's API; any thread may read them.
struct HttpApiStats {
  std::array<telemetry::Counter, kMethodNames.size()> calls;  // and the commands of batches
  telemetry::Counter unauthorized;
};

/// The server API over HTTP, Centrifugo's in paths, headers and bodies: one call a request. An
/// error is a response with status 200 and an "error" object, or in transport mode, which a header
/// or the options ask for, a response with the error's status. One per shard.
class HttpApi {
 public:
  static constexpr std::string_view kPrefix = "/api/";
  /// Takes a stream of commands, each with its method.
  static constexpr std::string_view kStreamPath = "/api";
  static bool serves(std::string_view path) {
    return path == kStreamPath || path.starts_with(kPrefix);
  }

  /// `options`, `channels` and `node` outlive the API.
  HttpApi(const HttpApiOptions& options, Channels& channels, Node& node)
      : options_(&options), commands_(limits_of(options), channels, node) {}
  void set_options(const HttpApiOptions& options) {
    options_ = &options;
    commands_.set_limits(limits_of(options));
  }

  /// The response to a request for a path that is served, or nothing: it follows from one of the
  /// two calls below. A connection has one request under way at a time.
  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection, core::Instant now);

  /// The answer to a ReplyTo with that number: the response, once there is no more to wait for.
  std::optional<std::string> on_answer(std::uint32_t request, hub::Answer&& answer);

  /// A shard has answered the task with that number.
  struct Done {
    core::ConnectionId connection;
    std::string response;
  };
  std::optional<Done> on_shard_answer(std::uint32_t number, ShardAnswer&& answer);

  /// The connection is gone: what it asked for needs no response.
  void forget(core::ConnectionId connection);

  const HttpApiStats& stats() const { return stats_; }
  std::size_t calls_under_way() const { return commands_.calls_under_way(); }

 private:
  enum class Shape : std::uint8_t { Single, Batch, Stream };
  /// What a response needs to know of its request.
  struct Request {
    core::ConnectionId connection;
    Shape shape;
    ErrorMode error_mode;
    bool keep_alive;
    std::vector<std::size_t> methods{};  // of a batch's commands: indices in ApiRequest
    std::vector<std::uint32_t> ids{};    // of a stream's commands
    Commands::CallNumber call = 0;
  };
  using Response = std::optional<std::string>;

  static CommandLimits limits_of(const HttpApiOptions& options);
  bool is_authorized(const http::RequestHead& head) const;
  ErrorMode error_mode_of(const http::RequestHead& head) const;
  Response respond_to_call(std::size_t method, std::string_view body, Request&& request,
                           core::Instant now);
  Response respond_to_batch(std::string_view body, Request&& request, core::Instant now);
  Response respond_to_stream(std::string_view body, Request&& request, core::Instant now);
  Response start(std::vector<protocol::ApiRequest> commands, Commands::Order order,
                 Request&& request, core::Instant now);
  std::optional<Done> finish(std::optional<Commands::Finished>&& finished);

  static std::string write_response(const Request& request, const Commands::Replies& replies);
  static std::string write_single(const Request& request, const Reply& reply);

  const HttpApiOptions* options_;
  Commands commands_;
  std::unordered_map<std::uint32_t, Request> requests_;  // under way, by connection slot
  HttpApiStats stats_;
};

}  // namespace sanjay::api
