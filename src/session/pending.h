// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "session/session.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What a Session keeps while something waits for the hub. Private to session/.
namespace sanjay::session {

/// A subscription that is being made, and what the client will be told of it.
struct SubscriptionRequest {
  enum class For : std::uint8_t {
    Command,  // a subscribe command, to be answered
    Connect,  // the server's part in a connect command
    Push,     // the server's own doing, of which the client is told
  };

  For made_for = For::Command;
  std::uint32_t id = 0;  // of the command
  hub::SubscriptionNumber number = 0;
  std::string channel{};
  bool recoverable = false;
  bool asks_to_recover = false;     // the client does
  bool recovering = false;          // an attempt is made
  bool reject_unrecovered = false;  // and its failure is an error
  hub::StreamPosition since{};
  core::Instant expires = core::kNever;
  auth::Payload data{};
  bool delta = false;  // he is sent differences
  std::shared_ptr<const hub::TagsFilter> filter{};
};

/// A connect command whose server-side subscriptions are being made.
struct ConnectInProgress {
  std::uint32_t id = 0;  // of the command
  std::size_t left = 0;  // subscriptions without result
  std::vector<std::pair<SubscriptionRequest, hub::SubscriptionResult>> made{};

  void forget(hub::SubscriptionNumber number) {
    std::erase_if(made, [&](const auto& one) { return one.first.number == number; });
  }
};

struct Session::Pending {
  std::vector<SubscriptionRequest> requests{};  // the hub has not answered yet
  std::optional<ConnectInProgress> connecting{};

  SubscriptionRequest take(hub::SubscriptionNumber number) {
    const auto found = std::ranges::find(requests, number, &SubscriptionRequest::number);
    ASSERT(found != requests.end());
    SubscriptionRequest request = std::move(*found);
    requests.erase(found);
    return request;
  }
  void forget(hub::SubscriptionNumber number) {
    std::erase_if(requests, [&](const auto& one) { return one.number == number; });
  }
  bool is_empty() const { return requests.empty() && !connecting; }
};

/// Stored publications as an encoder wants them; points into them.
class PublicationList {
 public:
  /// How they are to be written.
  struct Options {
    bool carries_binary = false;
    bool delta = false;                       // each but the first as a difference, if shorter
    const hub::TagsFilter* filter = nullptr;  // these only
  };

  /// False when one of them is not JSON and had to be.
  bool add(std::span<const hub::PublicationRef> publications, const Options& options);
  std::span<const protocol::Publication> view() const { return list_; }

 private:
  std::vector<protocol::Publication> list_;
  std::deque<std::string> texts_;  // what list_ points at instead
};

protocol::ClientInfo to_reply(const hub::ClientInfo& info);

}  // namespace sanjay::session
