// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/payload.h"
#include "core/subscription_override.h"
#include "core/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::auth {

/// Data that a token carries for others to read: exactly the bytes that `b64…` encodes, or the JSON
/// of the plain claim without white space; a Protobuf client is sent them as they are. Both
/// present: `b64…` wins. Bytes may be JSON by chance; that changes nothing of them.
using core::Payload;

/// For a JSON client: the JSON on one line, or nothing when the payload is no JSON.
std::string json_of(const Payload& payload);

/// In a token {"presence":{"value":true}}; {} means false, since signers leave a false out.
using core::SubscriptionOverride;

/// One server-side subscription of a connection token.
struct ServerSubscription {
  std::string channel;
  Payload info{};
  Payload data{};
  SubscriptionOverride overrides{};
};

/// What a connection token says about its bearer.
struct ConnectClaims {
  std::string user;                         // `sub`, or the claim named instead; empty: anonymous
  std::optional<core::WallTime> expire_at;  // when the connection expires; nothing: never
  Payload info;                             // for presence, joins, leaves and publications
  std::vector<std::string> channels;        // server-side subscriptions; empty when `subs` are not
  std::vector<ServerSubscription> subs;     // the same with options
  std::string meta;                         // a JSON object for servers only; empty: none
};

/// What a subscription token says. The caller compares user, channel and client with its own.
struct SubscribeClaims {
  std::string user;                         // as above
  std::string channel;                      // never empty
  std::string client;                       // the one connection that may use it; empty: any
  std::optional<core::WallTime> expire_at;  // when the subscription expires; nothing: never
  Payload info;                             // of the bearer, in this channel
  Payload data;                             // for the subscribe reply
  SubscriptionOverride overrides;
};

struct TokenError {
  enum class Kind : std::uint8_t {
    Expired,      // the client should fetch a new token (error 109)
    Invalid,      // it should not come back with this one (disconnect 3500)
    KeysPending,  // the key is being fetched: ask again when keys have changed or at `retry_at`
    Unavailable,  // no key to tell by and none to be had before `retry_at`: a temporary error
  };

  Kind kind;
  std::string_view reason;                // a literal, for the log; never part of the token
  core::Instant retry_at = core::kNever;  // of the two last kinds
};

}  // namespace sanjay::auth
