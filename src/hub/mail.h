// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/shared_bytes.h"
#include "hub/publication.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace sanjay::hub {

// What the hubs of two shards say to each other. Plain data. "Local" is a shard with subscribers,
// "home" the shard that orders a channel. All mail of one pair of shards arrives in the order in
// which it was sent; the correctness of subscribing rests on that.

/// Local → home: this shard has subscribers of the channel (or: also in these encodings).
struct Interest {
  std::string channel;
  std::uint32_t local_channel = 0;  // to be named in what the home shard sends back
  EncodingSet encodings = 0;
};

/// Home → local: every publication ordered from now on will be sent in these encodings also.
struct InterestConfirmed {
  std::uint32_t local_channel = 0;
  std::uint32_t home_channel = 0;
  EncodingSet encodings = 0;
};

/// Local → home: the last subscriber of this shard has left.
struct Disinterest {
  std::uint32_t home_channel = 0;
};

/// Home → local: no further publication comes; the local channel's number may be used again.
struct DisinterestConfirmed {
  std::uint32_t local_channel = 0;
};

/// Local → home: order this publication. The sender has reserved room for the answer.
struct PublishRequest {
  std::string channel;
  std::string data;
  std::string client;
  std::string user;
  std::string conn_info;
  core::Instant received;
  ReplyTo reply_to;
};

/// Home → local: the answer to a PublishRequest.
struct PublishResult {
  ReplyTo reply_to;
  PublishOutcome outcome = PublishOutcome::Accepted;
};

/// What a channel published during one turn of its home shard.
struct EncodedBatch {
  std::array<core::SharedBytes, kEncodings> frames;  // finished bytes per encoding
  core::Instant received;                            // the oldest publication in it
  std::uint32_t publications = 0;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& form : frames) sum += form.size();
    return sum;
  }
};

/// Home → local: deliver these bytes to every subscriber.
struct PublicationBatch {
  std::uint32_t local_channel = 0;
  EncodedBatch batch;
};

/// monostate only fills the unused slots of a ring. A publish request is held by pointer because it
/// is four times as large as the rest, and every slot of every ring would be that large.
using Mail =
    std::variant<std::monostate, Interest, InterestConfirmed, Disinterest, DisinterestConfirmed,
                 std::unique_ptr<PublishRequest>, PublishResult, PublicationBatch>;

}  // namespace sanjay::hub
