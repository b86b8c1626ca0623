// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/node.h"
#include "core/result.h"
#include "hub/answers.h"
#include "protocol/codes.h"

#include <cstddef>
#include <variant>
#include <vector>

namespace sanjay::api {

/// One entry for each channel of the broadcast, in their order.
struct BroadcastResult {
  std::vector<core::Result<hub::Published, protocol::Error>> responses;
};

/// What comes of a command, independent of the encoding. hub::Done: it was done, and there is
/// nothing to say of it.
using Result = std::variant<hub::Done, hub::Published, BroadcastResult, hub::History, hub::Presence,
                            hub::PresenceStats, NodeInfo, ChannelList>;
using Reply = core::Result<Result, protocol::Error>;

/// The memory that a reply holds, about.
std::size_t bytes_of(const Reply& reply);

}  // namespace sanjay::api
