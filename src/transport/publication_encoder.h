// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"

#include <string>

namespace sanjay::transport {

/// What channels bring as finished WebSocket frames of the Centrifuge protocol. One per shard.
class FrameEncoder final : public hub::PublicationEncoder {
 public:
  bool encode(const hub::EncodeAs& how, std::string_view channel,
              const hub::Publication& publication, std::string& out) override;
  bool encode_movement(hub::Encoding encoding, std::string_view channel, hub::Movement movement,
                       const hub::ClientInfo& info, std::string& out) override;

 private:
  std::string scratch_;
  std::string compacted_;
};

}  // namespace sanjay::transport
