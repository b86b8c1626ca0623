// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "protocol/json_decoder.h"
#include "protocol/json_string.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <protocol/client.pb.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

// For tests only: lets a test that is written in JSON speak Protobuf. What goes over the wire is
// written and read by libprotobuf, so our codec is not checked against itself. Link
// protocol_client_proto.

namespace sanjay::protocol {

namespace transcoding {

inline void fill(wire::FilterNode& out, const FilterNode& in) {
  out.set_op(in.op);
  out.set_key(in.key);
  out.set_cmp(in.compare);
  out.set_val(in.value);
  for (const std::string& value : in.values) out.add_vals(value);
  for (const FilterNode& node : in.nodes) fill(*out.add_nodes(), node);
}

inline void fill(wire::SubscribeRequest& out, const SubscribeRequest& in) {
  out.set_channel(std::string(in.channel));
  out.set_token(std::string(in.token));
  out.set_recover(in.recover);
  out.set_epoch(std::string(in.epoch));
  out.set_offset(in.offset);
  out.set_data(std::string(in.data));
  out.set_positioned(in.positioned);
  out.set_recoverable(in.recoverable);
  out.set_join_leave(in.join_leave);
  out.set_delta(std::string(in.delta));
  if (in.tags_filter) fill(*out.mutable_tf(), *in.tags_filter);
  out.set_flag(in.flags);
  out.set_type(in.type);
}

inline void fill(wire::ConnectRequest& out, const ConnectRequest& in) {
  out.set_token(std::string(in.token));
  out.set_data(std::string(in.data));
  for (const SubscribeRequest& sub : in.subs) {
    wire::SubscribeRequest& entry = (*out.mutable_subs())[std::string(sub.channel)];
    fill(entry, sub);
    entry.clear_channel();  // the key says it
  }
  out.set_name(std::string(in.name));
  out.set_version(std::string(in.version));
}

inline void fill(wire::HistoryRequest& out, const HistoryRequest& in) {
  out.set_channel(std::string(in.channel));
  out.set_limit(in.limit);
  if (in.has_since) {
    out.mutable_since()->set_offset(in.since_offset);
    out.mutable_since()->set_epoch(std::string(in.since_epoch));
  }
  out.set_reverse(in.reverse);
}

inline wire::Command to_wire(const Command& command) {
  wire::Command out;
  out.set_id(command.id);
  const auto put = [&out]<class Request>(const Request& in) {
    if constexpr (std::is_same_v<Request, ConnectRequest>) {
      fill(*out.mutable_connect(), in);
    } else if constexpr (std::is_same_v<Request, SubscribeRequest>) {
      fill(*out.mutable_subscribe(), in);
    } else if constexpr (std::is_same_v<Request, UnsubscribeRequest>) {
      out.mutable_unsubscribe()->set_channel(std::string(in.channel));
    } else if constexpr (std::is_same_v<Request, PublishRequest>) {
      out.mutable_publish()->set_channel(std::string(in.channel));
      out.mutable_publish()->set_data(std::string(in.data));
      out.mutable_publish()->set_type(in.type);
    } else if constexpr (std::is_same_v<Request, PresenceRequest>) {
      out.mutable_presence()->set_channel(std::string(in.channel));
    } else if constexpr (std::is_same_v<Request, PresenceStatsRequest>) {
      out.mutable_presence_stats()->set_channel(std::string(in.channel));
    } else if constexpr (std::is_same_v<Request, HistoryRequest>) {
      fill(*out.mutable_history(), in);
    } else if constexpr (std::is_same_v<Request, RpcRequest>) {
      out.mutable_rpc()->set_method(std::string(in.method));
      out.mutable_rpc()->set_data(std::string(in.data));
    } else if constexpr (std::is_same_v<Request, SendRequest>) {
      out.mutable_send()->set_data(std::string(in.data));
    } else if constexpr (std::is_same_v<Request, RefreshRequest>) {
      out.mutable_refresh()->set_token(std::string(in.token));
    } else if constexpr (std::is_same_v<Request, SubRefreshRequest>) {
      out.mutable_sub_refresh()->set_channel(std::string(in.channel));
      out.mutable_sub_refresh()->set_token(std::string(in.token));
      out.mutable_sub_refresh()->set_type(in.type);
    } else {
      static_assert(std::is_same_v<Request, Pong>);
    }
  };
  std::visit(put, command.request);
  return out;
}

/// Writes one JSON object as the protocol has it: what is empty, 0 or false is left out.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_ += '}'; }

  std::string& member(std::string_view key) {
    if (std::exchange(started_, true)) out_ += ',';
    append_json_string(out_, key);
    out_ += ':';
    return out_;
  }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) always_text(key, value);
  }
  void always_text(std::string_view key, const std::string& value) {
    append_json_string(member(key), value);
  }
  void number(std::string_view key, std::uint64_t value) {
    if (value != 0) always_number(key, value);
  }
  void always_number(std::string_view key, std::uint64_t value) {
    member(key) += std::to_string(value);
  }
  void flag(std::string_view key, bool value) {
    if (value) member(key) += "true";
  }
  /// Bytes that are JSON as they stand; others as {"binary":"their text"}.
  void data(std::string_view key, const std::string& value) {
    if (value.empty()) return;
    std::string compacted;
    if (compact_json(value, compacted)) {
      member(key) += value;
    } else {
      Object binary(member(key));
      binary.always_text("binary", value);
    }
  }

 private:
  std::string& out_;
  bool started_ = false;
};

inline void write(std::string& out, const wire::ClientInfo& in) {
  Object object(out);
  object.always_text("user", in.user());
  object.always_text("client", in.client());
  object.data("conn_info", in.conn_info());
  object.data("chan_info", in.chan_info());
}

inline void write(std::string& out, const wire::Publication& in) {
  Object object(out);
  object.data("data", in.data());
  if (in.has_info()) write(object.member("info"), in.info());
  object.number("offset", in.offset());
  if (in.tags_size() > 0) {
    Object tags(object.member("tags"));
    for (const auto& [key, value] : std::map(in.tags().begin(), in.tags().end())) {
      tags.always_text(key, value);
    }
  }
  object.flag("delta", in.delta());
  object.number("time", static_cast<std::uint64_t>(in.time()));
  object.text("epoch", in.epoch());
}

template <class Publications>
void write_list(std::string& out, const Publications& in) {
  out += '[';
  for (int i = 0; i < in.size(); ++i) {
    if (i > 0) out += ',';
    write(out, in.Get(i));
  }
  out += ']';
}

inline void write(std::string& out, const wire::SubscribeResult& in) {
  Object object(out);
  object.flag("expires", in.expires());
  object.number("ttl", in.ttl());
  object.flag("recoverable", in.recoverable());
  object.text("epoch", in.epoch());
  if (in.publications_size() > 0) write_list(object.member("publications"), in.publications());
  object.flag("recovered", in.recovered());
  object.number("offset", in.offset());
  object.flag("positioned", in.positioned());
  object.data("data", in.data());
  object.flag("was_recovering", in.was_recovering());
  object.flag("delta", in.delta());
}

inline void write(std::string& out, const wire::ConnectResult& in) {
  Object object(out);
  object.always_text("client", in.client());
  object.text("version", in.version());
  object.flag("expires", in.expires());
  object.number("ttl", in.ttl());
  object.data("data", in.data());
  if (in.subs_size() > 0) {
    Object subs(object.member("subs"));
    for (const auto& [channel, sub] : std::map(in.subs().begin(), in.subs().end())) {
      write(subs.member(channel), sub);
    }
  }
  object.number("ping", in.ping());
  object.flag("pong", in.pong());
  object.text("session", in.session());
  object.text("node", in.node());
  object.number("time", static_cast<std::uint64_t>(in.time()));
}

template <class Result>
void write_lifetime(std::string& out, const Result& in) {
  Object object(out);
  object.flag("expires", in.expires());
  object.number("ttl", in.ttl());
}

template <class Movement>
void write_movement(std::string& out, const Movement& in) {
  Object object(out);
  write(object.member("info"), in.info());
}

inline void write(std::string& out, const wire::Push& in) {
  Object object(out);
  object.text("channel", in.channel());
  if (in.has_pub()) write(object.member("pub"), in.pub());
  if (in.has_join()) write_movement(object.member("join"), in.join());
  if (in.has_leave()) write_movement(object.member("leave"), in.leave());
  if (in.has_unsubscribe()) {
    Object body(object.member("unsubscribe"));
    body.always_number("code", in.unsubscribe().code());
    body.always_text("reason", in.unsubscribe().reason());
  }
  if (in.has_subscribe()) {
    Object body(object.member("subscribe"));
    body.flag("recoverable", in.subscribe().recoverable());
    body.text("epoch", in.subscribe().epoch());
    body.number("offset", in.subscribe().offset());
    body.flag("positioned", in.subscribe().positioned());
    body.data("data", in.subscribe().data());
  }
}

inline void write_queries(Object& object, const wire::Reply& in) {
  if (in.has_presence()) {
    Object body(object.member("presence"));
    Object clients(body.member("presence"));
    const auto& all = in.presence().presence();
    for (const auto& [client, info] : std::map(all.begin(), all.end())) {
      write(clients.member(client), info);
    }
  }
  if (in.has_presence_stats()) {
    Object body(object.member("presence_stats"));
    body.always_number("num_clients", in.presence_stats().num_clients());
    body.always_number("num_users", in.presence_stats().num_users());
  }
  if (in.has_history()) {
    Object body(object.member("history"));
    write_list(body.member("publications"), in.history().publications());
    body.always_text("epoch", in.history().epoch());
    body.always_number("offset", in.history().offset());
  }
}

inline void write(std::string& out, const wire::Reply& in) {
  Object object(out);
  object.number("id", in.id());
  if (in.has_error()) {
    Object body(object.member("error"));
    body.always_number("code", in.error().code());
    body.always_text("message", in.error().message());
    body.flag("temporary", in.error().temporary());
  }
  if (in.has_push()) write(object.member("push"), in.push());
  if (in.has_connect()) write(object.member("connect"), in.connect());
  if (in.has_subscribe()) write(object.member("subscribe"), in.subscribe());
  if (in.has_unsubscribe()) object.member("unsubscribe") += "{}";
  if (in.has_publish()) object.member("publish") += "{}";
  write_queries(object, in);
  if (in.has_rpc()) {
    Object body(object.member("rpc"));
    body.data("data", in.rpc().data());
  }
  if (in.has_refresh()) write_lifetime(object.member("refresh"), in.refresh());
  if (in.has_sub_refresh()) write_lifetime(object.member("sub_refresh"), in.sub_refresh());
}

}  // namespace transcoding

/// The commands of a JSON message as one Protobuf message; nothing when they are not all commands.
inline std::optional<std::string> to_protobuf(std::string_view json) {
  JsonDecoder decoder;
  std::string out;
  decoder.begin(json);
  while (auto command = decoder.next()) {
    if (!*command) return std::nullopt;
    const wire::Command message = transcoding::to_wire(**command);
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.WriteVarint32(static_cast<std::uint32_t>(message.ByteSizeLong()));
    ASSERT(message.SerializeToCodedStream(&coded));
  }
  return out;
}

/// The replies of one Protobuf message as a JSON encoder would have written them, maps in the order
/// of their keys. Asserts that it is well-formed to its last byte.
inline std::string to_json(std::string_view protobuf) {
  std::string out;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(protobuf.data()),
                                            static_cast<int>(protobuf.size()));
  std::uint32_t bytes = 0;
  while (in.CurrentPosition() < static_cast<int>(protobuf.size())) {
    ASSERT(in.ReadVarint32(&bytes));
    const auto limit = in.PushLimit(static_cast<int>(bytes));
    wire::Reply reply;
    ASSERT(reply.ParseFromCodedStream(&in) && in.BytesUntilLimit() == 0);
    in.PopLimit(limit);
    if (!out.empty()) out += '\n';
    transcoding::write(out, reply);
  }
  return out;
}

}  // namespace sanjay::protocol
