// SPDX-License-Identifier: Apache-2.0
#include "transport/publication_encoder.h"

#include "protocol/json_scanner.h"
#include "protocol/reply_encoding.h"
#include "websocket/encoder.h"

namespace sanjay::transport {
namespace {

struct Framing {
  const protocol::ReplyEncoding& replies;
  websocket::Opcode opcode;
};

Framing framing_of(hub::Encoding encoding) {
  if (encoding == hub::Encoding::ProtobufWebSocket) {
    return {protocol::kProtobufReplies, websocket::Opcode::Binary};
  }
  return {protocol::kJsonReplies, websocket::Opcode::Text};
}

protocol::ClientInfo to_info(const hub::ClientInfo& info) {
  return {info.user, info.client, info.conn_info, info.chan_info};
}

}  // namespace

bool FrameEncoder::encode(const hub::EncodeAs& how, std::string_view channel,
                          const hub::Publication& publication, std::string& out) {
  const Framing framing = framing_of(how.encoding);
  protocol::Publication message;
  message.data = publication.data;
  if (!publication.data_is_json && !framing.replies.carries_binary) {
    // It may be JSON all the same: whoever speaks Protobuf does not say.
    const auto json = protocol::compact_json(publication.data, compacted_);
    if (!json) return false;
    message.data = *json;
  }
  if (!publication.publisher.client.empty()) message.info = to_info(publication.publisher);
  message.offset = publication.offset;
  message.tags = publication.tags;
  message.epoch = publication.epoch;
  message.version = publication.version;
  scratch_.clear();
  framing.replies.publication_push(scratch_, channel, message);
  websocket::append_frame(out, framing.opcode, scratch_);
  return true;
}

bool FrameEncoder::encode_movement(hub::Encoding encoding, std::string_view channel,
                                   hub::Movement movement, const hub::ClientInfo& info,
                                   std::string& out) {
  const Framing framing = framing_of(encoding);
  scratch_.clear();
  (movement == hub::Movement::Join ? framing.replies.join_push : framing.replies.leave_push)(
      scratch_, channel, to_info(info));
  websocket::append_frame(out, framing.opcode, scratch_);
  return true;
}

}  // namespace sanjay::transport
