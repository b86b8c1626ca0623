// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/command_decoder.h"
#include "protocol/messages.h"
#include "protocol/protobuf_reader.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

/// Turns messages of a Protobuf client (WebSocket binary frames, HTTP bodies) into commands. One
/// message holds one or more commands, each behind its length as a varint; an empty message is an
/// error, an empty command a pong. Unknown fields are passed over; of a repeated field the last
/// value counts, and messages are merged, as the encoding's specification has it. What is not
/// accepted: see ProtobufReader. After an error the rest of the message is dropped.
///
/// One per shard, reused for every connection; keeps nothing between messages but memory, and of
/// that no more than entries_max entries. Views in a command point into the message or into the
/// decoder and live until the next call here, as long as the message itself is left alone.
class ProtobufDecoder final : public CommandDecoder {
 public:
  explicit ProtobufDecoder(ProtobufOptions options = {});

  void begin(std::string_view message) override;
  std::optional<core::Result<Command, DecodeError>> next() override;
  std::string_view rest() const override { return rest_; }

 private:
  core::Result<Command, DecodeError> next_command();
  core::Result<Command, DecodeError> decode(std::string_view bytes);
  void read_connect(ProtobufReader& in, ConnectRequest& request);
  bool read_request(ProtobufReader& in, std::uint32_t field, Request& request);
  template <class T>
  void merge(ProtobufReader& in, Request& request);

  const ProtobufOptions options_;
  std::string_view rest_;
  bool done_ = true;
  std::uint32_t commands_ = 0;
  std::vector<SubscribeRequest> subs_;
  std::vector<EmulatedHeader> headers_;
};

}  // namespace sanjay::protocol
