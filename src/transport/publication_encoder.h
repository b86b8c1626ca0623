// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"
#include "session/publication_writer.h"
#include "transport/compression.h"

#include <string>
#include <string_view>

namespace sanjay::transport {

/// What channels bring as finished bytes of each transport, WebSocket frames compressed without a
/// context for those who take them so. One per shard.
class FrameEncoder final : public hub::PublicationEncoder {
 public:
  explicit FrameEncoder(Compression& compression) : compression_(compression) {}

  bool encode(const hub::EncodeAs& how, std::string_view channel,
              const hub::Publication& publication, std::string& out) override;
  bool encode_movement(hub::Encoding encoding, std::string_view channel, hub::Movement movement,
                       const hub::ClientInfo& info, std::string& out) override;

 private:
  /// Appends the frame of what scratch_ holds.
  void append_frame(hub::Encoding encoding, std::string& out);

  Compression& compression_;
  std::string scratch_;
  session::PublicationWriter writer_;
};

}  // namespace sanjay::transport
