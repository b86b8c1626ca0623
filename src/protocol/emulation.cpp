// SPDX-License-Identifier: Apache-2.0
#include "protocol/emulation.h"

#include "protocol/json_scanner.h"
#include "protocol/protobuf_reader.h"

namespace sanjay::protocol {

core::Result<EmulationRequest, DecodeError> decode_json_emulation(std::string_view body,
                                                                  std::string& scratch) {
  JsonScanner in(body, JsonOptions{}, scratch);
  EmulationRequest request;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "node") {
      request.node = in.read_string();
    } else if (object.key == "session") {
      request.session = in.read_string();
    } else if (object.key == "data") {
      request.data = in.read_string();
    } else {
      in.skip_value();
    }
  }
  in.expect_end();
  if (in.failed()) return std::unexpected(DecodeError{in.error()});
  return request;
}

core::Result<EmulationRequest, DecodeError> decode_protobuf_emulation(std::string_view body) {
  const ProtobufOptions options;
  ProtobufReader in(body, options);
  EmulationRequest request;
  for (auto message = in.enter(); in.next_field(message);) {
    switch (message.field) {
      case 1:
        request.node = in.read_string();
        break;
      case 2:
        request.session = in.read_string();
        break;
      case 3:
        request.data = in.read_bytes();
        break;
      default:
        in.skip_field();
    }
  }
  if (in.failed()) return std::unexpected(DecodeError{in.error()});
  return request;
}

}  // namespace sanjay::protocol
