// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

namespace sanjay::core {

/// What a token or a caller of the server API changes for one subscription; nothing: as the
/// channel's options have it.
struct SubscriptionOverride {
  std::optional<bool> presence{};
  std::optional<bool> join_leave{};
  std::optional<bool> force_push_join_leave{};
  std::optional<bool> force_positioning{};
  std::optional<bool> force_recovery{};

  bool operator==(const SubscriptionOverride&) const = default;
};

}  // namespace sanjay::core
