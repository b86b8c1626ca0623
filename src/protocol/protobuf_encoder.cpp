// SPDX-License-Identifier: Apache-2.0
#include "protocol/protobuf_encoder.h"

#include "protocol/protobuf_writer.h"

namespace sanjay::protocol::protobuf {

// Each message is described once, over a ProtobufSizer or a ProtobufWriter. Fields stand in the
// order of their numbers, which are those of client.proto.
namespace {

void describe(auto& out, const ClientInfo& info) {
  out.text(1, info.user);
  out.text(2, info.client);
  out.text(3, info.connection_info);
  out.text(4, info.channel_info);
}

void describe(auto& out, const Publication& publication) {
  out.text(4, publication.data);
  if (publication.info) out.message(5, [&](auto& info) { describe(info, *publication.info); });
  out.number(6, publication.offset);
  for (const Tag& tag : publication.tags) {
    out.message(7, [&](auto& entry) {
      entry.always_text(1, tag.key);
      entry.always_text(2, tag.value);
    });
  }
  out.flag(8, publication.delta);
  out.number(9, publication.time_ms);
  out.text(14, publication.epoch);
  out.number(16, publication.version);
}

void describe(auto& out, const SubscribeResult& result) {
  out.flag(1, result.expires);
  out.number(2, std::uint64_t{result.ttl_s});
  out.flag(3, result.recoverable);
  out.text(6, result.epoch);
  for (const Publication& publication : result.publications) {
    out.message(7, [&](auto& body) { describe(body, publication); });
  }
  out.flag(8, result.recovered);
  out.number(9, result.offset);
  out.flag(10, result.positioned);
  out.text(11, result.data);
  out.flag(12, result.was_recovering);
  out.flag(13, result.delta);
}

void describe(auto& out, const ConnectResult& result) {
  out.text(1, result.client);
  out.text(2, result.version);
  out.flag(3, result.expires);
  out.number(4, std::uint64_t{result.ttl_s});
  out.text(5, result.data);
  for (const ServerSubscription& sub : result.subs) {
    out.message(6, [&](auto& entry) {
      entry.always_text(1, sub.channel);
      entry.message(2, [&](auto& value) { describe(value, sub.result); });
    });
  }
  out.number(7, std::uint64_t{result.ping_s});
  out.flag(8, result.pong);
  out.text(9, result.session);
  out.text(10, result.node);
  out.number(11, result.time_ms);
}

void describe(auto& out, const PresenceResult& result) {
  for (const ClientInfo& info : result.clients) {
    out.message(1, [&](auto& entry) {
      entry.always_text(1, info.client);
      entry.message(2, [&](auto& value) { describe(value, info); });
    });
  }
}

void describe(auto& out, const PresenceStatsResult& result) {
  out.number(1, std::uint64_t{result.num_clients});
  out.number(2, std::uint64_t{result.num_users});
}

void describe(auto& out, const HistoryResult& result) {
  for (const Publication& publication : result.publications) {
    out.message(1, [&](auto& body) { describe(body, publication); });
  }
  out.text(2, result.epoch);
  out.number(3, result.offset);
}

void describe(auto& out, const RpcResult& result) { out.text(1, result.data); }

void describe(auto& out, const Error& error) {
  out.number(1, std::uint64_t{error.code});
  out.text(2, error.message);
  out.flag(3, error.temporary);
}

void describe(auto& out, const Unsubscribe& unsubscribe) {
  out.number(2, std::uint64_t{unsubscribe.code});
  out.text(3, unsubscribe.reason);
}

void describe(auto& out, const SubscribePush& push) {
  out.flag(1, push.recoverable);
  out.text(4, push.epoch);
  out.number(5, push.offset);
  out.flag(6, push.positioned);
  out.text(7, push.data);
}

void describe(auto& out, const Disconnect& disconnect) {
  out.number(1, std::uint64_t{disconnect.code});
  out.text(2, disconnect.reason);
}

/// The two refresh results say the same under different numbers; they start at `first`.
auto lifetime(std::uint32_t first, const RefreshResult& result) {
  return [first, &result](auto& out) {
    out.flag(first, result.expires);
    out.number(first + 1, std::uint64_t{result.ttl_s});
  };
}

/// The fields of Reply and Push that name their content.
enum ReplyField : std::uint32_t {
  kErrorField = 2,
  kPushField = 4,
  kConnectField = 5,
  kSubscribeField = 6,
  kUnsubscribeField = 7,
  kPublishField = 8,
  kPresenceField = 9,
  kPresenceStatsField = 10,
  kHistoryField = 11,
  kRpcField = 13,
  kRefreshField = 14,
  kSubRefreshField = 15,
};
enum PushField : std::uint32_t {
  kPublicationField = 4,
  kJoinField = 5,
  kLeaveField = 6,
  kUnsubscribePushField = 7,
  kSubscribePushField = 9,
  kDisconnectField = 11,
  kRefreshPushField = 12,
};

template <class Describe>
void append_reply_with(std::string& out, std::uint32_t id, ReplyField field,
                       const Describe& result) {
  append_delimited(out, [&](auto& reply) {
    reply.number(1, std::uint64_t{id});
    reply.message(field, result);
  });
}

template <class Result>
void append_reply(std::string& out, std::uint32_t id, ReplyField field, const Result& result) {
  append_reply_with(out, id, field, [&](auto& body) { describe(body, result); });
}

template <class Describe>
void append_push_with(std::string& out, std::string_view channel, PushField field,
                      const Describe& content) {
  append_reply_with(out, 0, kPushField, [&](auto& push) {
    push.text(2, channel);
    push.message(field, content);
  });
}

template <class Content>
void append_push(std::string& out, std::string_view channel, PushField field,
                 const Content& content) {
  append_push_with(out, channel, field, [&](auto& body) { describe(body, content); });
}

void append_info_push(std::string& out, std::string_view channel, PushField field,
                      const ClientInfo& info) {
  append_push_with(out, channel, field, [&](auto& body) {
    body.message(1, [&](auto& value) { describe(value, info); });
  });
}

}  // namespace

void append_connect_reply(std::string& out, std::uint32_t id, const ConnectResult& result) {
  append_reply(out, id, kConnectField, result);
}

void append_subscribe_reply(std::string& out, std::uint32_t id, const SubscribeResult& result) {
  append_reply(out, id, kSubscribeField, result);
}

void append_empty_reply(std::string& out, std::uint32_t id, EmptyResult result) {
  append_reply_with(out, id, result == EmptyResult::Publish ? kPublishField : kUnsubscribeField,
                    [](auto&) {});
}

void append_presence_reply(std::string& out, std::uint32_t id, const PresenceResult& result) {
  append_reply(out, id, kPresenceField, result);
}

void append_presence_stats_reply(std::string& out, std::uint32_t id,
                                 const PresenceStatsResult& result) {
  append_reply(out, id, kPresenceStatsField, result);
}

void append_history_reply(std::string& out, std::uint32_t id, const HistoryResult& result) {
  append_reply(out, id, kHistoryField, result);
}

void append_rpc_reply(std::string& out, std::uint32_t id, const RpcResult& result) {
  append_reply(out, id, kRpcField, result);
}

void append_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result) {
  append_reply_with(out, id, kRefreshField, lifetime(3, result));
}

void append_sub_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result) {
  append_reply_with(out, id, kSubRefreshField, lifetime(1, result));
}

void append_error_reply(std::string& out, std::uint32_t id, const Error& error) {
  append_reply(out, id, kErrorField, error);
}

void append_publication_push(std::string& out, std::string_view channel,
                             const Publication& publication) {
  append_push(out, channel, kPublicationField, publication);
}

void append_join_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  append_info_push(out, channel, kJoinField, info);
}

void append_leave_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  append_info_push(out, channel, kLeaveField, info);
}

void append_unsubscribe_push(std::string& out, std::string_view channel,
                             const Unsubscribe& unsubscribe) {
  append_push(out, channel, kUnsubscribePushField, unsubscribe);
}

void append_subscribe_push(std::string& out, std::string_view channel, const SubscribePush& push) {
  append_push(out, channel, kSubscribePushField, push);
}

void append_refresh_push(std::string& out, const RefreshResult& result) {
  append_push_with(out, {}, kRefreshPushField, [&](auto& body) {
    body.flag(1, result.expires);
    body.number(2, std::uint64_t{result.ttl_s});
  });
}

void append_disconnect_push(std::string& out, const Disconnect& disconnect) {
  append_push(out, {}, kDisconnectField, disconnect);
}

void append_ping(std::string& out) { out.push_back('\0'); }

}  // namespace sanjay::protocol::protobuf
