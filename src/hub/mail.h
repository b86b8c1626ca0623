// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/shared_bytes.h"
#include "hub/answers.h"
#include "hub/by_form.h"
#include "hub/publication.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {

// What the hubs of two shards say to each other. Plain data. "Local" is a shard with subscribers,
// "home" the shard that orders a channel. All mail of one pair of shards arrives in the order in
// which it was sent; the correctness of subscribing rests on that.

/// Names one subscription on its shard: what a session keeps per channel it is subscribed to. The
/// six highest bits are its form, so that a fan-out need not look the subscription up.
using SubscriptionNumber = std::uint32_t;
inline constexpr unsigned kFormShift = 26;
inline constexpr std::uint32_t kSubscriptionsMax = 1U << kFormShift;
static_assert(kForms <= std::size_t{1} << (32 - kFormShift));
constexpr Form form_of(SubscriptionNumber number) {
  return static_cast<Form>(number >> kFormShift);
}

/// Local → home: this shard has subscribers of the channel (or: also in these forms).
struct Interest {
  std::string channel;
  std::uint32_t local_channel = 0;  // to be named in what the home shard sends back
  FormSet forms = 0;
};

/// Home → local: everything ordered from now on will be sent in these forms also.
struct InterestConfirmed {
  std::uint32_t local_channel = 0;
  std::uint32_t home_channel = 0;
  FormSet forms = 0;
};

/// Local → home: the last subscriber of this shard has left.
struct Disinterest {
  std::uint32_t home_channel = 0;
};

/// Home → local: nothing further comes; the local channel's number may be used again.
struct DisinterestConfirmed {
  std::uint32_t local_channel = 0;
};

/// Local → home: order this publication. The sender has reserved room for the answer.
struct PublishRequest {
  PublishRequest(std::string_view channel_name, const Publication& what, const PublishOptions& how,
                 const ReplyTo& to)
      : channel(channel_name),
        publication(what),
        options(how),
        idempotency_key(how.idempotency_key),
        version_epoch(how.version_epoch),
        reply_to(to) {
    options.idempotency_key = idempotency_key;
    options.version_epoch = version_epoch;
  }

  std::string channel;
  StoredPublication publication;
  PublishOptions options;  // its texts are the two below
  std::string idempotency_key;
  std::string version_epoch;
  ReplyTo reply_to;
};

/// Home → local: the usual answers to a PublishRequest, without allocation.
struct PublishResult {
  ReplyTo reply_to;
  bool published = true;  // else busy
};

/// What a subscription wants of its channel's home beside publications.
struct SubscriptionOptions {
  Variant variant = Variant::Plain;
  bool joins = false;        // tell the subscriber of joins and leaves
  bool positioned = false;   // no publication may be missed unnoticed
  bool recover = false;      // and those after `since` are wanted; means positioned
  bool newest_only = false;  // of those, the newest is enough
  StreamPosition since{};
  std::uint32_t publications_max = 300;  // more missed: not recovered
  core::Duration history_meta_ttl{0};
  bool presence = false;   // be seen in the channel's presence
  bool announced = false;  // the others are told of join and leave
  OwnedClientInfo info{};  // with presence or announced

  bool asks_home() const { return positioned || recover || presence || announced; }
};

/// How a subscription began.
struct SubscriptionResult {
  std::optional<Failure> failure{};
  bool positioned = false;
  StreamPosition position{};  // what follows comes after it
  bool recovered = false;     // `publications` are all that came after `since`
  bool epoch_matches = true;  // false: `since` was of another epoch
  std::vector<PublicationRef> publications{};
};

/// Local → home: begin a subscription whose interest was told before. Answered by
/// SubscriptionReply.
struct SubscriptionRequest {
  std::string channel;
  SubscriptionNumber subscription = 0;
  std::uint32_t ticket = 0;
  SubscriptionOptions options;
};

/// Home → local: comes right before what follows the position in it.
struct SubscriptionReply {
  SubscriptionNumber subscription = 0;
  std::uint32_t ticket = 0;
  SubscriptionResult result;
};

/// Local → home: a subscription has ended that was in the presence, or announced. Its request may
/// still be under way.
struct Departure {
  std::string channel;
  std::uint32_t ticket = 0;
  bool presence = false;
  bool announced = false;
  OwnedClientInfo info;
};

/// Local → home: ask the broker. Answered by QueryReply.
struct Query {
  enum class What : std::uint8_t { History, RemoveHistory, Presence, PresenceStats };

  std::string channel;
  ReplyTo reply_to;
  What what = What::History;
  HistoryQuery history{};
};

/// Home → local: the answer to a query, or to a publish with more to say than PublishResult can.
struct QueryReply {
  ReplyTo reply_to;
  bool publish = false;
  Answer answer;
};

/// What a channel brought during one turn of its home shard.
struct EncodedBatch {
  ByForm<core::SharedBytes> frames{};  // finished bytes
  core::Instant received{};            // the oldest publication in it
  std::uint32_t publications = 0;
  FormSet unencodable = 0;  // these could not carry one of the publications
  bool state_lost = false;  // nothing else: what follows does not follow what came before

  std::size_t bytes() const {
    std::size_t sum = 0;
    frames.for_each([&](FrameKey, const core::SharedBytes& bytes) { sum += bytes.size(); });
    return sum;
  }
};

/// Home → local: deliver this to every subscriber.
struct PublicationBatch {
  std::uint32_t local_channel = 0;
  EncodedBatch batch;
};

/// monostate only fills the unused slots of a ring. What is large is held by pointer, or every slot
/// of every ring would be as large.
using Mail =
    std::variant<std::monostate, Interest, InterestConfirmed, Disinterest, DisinterestConfirmed,
                 std::unique_ptr<PublishRequest>, PublishResult, PublicationBatch,
                 std::unique_ptr<SubscriptionRequest>, std::unique_ptr<SubscriptionReply>,
                 std::unique_ptr<Departure>, std::unique_ptr<Query>, std::unique_ptr<QueryReply>>;

}  // namespace sanjay::hub
