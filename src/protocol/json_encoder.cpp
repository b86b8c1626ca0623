// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_encoder.h"

#include "protocol/json_writer.h"

namespace sanjay::protocol {

namespace {

// Members stand in the order of their field numbers, as Centrifugo writes them.

void append_client_info(std::string& out, const ClientInfo& info) {
  ObjectWriter object(out);
  object.always_text("user", info.user);
  object.always_text("client", info.client);
  object.json("conn_info", info.connection_info);
  object.json("chan_info", info.channel_info);
}

void append_publication(std::string& out, const Publication& publication) {
  ObjectWriter object(out);
  object.json("data", publication.data);
  if (publication.info) append_client_info(object.member("info"), *publication.info);
  object.integer("offset", publication.offset);
  if (!publication.tags.empty()) {
    ObjectWriter tags(object.member("tags"));
    for (const Tag& tag : publication.tags) {
      append_json_string(tags.escaped_member(tag.key), tag.value);
    }
  }
  object.flag("delta", publication.delta);
  object.integer("time", publication.time_ms);
  object.text("epoch", publication.epoch);
  object.integer("version", publication.version);
}

void append_publications(std::string& out, std::span<const Publication> publications) {
  out.push_back('[');
  bool started = false;
  for (const Publication& publication : publications) {
    if (started) out.push_back(',');
    started = true;
    append_publication(out, publication);
  }
  out.push_back(']');
}

void append_subscribe_result(std::string& out, const SubscribeResult& result) {
  ObjectWriter object(out);
  object.flag("expires", result.expires);
  object.integer("ttl", result.ttl_s);
  object.flag("recoverable", result.recoverable);
  object.text("epoch", result.epoch);
  if (!result.publications.empty()) {
    append_publications(object.member("publications"), result.publications);
  }
  object.flag("recovered", result.recovered);
  object.integer("offset", result.offset);
  object.flag("positioned", result.positioned);
  object.json("data", result.data);
  object.flag("was_recovering", result.was_recovering);
  object.flag("delta", result.delta);
}

/// The object of one reply, with its id; the caller adds the one member that answers.
class ReplyWriter : public ObjectWriter {
 public:
  ReplyWriter(std::string& out, std::uint32_t id) : ObjectWriter(out) { integer("id", id); }
};

/// {"channel":...,<kind>:<the caller's value>}
class BarePushWriter : public ObjectWriter {
 public:
  BarePushWriter(std::string& out, std::string_view channel) : ObjectWriter(out) {
    text("channel", channel);
  }
};

/// {"push":{"channel":...,<kind>:<the caller's value>}}
class PushWriter {
 public:
  PushWriter(std::string& out, std::string_view channel)
      : reply_(out), push_(reply_.member("push"), channel) {}
  std::string& member(std::string_view kind) { return push_.member(kind); }

 private:
  ObjectWriter reply_;
  BarePushWriter push_;
};

void append_lifetime(std::string& out, const RefreshResult& result) {
  ObjectWriter object(out);
  object.flag("expires", result.expires);
  object.integer("ttl", result.ttl_s);
}

void append_connect_result(std::string& out, const ConnectResult& result) {
  ObjectWriter object(out);
  object.always_text("client", result.client);
  object.text("version", result.version);
  object.flag("expires", result.expires);
  object.integer("ttl", result.ttl_s);
  object.json("data", result.data);
  if (!result.subs.empty()) {
    ObjectWriter subs(object.member("subs"));
    for (const ServerSubscription& sub : result.subs) {
      append_subscribe_result(subs.escaped_member(sub.channel), sub.result);
    }
  }
  object.integer("ping", result.ping_s);
  object.flag("pong", result.pong);
  object.text("session", result.session);
  object.text("node", result.node);
  object.integer("time", result.time_ms);
}

// Each push once, for both writers.

template <class Writer>
void write_publication(std::string& out, std::string_view channel, const Publication& publication) {
  Writer push(out, channel);
  append_publication(push.member("pub"), publication);
}

template <class Writer>
void write_info(std::string& out, std::string_view channel, std::string_view kind,
                const ClientInfo& info) {
  Writer push(out, channel);
  ObjectWriter object(push.member(kind));
  append_client_info(object.member("info"), info);
}

template <class Writer>
void write_unsubscribe(std::string& out, std::string_view channel, const Unsubscribe& unsubscribe) {
  Writer push(out, channel);
  ObjectWriter object(push.member("unsubscribe"));
  object.always_integer("code", unsubscribe.code);
  object.always_text("reason", unsubscribe.reason);
}

template <class Writer>
void write_subscribe(std::string& out, std::string_view channel, const SubscribePush& push) {
  Writer writer(out, channel);
  ObjectWriter object(writer.member("subscribe"));
  object.flag("recoverable", push.recoverable);
  object.text("epoch", push.epoch);
  object.integer("offset", push.offset);
  object.flag("positioned", push.positioned);
  object.json("data", push.data);
}

template <class Writer>
void write_refresh(std::string& out, const RefreshResult& result) {
  Writer push(out, {});
  append_lifetime(push.member("refresh"), result);
}

template <class Writer>
void write_disconnect(std::string& out, const Disconnect& disconnect) {
  Writer push(out, {});
  ObjectWriter object(push.member("disconnect"));
  object.always_integer("code", disconnect.code);
  object.always_text("reason", disconnect.reason);
}

}  // namespace

void append_connect_reply(std::string& out, std::uint32_t id, const ConnectResult& result) {
  ReplyWriter reply(out, id);
  append_connect_result(reply.member("connect"), result);
}

void append_subscribe_reply(std::string& out, std::uint32_t id, const SubscribeResult& result) {
  ReplyWriter reply(out, id);
  append_subscribe_result(reply.member("subscribe"), result);
}

void append_empty_reply(std::string& out, std::uint32_t id, EmptyResult result) {
  ReplyWriter reply(out, id);
  reply.member(result == EmptyResult::Publish ? "publish" : "unsubscribe").append("{}");
}

void append_presence_reply(std::string& out, std::uint32_t id, const PresenceResult& result) {
  ReplyWriter reply(out, id);
  ObjectWriter object(reply.member("presence"));
  ObjectWriter presence(object.member("presence"));
  for (const ClientInfo& info : result.clients) {
    append_client_info(presence.escaped_member(info.client), info);
  }
}

void append_presence_stats_reply(std::string& out, std::uint32_t id,
                                 const PresenceStatsResult& result) {
  ReplyWriter reply(out, id);
  ObjectWriter object(reply.member("presence_stats"));
  object.always_integer("num_clients", result.num_clients);
  object.always_integer("num_users", result.num_users);
}

void append_history_reply(std::string& out, std::uint32_t id, const HistoryResult& result) {
  ReplyWriter reply(out, id);
  ObjectWriter object(reply.member("history"));
  append_publications(object.member("publications"), result.publications);
  object.always_text("epoch", result.epoch);
  object.always_integer("offset", result.offset);
}

void append_rpc_reply(std::string& out, std::uint32_t id, const RpcResult& result) {
  ReplyWriter reply(out, id);
  ObjectWriter object(reply.member("rpc"));
  object.json("data", result.data);
}

void append_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result) {
  ReplyWriter reply(out, id);
  append_lifetime(reply.member("refresh"), result);
}

void append_sub_refresh_reply(std::string& out, std::uint32_t id, const RefreshResult& result) {
  ReplyWriter reply(out, id);
  append_lifetime(reply.member("sub_refresh"), result);
}

void append_error_reply(std::string& out, std::uint32_t id, const Error& error) {
  ReplyWriter reply(out, id);
  ObjectWriter object(reply.member("error"));
  object.always_integer("code", error.code);
  object.always_text("message", error.message);
  object.flag("temporary", error.temporary);
}

void append_publication_push(std::string& out, std::string_view channel,
                             const Publication& publication) {
  write_publication<PushWriter>(out, channel, publication);
}

void append_join_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  write_info<PushWriter>(out, channel, "join", info);
}

void append_leave_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  write_info<PushWriter>(out, channel, "leave", info);
}

void append_unsubscribe_push(std::string& out, std::string_view channel,
                             const Unsubscribe& unsubscribe) {
  write_unsubscribe<PushWriter>(out, channel, unsubscribe);
}

void append_subscribe_push(std::string& out, std::string_view channel, const SubscribePush& push) {
  write_subscribe<PushWriter>(out, channel, push);
}

void append_refresh_push(std::string& out, const RefreshResult& result) {
  write_refresh<PushWriter>(out, result);
}

void append_disconnect_push(std::string& out, const Disconnect& disconnect) {
  write_disconnect<PushWriter>(out, disconnect);
}

void append_ping(std::string& out) { out.append("{}"); }

namespace bare {

void append_connect_push(std::string& out, std::uint32_t, const ConnectResult& result) {
  BarePushWriter push(out, {});
  append_connect_result(push.member("connect"), result);
}

void append_publication_push(std::string& out, std::string_view channel,
                             const Publication& publication) {
  write_publication<BarePushWriter>(out, channel, publication);
}

void append_join_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  write_info<BarePushWriter>(out, channel, "join", info);
}

void append_leave_push(std::string& out, std::string_view channel, const ClientInfo& info) {
  write_info<BarePushWriter>(out, channel, "leave", info);
}

void append_unsubscribe_push(std::string& out, std::string_view channel,
                             const Unsubscribe& unsubscribe) {
  write_unsubscribe<BarePushWriter>(out, channel, unsubscribe);
}

void append_subscribe_push(std::string& out, std::string_view channel, const SubscribePush& push) {
  write_subscribe<BarePushWriter>(out, channel, push);
}

void append_refresh_push(std::string& out, const RefreshResult& result) {
  write_refresh<BarePushWriter>(out, result);
}

void append_disconnect_push(std::string& out, const Disconnect& disconnect) {
  write_disconnect<BarePushWriter>(out, disconnect);
}

}  // namespace bare

}  // namespace sanjay::protocol
