// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"
#include "hub/hub.h"
#include "protocol/codes.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sanjay::api {

/// One broadcast call under way: the same data published to many channels, of which only a window
/// waits for other shards at a time. One shard's thread.
class Broadcast {
 public:
  /// Publications that may wait for other shards at once.
  static constexpr std::size_t kWindow = 256;

  struct Target {
    std::string channel;
    std::optional<protocol::Error> error;  // set beforehand: nothing is published there
  };

  Broadcast(std::vector<Target> targets, std::string data, core::ConnectionId connection,
            core::Instant now)
      : targets_(std::move(targets)),
        data_(std::move(data)),
        connection_(connection),
        received_(now) {}

  /// Publishes as far as the window allows. True when all is decided.
  bool advance(hub::Hub& hub);
  /// A publication that was pending has been decided; `request` is its place among the targets.
  void on_published(std::uint32_t request, hub::PublishOutcome outcome);

  core::ConnectionId connection() const { return connection_; }
  /// The body of the response, once all is decided.
  std::string body() const;

 private:
  void decide(std::size_t target, hub::PublishOutcome outcome);

  std::vector<Target> targets_;
  std::string data_;
  core::ConnectionId connection_;
  core::Instant received_;
  std::size_t next_ = 0;
  std::size_t pending_ = 0;
};

/// {"error":{…}}
std::string error_body(const protocol::Error& error);

}  // namespace sanjay::api
