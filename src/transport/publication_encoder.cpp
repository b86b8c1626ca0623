// SPDX-License-Identifier: Apache-2.0
#include "transport/publication_encoder.h"

#include "core/assert.h"
#include "protocol/json_encoder.h"
#include "websocket/encoder.h"

namespace sanjay::transport {

bool FrameEncoder::encode(hub::Encoding encoding, std::string_view channel,
                          const hub::Publication& publication, std::string& out) {
  ASSERT(encoding == hub::Encoding::JsonWebSocket);  // nobody can subscribe in another one yet
  protocol::Publication message;
  message.data = publication.data;
  if (const auto& publisher = publication.publisher; !publisher.client.empty()) {
    message.info = protocol::ClientInfo{publisher.user, publisher.client, publisher.conn_info,
                                        publisher.chan_info};
  }
  scratch_.clear();
  protocol::append_publication_push(scratch_, channel, message);
  websocket::append_frame(out, websocket::Opcode::Text, scratch_);
  return true;
}

}  // namespace sanjay::transport
