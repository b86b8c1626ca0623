// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"
#include "protocol/replies.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// One encoding of what the server says: a function for each kind of reply and push, which appends
/// it to a message. See json_encoder.h and protobuf_encoder.h. What answers commands is null where
/// a client can give none.
struct ReplyEncoding {
  template <class Result>
  using Reply = void (*)(std::string& out, std::uint32_t id, const Result& result);
  template <class Content>
  using Push = void (*)(std::string& out, std::string_view channel, const Content& content);

  std::string_view separator;  // between two in one message
  bool carries_binary;         // payloads need not be JSON
  Reply<ConnectResult> connect;
  Reply<SubscribeResult> subscribe = nullptr;
  void (*empty)(std::string& out, std::uint32_t id, EmptyResult result) = nullptr;
  Reply<PresenceResult> presence = nullptr;
  Reply<PresenceStatsResult> presence_stats = nullptr;
  Reply<HistoryResult> history = nullptr;
  Reply<RpcResult> rpc = nullptr;
  Reply<RefreshResult> refresh = nullptr;
  Reply<RefreshResult> sub_refresh = nullptr;
  Reply<Error> error = nullptr;
  Push<Publication> publication_push;
  Push<ClientInfo> join_push;
  Push<ClientInfo> leave_push;
  Push<Unsubscribe> unsubscribe_push;
  Push<SubscribePush> subscribe_push;
  void (*refresh_push)(std::string& out, const RefreshResult& result);
  void (*disconnect_push)(std::string& out, const Disconnect& disconnect);
  void (*ping)(std::string& out);
};

extern const ReplyEncoding kJsonReplies;
extern const ReplyEncoding kProtobufReplies;
extern const ReplyEncoding kJsonPushes;  // for unidirectional clients

}  // namespace sanjay::protocol
