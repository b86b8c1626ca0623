// SPDX-License-Identifier: Apache-2.0
#include "transport/publication_encoder.h"

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
  const bool binary = framing.replies.carries_binary;
  std::optional<session::PublicationWriter::Base> base;
  if (how.base != nullptr) base = {how.base->bytes, how.base->is_json};
  const auto message = how.delta ? writer_.write_delta(publication, binary, base)
                                 : writer_.write(publication, binary);
  if (!message) return false;
  scratch_.clear();
  framing.replies.publication_push(scratch_, channel, *message);
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
