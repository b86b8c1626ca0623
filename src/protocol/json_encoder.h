// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"
#include "protocol/replies.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// The JSON encoding of replies and pushes: each function appends one to `out`, without a line
/// break; several in one message are joined by '\n', which is the caller's to add. Payloads (`data`
/// and `..._info`) are copied as they stand and must be valid JSON without line breaks (see
/// compact_json). Empty fields are left out as the protocol has it, except those that SDKs read
/// without asking: codes with their texts, user and client, counts, history's three.

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

/// The server's ping: an empty reply.
void append_ping(std::string& out);

/// What a unidirectional client is sent: pushes that stand for themselves instead of in a reply.
/// The connect's result is a push there, too, since nobody has asked; its id goes unused.
namespace bare {

void append_connect_push(std::string& out, std::uint32_t id, const ConnectResult& result);
void append_publication_push(std::string& out, std::string_view channel,
                             const Publication& publication);
void append_join_push(std::string& out, std::string_view channel, const ClientInfo& info);
void append_leave_push(std::string& out, std::string_view channel, const ClientInfo& info);
void append_unsubscribe_push(std::string& out, std::string_view channel,
                             const Unsubscribe& unsubscribe);
void append_subscribe_push(std::string& out, std::string_view channel, const SubscribePush& push);
void append_refresh_push(std::string& out, const RefreshResult& result);
void append_disconnect_push(std::string& out, const Disconnect& disconnect);

}  // namespace bare

}  // namespace sanjay::protocol
