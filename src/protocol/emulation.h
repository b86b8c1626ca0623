// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/messages.h"

#include <string>
#include <string_view>

namespace sanjay::protocol {

/// What a client whose stream runs one way sends by a request of its own: commands for the session
/// of that name on that node. Source: the protocol's client.proto.
struct EmulationRequest {
  std::string_view node;
  std::string_view session;
  std::string_view data;  // commands, as the session's own encoding frames them
};

/// Reads the body of such a request as JSON, where `data` is a string; views into the body or into
/// `scratch`, which is cleared first. Unknown keys are ignored, null means absent.
core::Result<EmulationRequest, DecodeError> decode_json_emulation(std::string_view body,
                                                                  std::string& scratch);

/// The same as Protobuf: the bare message, without its length in front; views into the body.
core::Result<EmulationRequest, DecodeError> decode_protobuf_emulation(std::string_view body);

}  // namespace sanjay::protocol
