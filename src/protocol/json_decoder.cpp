// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_decoder.h"

#include <utility>

namespace sanjay::protocol {

// One reader per kind of request. Each reads one object, sets what it knows, skips the rest, and
// leaves errors with the scanner: after one, loops end and values are empty, so nothing here
// checks.
namespace {

/// Calls itself for child nodes; the scanner's depth limit bounds that.
FilterNode read_filter(JsonScanner& in) {
  FilterNode node;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "op") {
      node.op = in.read_string();
    } else if (object.key == "key") {
      node.key = in.read_string();
    } else if (object.key == "cmp") {
      node.compare = in.read_string();
    } else if (object.key == "val") {
      node.value = in.read_string();
    } else if (object.key == "vals") {
      node.values.clear();
      for (auto array = in.enter_array(); in.next_element(array);) {
        node.values.emplace_back(in.read_string());
      }
    } else if (object.key == "nodes") {
      node.nodes.clear();
      for (auto array = in.enter_array(); in.next_element(array);) {
        node.nodes.push_back(read_filter(in));
      }
    } else {
      in.skip_value();
    }
  }
  return node;
}

SubscribeRequest read_subscribe(JsonScanner& in) {
  SubscribeRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "token") {
      request.token = in.read_string();
    } else if (object.key == "recover") {
      request.recover = in.read_bool();
    } else if (object.key == "epoch") {
      request.epoch = in.read_string();
    } else if (object.key == "offset") {
      request.offset = in.read_integer<std::uint64_t>();
    } else if (object.key == "data") {
      request.data = in.read_value();
    } else if (object.key == "positioned") {
      request.positioned = in.read_bool();
    } else if (object.key == "recoverable") {
      request.recoverable = in.read_bool();
    } else if (object.key == "join_leave") {
      request.join_leave = in.read_bool();
    } else if (object.key == "delta") {
      request.delta = in.read_string();
    } else if (object.key == "tf") {
      request.tags_filter = std::make_unique<FilterNode>(read_filter(in));
    } else if (object.key == "flag") {
      request.flags = in.read_integer<std::int64_t>();
    } else if (object.key == "type") {
      request.type = in.read_integer<std::int32_t>();
    } else {
      in.skip_value();
    }
  }
  return request;
}

/// Reads an object whose only known member is the string `channel`: several requests are no more.
template <class ChannelRequest>
ChannelRequest read_channel_only(JsonScanner& in) {
  ChannelRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else {
      in.skip_value();
    }
  }
  return request;
}

PublishRequest read_publish(JsonScanner& in) {
  PublishRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "data") {
      request.data = in.read_value();
    } else if (object.key == "type") {
      request.type = in.read_integer<std::int32_t>();
    } else {
      in.skip_value();
    }
  }
  return request;
}

void read_since(JsonScanner& in, HistoryRequest& request) {
  request.has_since = true;
  request.since_offset = 0;
  request.since_epoch = {};
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "offset") {
      request.since_offset = in.read_integer<std::uint64_t>();
    } else if (object.key == "epoch") {
      request.since_epoch = in.read_string();
    } else {
      in.skip_value();
    }
  }
}

HistoryRequest read_history(JsonScanner& in) {
  HistoryRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "limit") {
      request.limit = in.read_integer<std::int32_t>();
    } else if (object.key == "since") {
      read_since(in, request);
    } else if (object.key == "reverse") {
      request.reverse = in.read_bool();
    } else {
      in.skip_value();
    }
  }
  return request;
}

RpcRequest read_rpc(JsonScanner& in) {
  RpcRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "method") {
      request.method = in.read_string();
    } else if (object.key == "data") {
      request.data = in.read_value();
    } else {
      in.skip_value();
    }
  }
  return request;
}

SendRequest read_send(JsonScanner& in) {
  SendRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "data") {
      request.data = in.read_value();
    } else {
      in.skip_value();
    }
  }
  return request;
}

RefreshRequest read_refresh(JsonScanner& in) {
  RefreshRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "token") {
      request.token = in.read_string();
    } else {
      in.skip_value();
    }
  }
  return request;
}

SubRefreshRequest read_sub_refresh(JsonScanner& in) {
  SubRefreshRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "token") {
      request.token = in.read_string();
    } else if (object.key == "type") {
      request.type = in.read_integer<std::int32_t>();
    } else {
      in.skip_value();
    }
  }
  return request;
}

}  // namespace

JsonDecoder::JsonDecoder(JsonOptions options) : options_(options) {}

void JsonDecoder::begin(std::string_view message) {
  rest_ = message;
  done_ = false;
  bare_connect_ = false;
}

void JsonDecoder::begin_connect(std::string_view message) {
  begin(message);
  bare_connect_ = true;
}

std::optional<core::Result<Command, DecodeError>> JsonDecoder::next() {
  // Views of the last command end here, so what one huge message grew can go.
  if (scratch_.capacity() > options_.scratch_bytes_kept) std::string().swap(scratch_);
  if (done_) return std::nullopt;
  if (bare_connect_) {
    done_ = true;
    return decode_connect(std::exchange(rest_, {}));
  }
  const std::size_t line_end = rest_.find('\n');
  const std::string_view line = rest_.substr(0, line_end);
  rest_ = line_end == std::string_view::npos ? std::string_view{} : rest_.substr(line_end + 1);
  done_ = rest_.empty();

  auto command = decode(line);
  // Where a broken command ends is anybody's guess, so nothing after it is believed.
  if (!command) {
    rest_ = {};
    done_ = true;
  }
  return command;
}

core::Result<Command, DecodeError> JsonDecoder::decode(std::string_view line) {
  JsonScanner in(line, options_, scratch_);
  std::uint32_t id = 0;
  bool has_ping = false;
  Request request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "id") {
      id = in.read_integer<std::uint32_t>();
    } else if (object.key == "ping") {
      has_ping = true;
      in.skip_value();
    } else if (auto candidate = read_request(in, object.key)) {
      if (outranks(*candidate, request)) request = *std::move(candidate);
    } else {
      in.skip_value();
    }
  }
  in.expect_end();
  if (in.failed()) return std::unexpected(DecodeError{in.error()});
  return make_command(id, std::move(request), has_ping);
}

core::Result<Command, DecodeError> JsonDecoder::decode_connect(std::string_view message) {
  JsonScanner in(message, options_, scratch_);
  Command command{0, read_connect(in)};
  in.expect_end();
  if (in.failed()) return std::unexpected(DecodeError{in.error()});
  return command;
}

/// The request that stands under `key`; nothing, and nothing read, when the key names none.
std::optional<Request> JsonDecoder::read_request(JsonScanner& in, std::string_view key) {
  if (key == "connect") return read_connect(in);
  if (key == "subscribe") return read_subscribe(in);
  if (key == "unsubscribe") return read_channel_only<UnsubscribeRequest>(in);
  if (key == "publish") return read_publish(in);
  if (key == "presence") return read_channel_only<PresenceRequest>(in);
  if (key == "presence_stats") return read_channel_only<PresenceStatsRequest>(in);
  if (key == "history") return read_history(in);
  if (key == "rpc") return read_rpc(in);
  if (key == "send") return read_send(in);
  if (key == "refresh") return read_refresh(in);
  if (key == "sub_refresh") return read_sub_refresh(in);
  return std::nullopt;
}

Request JsonDecoder::read_connect(JsonScanner& in) {
  ConnectRequest request;
  // Requests of earlier messages may have left entries; so may a connect that is repeated in this
  // command and replaced by this one.
  subs_.clear();
  headers_.clear();
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "token") {
      request.token = in.read_string();
    } else if (object.key == "data") {
      request.data = in.read_value();
    } else if (object.key == "subs") {
      subs_.clear();
      for (auto map = in.enter_object(); in.next_member(map);) {
        subs_.push_back(read_subscribe(in));
        subs_.back().channel = map.key;
      }
    } else if (object.key == "name") {
      request.name = in.read_string();
    } else if (object.key == "version") {
      request.version = in.read_string();
    } else if (object.key == "headers") {
      headers_.clear();
      for (auto map = in.enter_object(); in.next_member(map);) {
        headers_.push_back({map.key, in.read_string()});
      }
    } else {
      in.skip_value();
    }
  }
  request.subs = subs_;
  request.headers = headers_;
  return request;
}

}  // namespace sanjay::protocol
