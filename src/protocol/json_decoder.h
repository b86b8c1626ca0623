// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/command_decoder.h"
#include "protocol/json_scanner.h"
#include "protocol/messages.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

/// Turns messages of a JSON client (WebSocket text or binary frames, HTTP bodies) into commands.
/// One message holds one or more commands joined by a single '\n', with one more '\n' allowed at
/// its end; an empty message or a blank line is an error. Unknown keys are ignored, null means
/// absent, of a repeated key the last one counts, a known key with a wrong type is an error. After
/// an error the rest of the message is dropped.
///
/// One per shard, reused for every connection; keeps nothing between messages but memory. Views in
/// a command point into the message or into the decoder and live until the next call here, as long
/// as the message itself is left alone.
class JsonDecoder final : public CommandDecoder {
 public:
  explicit JsonDecoder(JsonOptions options = {});

  void begin(std::string_view message) override;
  /// The message is the object of one connect request and nothing else, as unidirectional clients
  /// send it: it may have several lines. next() gives it as a command without an id.
  void begin_connect(std::string_view message);
  std::optional<core::Result<Command, DecodeError>> next() override;
  std::string_view rest() const override { return rest_; }

 private:
  core::Result<Command, DecodeError> decode(std::string_view line);
  core::Result<Command, DecodeError> decode_connect(std::string_view message);
  Request read_connect(JsonScanner& in);
  std::optional<Request> read_request(JsonScanner& in, std::string_view key);

  const JsonOptions options_;
  std::string_view rest_;
  bool done_ = true;
  bool bare_connect_ = false;
  std::string scratch_;
  std::vector<SubscribeRequest> subs_;
  std::vector<EmulatedHeader> headers_;
};

}  // namespace sanjay::protocol
