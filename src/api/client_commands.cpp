// SPDX-License-Identifier: Apache-2.0
#include "api/commands.h"
#include "core/failpoint.h"

#include <string>
#include <utility>

// The commands about clients and about the node.
namespace sanjay::api {
namespace {

using protocol::Error;

// Close codes an application may use (RFC 6455 §7.4.2).
constexpr std::uint32_t kCloseCodeMin = 3000;
constexpr std::uint32_t kCloseCodeMax = 4999;

/// A call must be about somebody, and what narrows it must be heeded.
std::optional<Error> check_clients(const protocol::ApiClients& clients) {
  if (!clients.session.empty() && !FAILPOINT("api.session")) return protocol::kErrorNotAvailable;
  if (clients.user.empty() && clients.client.empty()) return protocol::kErrorBadRequest;
  return std::nullopt;
}

// Requests are copied, not moved: a task that finds no room is asked for again.
Clients clients_of(const protocol::ApiClients& clients,
                   const std::vector<std::string>& whitelist = {}) {
  return {clients.user, clients.client, whitelist};
}

core::Payload payload_of(const protocol::ApiPayload& payload) {
  return {payload.bytes, payload.is_json};
}

}  // namespace

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiSubscribeRequest& request) {
  if (const auto error = check_clients(request.clients)) return refuse(call, place, *error);
  if (request.info.malformed || request.data.malformed || request.expire_at < 0) {
    return refuse(call, place, protocol::kErrorBadRequest);
  }
  if (const auto found = find(request.channel); !found) return refuse(call, place, found.error());
  SubscribeClients task;
  task.clients = clients_of(request.clients);
  task.channel = request.channel;
  task.expire_at_s = request.expire_at;
  task.info = payload_of(request.info);
  task.data = payload_of(request.data);
  task.overrides = request.overrides;
  if (const auto& since = request.recover_since) {
    task.recover_since = hub::StreamPosition{since->offset, since->epoch};
  }
  return ask_shards(call, place, std::move(task));
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiUnsubscribeRequest& request) {
  if (const auto error = check_clients(request.clients)) return refuse(call, place, *error);
  if (!request.channel.empty() && !channels_.find(request.channel)) {
    return refuse(call, place, protocol::kErrorUnknownChannel);
  }
  return ask_shards(call, place, UnsubscribeClients{clients_of(request.clients), request.channel});
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiDisconnectRequest& request) {
  if (const auto error = check_clients(request.clients)) return refuse(call, place, *error);
  const bool custom = request.code != 0;
  const bool code_allowed = request.code >= kCloseCodeMin && request.code <= kCloseCodeMax;
  if ((custom && !code_allowed) || request.reason.size() > CommandLimits::kReasonBytesMax) {
    return refuse(call, place, protocol::kErrorBadRequest);
  }
  DisconnectClients task;
  task.clients = clients_of(request.clients, request.whitelist);
  task.code = custom ? static_cast<std::uint16_t>(request.code) : protocol::kDisconnectForced.code;
  task.reason = custom ? request.reason : protocol::kDisconnectForced.reason;
  return ask_shards(call, place, std::move(task));
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiRefreshRequest& request) {
  if (const auto error = check_clients(request.clients)) return refuse(call, place, *error);
  if (request.expire_at < 0) return refuse(call, place, protocol::kErrorBadRequest);
  return ask_shards(call, place,
                    RefreshClients{clients_of(request.clients), request.expired, request.expire_at,
                                   payload_of(request.info)});
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiChannelsRequest& request) {
  return ask_shards(call, place, ListChannels{request.pattern, limits_.channels_max});
}

Commands::Progress Commands::run(Call& call, const Place& place, const protocol::ApiInfoRequest&) {
  return decide(call, place, node_.info());
}

// No method is registered: there are no extensions.
Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiRpcRequest& request) {
  return refuse(call, place,
                request.method.empty() ? protocol::kErrorBadRequest : protocol::kApiErrorNotFound);
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiRefusedRequest& request) {
  return refuse(call, place, request.error);
}

}  // namespace sanjay::api
