// SPDX-License-Identifier: Apache-2.0
#include "protocol/protobuf_decoder.h"

#include "core/failpoint.h"

#include <string>
#include <type_traits>
#include <utility>

namespace sanjay::protocol {

// One reader per kind of message. Each sets what it knows in what an earlier occurrence of the same
// field may have left, skips the rest, and leaves errors with the reader: after one, loops end and
// values are empty, so nothing here checks. The numbers are those of client.proto.
namespace {

/// Calls itself for child nodes; the reader's depth limit bounds that.
void read_filter(ProtobufReader& in, FilterNode& node) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        node.op = in.read_string();
        break;
      case 2:
        node.key = in.read_string();
        break;
      case 3:
        node.compare = in.read_string();
        break;
      case 4:
        node.value = in.read_string();
        break;
      case 5:
        if (in.admits_entry(node.values.size())) node.values.emplace_back(in.read_string());
        break;
      case 6:
        if (in.admits_entry(node.nodes.size())) read_filter(in, node.nodes.emplace_back());
        break;
      default:
        in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, SubscribeRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.channel = in.read_string();
        break;
      case 2:
        request.token = in.read_string();
        break;
      case 3:
        request.recover = in.read_bool();
        break;
      case 6:
        request.epoch = in.read_string();
        break;
      case 7:
        request.offset = in.read_uint64();
        break;
      case 8:
        request.data = in.read_bytes();
        break;
      case 9:
        request.positioned = in.read_bool();
        break;
      case 10:
        request.recoverable = in.read_bool();
        break;
      case 11:
        request.join_leave = in.read_bool();
        break;
      case 12:
        request.delta = in.read_string();
        break;
      case 13:
        if (!request.tags_filter) request.tags_filter = std::make_unique<FilterNode>();
        read_filter(in, *request.tags_filter);
        break;
      case 14:
        request.flags = in.read_int64();
        break;
      case 15:
        request.type = in.read_int32();
        break;
      default:
        in.skip_field();
    }
  }
}

/// Reads a message whose only known field is text: several requests are no more.
void read_only_text(ProtobufReader& in, std::string_view& text) {
  for (auto message = in.enter(); in.next_field(message);) {
    if (message.field == 1) {
      text = in.read_string();
    } else {
      in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, UnsubscribeRequest& request) {
  read_only_text(in, request.channel);
}
void read_into(ProtobufReader& in, PresenceRequest& request) {
  read_only_text(in, request.channel);
}
void read_into(ProtobufReader& in, PresenceStatsRequest& request) {
  read_only_text(in, request.channel);
}
void read_into(ProtobufReader& in, RefreshRequest& request) { read_only_text(in, request.token); }

void read_into(ProtobufReader& in, PublishRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.channel = in.read_string();
        break;
      case 2:
        request.data = in.read_bytes();
        break;
      case 3:
        request.type = in.read_int32();
        break;
      default:
        in.skip_field();
    }
  }
}

void read_since(ProtobufReader& in, HistoryRequest& request) {
  request.has_since = true;
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.since_offset = in.read_uint64();
        break;
      case 2:
        request.since_epoch = in.read_string();
        break;
      default:
        in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, HistoryRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.channel = in.read_string();
        break;
      case 7:
        request.limit = in.read_int32();
        break;
      case 8:
        read_since(in, request);
        break;
      case 9:
        request.reverse = in.read_bool();
        break;
      default:
        in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, RpcRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.data = in.read_bytes();
        break;
      case 2:
        request.method = in.read_string();
        break;
      default:
        in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, SendRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    if (message.field == 1) {
      request.data = in.read_bytes();
    } else {
      in.skip_field();
    }
  }
}

void read_into(ProtobufReader& in, SubRefreshRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.channel = in.read_string();
        break;
      case 2:
        request.token = in.read_string();
        break;
      case 3:
        request.type = in.read_int32();
        break;
      default:
        in.skip_field();
    }
  }
}

/// An entry of a map is a message of a key and a value, either of which may be missing.
SubscribeRequest read_sub(ProtobufReader& in) {
  SubscribeRequest sub;
  std::string_view channel;
  for (auto entry = in.enter(); in.next_field(entry);) {
    switch (entry.field) {
      case 1:
        channel = in.read_string();
        break;
      case 2:
        read_into(in, sub);
        break;
      default:
        in.skip_field();
    }
  }
  sub.channel = channel;
  return sub;
}

EmulatedHeader read_header(ProtobufReader& in) {
  EmulatedHeader header;
  for (auto entry = in.enter(); in.next_field(entry);) {
    switch (entry.field) {
      case 1:
        header.name = in.read_string();
        break;
      case 2:
        header.value = in.read_string();
        break;
      default:
        in.skip_field();
    }
  }
  return header;
}

}  // namespace

ProtobufDecoder::ProtobufDecoder(ProtobufOptions options) : options_(options) {}

void ProtobufDecoder::begin(std::string_view message) {
  rest_ = message;
  done_ = false;
  commands_ = 0;
}

std::optional<core::Result<Command, DecodeError>> ProtobufDecoder::next() {
  // Views of the last command end here, and filters it left need not wait for the next connect.
  subs_.clear();
  headers_.clear();
  if (done_) return std::nullopt;
  auto command = next_command();
  // Where a broken command ends is anybody's guess, so nothing after it is believed.
  if (!command) rest_ = {};
  done_ = rest_.empty();
  return command;
}

core::Result<Command, DecodeError> ProtobufDecoder::next_command() {
  if (rest_.empty()) return std::unexpected(DecodeError{"empty message"});
  if (rest_.size() > options_.message_bytes_max && !FAILPOINT("protobuf.message_bytes")) {
    return std::unexpected(DecodeError{"message is too large"});
  }
  if (++commands_ > options_.commands_max && !FAILPOINT("protobuf.commands")) {
    return std::unexpected(DecodeError{"too many commands"});
  }
  SANJAY_TRY(const std::string_view bytes, take_delimited(rest_));
  return decode(bytes);
}

core::Result<Command, DecodeError> ProtobufDecoder::decode(std::string_view bytes) {
  ProtobufReader in(bytes, options_);
  std::uint32_t id = 0;
  bool has_ping = false;
  Request request;
  for (auto message = in.enter(); in.next_field(message);) {
    if (message.field == 1) {
      id = in.read_uint32();
    } else if (message.field == 11) {
      has_ping = true;
      for (auto ping = in.enter(); in.next_field(ping);) in.skip_field();
    } else if (!read_request(in, message.field, request)) {
      in.skip_field();
    }
  }
  if (in.failed()) return std::unexpected(DecodeError{in.error()});
  if (auto* connect = std::get_if<ConnectRequest>(&request)) {
    connect->subs = subs_;
    connect->headers = headers_;
  }
  return make_command(id, std::move(request), has_ping);
}

/// Reads the request in `field` into `request` if it is the one to answer; false, and nothing read,
/// when the field is none.
bool ProtobufDecoder::read_request(ProtobufReader& in, std::uint32_t field, Request& request) {
  switch (field) {
    case 4:
      merge<ConnectRequest>(in, request);
      return true;
    case 5:
      merge<SubscribeRequest>(in, request);
      return true;
    case 6:
      merge<UnsubscribeRequest>(in, request);
      return true;
    case 7:
      merge<PublishRequest>(in, request);
      return true;
    case 8:
      merge<PresenceRequest>(in, request);
      return true;
    case 9:
      merge<PresenceStatsRequest>(in, request);
      return true;
    case 10:
      merge<HistoryRequest>(in, request);
      return true;
    case 12:
      merge<SendRequest>(in, request);
      return true;
    case 13:
      merge<RpcRequest>(in, request);
      return true;
    case 14:
      merge<RefreshRequest>(in, request);
      return true;
    case 15:
      merge<SubRefreshRequest>(in, request);
      return true;
    default:
      return false;
  }
}

/// Continues a request of the same kind, replaces one of lower rank, and otherwise only validates.
template <class T>
void ProtobufDecoder::merge(ProtobufReader& in, Request& request) {
  const auto read = [&](T& into) {
    if constexpr (std::is_same_v<T, ConnectRequest>) {
      read_connect(in, into);
    } else {
      read_into(in, into);
    }
  };
  if (T* same = std::get_if<T>(&request)) return read(*same);
  Request candidate(std::in_place_type<T>);
  read(std::get<T>(candidate));
  if (outranks(candidate, request)) request = std::move(candidate);
}

/// Nothing outranks connect, so the entries are always those of the command's one connect.
void ProtobufDecoder::read_connect(ProtobufReader& in, ConnectRequest& request) {
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.token = in.read_string();
        break;
      case 2:
        request.data = in.read_bytes();
        break;
      case 3:
        if (in.admits_entry(subs_.size())) subs_.push_back(read_sub(in));
        break;
      case 4:
        request.name = in.read_string();
        break;
      case 5:
        request.version = in.read_string();
        break;
      case 6:
        if (in.admits_entry(headers_.size())) headers_.push_back(read_header(in));
        break;
      default:
        in.skip_field();
    }
  }
}

}  // namespace sanjay::protocol
