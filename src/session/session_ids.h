// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "core/connection_id.h"
#include "core/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::session {

/// What sessions are called to clients who must name theirs: who knows the name may speak for it.
/// A name is the connection's place and an HMAC-SHA256 of that, in base64url, so it is found
/// without a table, on whatever shard it is asked for, and cannot be guessed; a place's next tenant
/// has another. Immutable, any thread.
class SessionIds {
 public:
  /// `secret` is the process's own, random, at least 32 bytes.
  static core::Result<SessionIds> create(std::string_view secret);

  std::string name_of(core::ConnectionId connection) const;
  /// Whose name that is; nothing if it is nobody's. Takes equally long wherever a guess is wrong.
  /// The connection may be gone.
  std::optional<core::ConnectionId> find(std::string_view name) const;

 private:
  explicit SessionIds(auth::HmacKey key) : key_(std::move(key)) {}

  auth::HmacKey key_;
};

}  // namespace sanjay::session
