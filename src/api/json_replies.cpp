// SPDX-License-Identifier: Apache-2.0
#include "api/json_replies.h"

#include "protocol/base64.h"
#include "protocol/json_scanner.h"
#include "protocol/json_writer.h"

#include <string_view>

namespace sanjay::api {
namespace {

using protocol::ObjectWriter;

void append_base64_member(ObjectWriter& object, std::string_view key, std::string_view bytes) {
  std::string& out = object.member("b64" + std::string(key));
  out.push_back('"');
  protocol::append_base64(out, bytes);
  out.push_back('"');
}

/// A payload of which nobody knows whether it is JSON.
void append_payload(ObjectWriter& object, std::string_view key, std::string_view bytes) {
  if (bytes.empty()) return;
  std::string scratch;
  if (const auto json = protocol::compact_json(bytes, scratch)) {
    object.json(key, *json);
  } else {
    append_base64_member(object, key, bytes);
  }
}

void append_client_info(std::string& out, const hub::ClientInfo& info) {
  ObjectWriter object(out);
  object.always_text("user", info.user);
  object.always_text("client", info.client);
  append_payload(object, "conn_info", info.conn_info);
  append_payload(object, "chan_info", info.chan_info);
}

void append_publication(std::string& out, const hub::Publication& publication) {
  ObjectWriter object(out);
  if (publication.data_is_json) {
    object.json("data", publication.data);
  } else {
    append_payload(object, "data", publication.data);
  }
  if (!publication.publisher.client.empty()) {
    append_client_info(object.member("info"), publication.publisher);
  }
  object.integer("offset", publication.offset);
  if (publication.tags.empty()) return;
  ObjectWriter tags(object.member("tags"));
  for (const hub::Tag& tag : publication.tags) {
    protocol::append_json_string(tags.escaped_member(tag.key), tag.value);
  }
}

/// Appends [a,b,c] with what `append_one` makes of each.
template <class Range, class AppendOne>
void append_list(std::string& out, const Range& range, AppendOne&& append_one) {
  out.push_back('[');
  for (bool first = true; const auto& one : range) {
    if (!first) out.push_back(',');
    first = false;
    append_one(out, one);
  }
  out.push_back(']');
}

void append(std::string& out, const hub::Done&) { out.append("{}"); }

void append(std::string& out, const hub::Published& published) {
  ObjectWriter object(out);
  object.integer("offset", published.position.offset);
  object.text("epoch", published.position.epoch);
}

void append(std::string& out, const BroadcastResult& result) {
  ObjectWriter object(out);
  append_list(object.member("responses"), result.responses,
              [](std::string& to, const auto& response) {
                ObjectWriter one(to);
                if (response) {
                  append(one.member("result"), *response);
                } else {
                  append_error(one.member("error"), response.error());
                }
              });
}

void append(std::string& out, const hub::History& history) {
  ObjectWriter object(out);
  append_list(object.member("publications"), history.publications,
              [](std::string& to, const hub::PublicationRef& publication) {
                append_publication(to, publication->view());
              });
  object.always_text("epoch", history.top.epoch);
  object.always_integer("offset", history.top.offset);
}

void append(std::string& out, const hub::Presence& presence) {
  ObjectWriter object(out);
  ObjectWriter clients(object.member("presence"));
  for (const hub::OwnedClientInfo& info : presence.clients) {
    append_client_info(clients.escaped_member(info.client), info.view());
  }
}

void append(std::string& out, const hub::PresenceStats& stats) {
  ObjectWriter object(out);
  object.always_integer("num_clients", stats.clients);
  object.always_integer("num_users", stats.users);
}

void append_node(std::string& out, const NodeInfo& info) {
  ObjectWriter node(out);
  node.always_text("uid", info.uid);
  node.always_text("name", info.name);
  node.always_text("version", info.version);
  node.always_integer("num_clients", info.clients);
  node.always_integer("num_users", info.users);
  node.always_integer("num_channels", info.channels);
  node.integer("uptime", info.uptime_s);
  node.always_integer("num_subs", info.subscriptions);
  ObjectWriter process(node.member("process"));
  process.integer("rss", info.resident_bytes);
}

void append(std::string& out, const NodeInfo& info) {
  ObjectWriter object(out);
  std::string& nodes = object.member("nodes");
  nodes.push_back('[');
  append_node(nodes, info);
  nodes.push_back(']');
}

void append(std::string& out, const ChannelList& list) {
  ObjectWriter object(out);
  ObjectWriter channels(object.member("channels"));
  for (const auto& [channel, subscribers] : list.channels) {
    ObjectWriter one(channels.escaped_member(channel));
    one.always_integer("num_clients", subscribers);
  }
}

}  // namespace

void append_error(std::string& out, const protocol::Error& error) {
  ObjectWriter object(out);
  object.always_integer("code", error.code);
  object.always_text("message", error.message);
}

void append_result(std::string& out, const Result& result) {
  std::visit([&out](const auto& one) { append(out, one); }, result);
}

void append_reply(std::string& out, const Reply& reply) {
  append_batch_reply(out, "result", reply);
}

void append_batch_reply(std::string& out, std::string_view method, const Reply& reply) {
  ObjectWriter object(out);
  if (reply) {
    append_result(object.member(method), *reply);
  } else {
    append_error(object.member("error"), reply.error());
  }
}

}  // namespace sanjay::api
