// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"
#include "protocol/replies.h"

#include <cstdint>
#include <string>
#include <string_view>

/// The Protobuf encoding of replies and pushes, function for function that of json_encoder.h: each
/// appends one reply to `out` behind its length, so that several in one message need nothing
/// between them. Payloads (`data` and `..._info`) are copied as they stand; every other text must
/// be UTF-8, or a client's parser refuses the whole message. No call allocates but for room in
/// `out`, which no view handed in may point into.
namespace sanjay::protocol::protobuf {

void append_connect_reply(std::string& out, std::uint32_t id, const ConnectResult& result);
void append_subscribe_reply(std::string& out, std::uint32_t id, const SubscribeResult& result);
void append_empty_reply(std::string& out, std::uint32_t id, EmptyResult result);
void append_presence_reply(std::string& out, std::uint32_t id, const PresenceResult& result);
void append_presence_stats_reply(std::string& out, std::uint32_t id,
                                 const PresenceStatsResult& result);
void append_history_reply(std::string& out, std::uint32_t id, const HistoryResult& result);
void append_rpc_reply(std::string& out, std::uint32_t id, const RpcResult& result);
void append_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result);
void append_sub_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result);
void append_error_reply(std::string& out, std::uint32_t id, const Error& error);

void append_publication_push(std::string& out, std::string_view channel,
                             const Publication& publication);
void append_join_push(std::string& out, std::string_view channel, const ClientInfo& info);
void append_leave_push(std::string& out, std::string_view channel, const ClientInfo& info);
void append_unsubscribe_push(std::string& out, std::string_view channel,
                             const Unsubscribe& unsubscribe);
void append_subscribe_push(std::string& out, std::string_view channel, const SubscribePush& push);
/// The connection's new lifetime, where the server has changed it.
void append_refresh_push(std::string& out, const RefreshResult& result);
/// Only for transports that cannot close with a code.
void append_disconnect_push(std::string& out, const Disconnect& disconnect);

/// The server's ping: an empty reply, which is one zero byte.
void append_ping(std::string& out);

}  // namespace sanjay::protocol::protobuf
