// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::hub {

/// The forms in which a subscriber can receive a publication: protocol and transport framing
/// together, so that one encoded copy can be shared by everybody who receives that form.
enum class Encoding : std::uint8_t { JsonWebSocket, ProtobufWebSocket };
inline constexpr std::size_t kEncodings = 2;

/// A set of encodings, one bit each.
using EncodingSet = std::uint8_t;
constexpr EncodingSet bit_of(Encoding encoding) {
  return static_cast<EncodingSet>(1U << static_cast<unsigned>(encoding));
}

/// Who published, as subscribers are told. Absent on publications of the server API.
struct Publisher {
  std::string_view client;  // connection id of the protocol (a UUID); empty: no publisher
  std::string_view user;
  std::string_view conn_info;  // raw JSON; empty when there is none
};

/// One publication on its way into a channel. The views live until the call that takes it returns.
struct Publication {
  std::string_view data;  // raw JSON, validated and free of newlines
  Publisher publisher;
  core::Instant received{};  // when the server took it in, for the delivery time
};

/// Turns a publication into finished bytes for one form. Implemented by transport, which knows
/// protocol and framing; called on the home shard's thread.
class PublicationEncoder {
 public:
  virtual ~PublicationEncoder() = default;
  /// Appends the complete frame.
  virtual void encode(Encoding encoding, std::string_view channel, const Publication& publication,
                      std::string& out) = 0;
};

/// Where the answer to a publish goes: the connection that asked, and which of its requests.
struct ReplyTo {
  core::ConnectionId connection;
  std::uint32_t request = 0;
};

enum class PublishOutcome : std::uint8_t {
  Accepted,  // it has its place in the channel's order
  Pending,   // the home shard will answer: on_published follows
  Busy,      // queues are full: nothing was taken, try again or refuse
};

}  // namespace sanjay::hub
