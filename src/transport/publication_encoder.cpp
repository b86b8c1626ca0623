// SPDX-License-Identifier: Apache-2.0
#include "transport/publication_encoder.h"

#include "protocol/reply_encoding.h"
#include "session/session.h"
#include "transport/framing.h"
#include "websocket/encoder.h"

namespace sanjay::transport {
namespace {

protocol::ClientInfo to_info(const hub::ClientInfo& info) {
  return {info.user, info.client, info.conn_info, info.chan_info};
}

}  // namespace

bool FrameEncoder::encode(const hub::EncodeAs& how, std::string_view channel,
                          const hub::Publication& publication, std::string& out) {
  const protocol::ReplyEncoding& replies = session::replies_of(how.encoding);
  const bool binary = replies.carries_binary;
  std::optional<session::PublicationWriter::Base> base;
  if (how.base != nullptr) base = {how.base->bytes, how.base->is_json};
  const auto message = how.delta ? writer_.write_delta(publication, binary, base)
                                 : writer_.write(publication, binary);
  if (!message) return false;
  scratch_.clear();
  replies.publication_push(scratch_, channel, *message);
  append_frame(how.encoding, out);
  return true;
}

bool FrameEncoder::encode_movement(hub::Encoding encoding, std::string_view channel,
                                   hub::Movement movement, const hub::ClientInfo& info,
                                   std::string& out) {
  const protocol::ReplyEncoding& replies = session::replies_of(encoding);
  scratch_.clear();
  (movement == hub::Movement::Join ? replies.join_push : replies.leave_push)(scratch_, channel,
                                                                             to_info(info));
  append_frame(encoding, out);
  return true;
}

void FrameEncoder::append_frame(hub::Encoding encoding, std::string& out) {
  if (hub::is_deflated(encoding)) {
    if (const auto compressed = compression_.compress(scratch_, websocket::kWindowBitsMax)) {
      const auto opcode =
          hub::is_protobuf(encoding) ? websocket::Opcode::Binary : websocket::Opcode::Text;
      websocket::append_frame(out, opcode, *compressed, websocket::Coding::Deflated);
      return compression_.trim();
    }
  }
  append_framed(out, encoding, scratch_);
}

}  // namespace sanjay::transport
