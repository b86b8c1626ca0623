// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"
#include "protocol/replies.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// One encoding of what the server says: a function for each kind of reply and push, which appends
/// it to a message. See json_encoder.h and protobuf_encoder.h.
struct ReplyEncoding {
  template <class Result>
  using Reply = void (*)(std::string& out, std::uint32_t id, const Result& result);
  template <class Content>
  using Push = void (*)(std::string& out, std::string_view channel, const Content& content);

  std::string_view separator;  // between two in one message
  bool carries_binary;         // payloads need not be JSON
  Reply<ConnectResult> connect;
  Reply<SubscribeResult> subscribe;
  void (*empty)(std::string& out, std::uint32_t id, EmptyResult result);
  Reply<PresenceResult> presence;
  Reply<PresenceStatsResult> presence_stats;
  Reply<HistoryResult> history;
  Reply<RpcResult> rpc;
  Reply<RefreshResult> refresh;
  Reply<RefreshResult> sub_refresh;
  Reply<Error> error;
  Push<Publication> publication_push;
  Push<ClientInfo> join_push;
  Push<ClientInfo> leave_push;
  Push<Unsubscribe> unsubscribe_push;
  Push<SubscribePush> subscribe_push;
  void (*refresh_push)(std::string& out, const RefreshResult& result);
  void (*ping)(std::string& out);
};

extern const ReplyEncoding kJsonReplies;
extern const ReplyEncoding kProtobufReplies;

}  // namespace sanjay::protocol
