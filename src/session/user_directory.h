// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/intrusive_list.h"
#include "core/siphash.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sanjay::session {

class Session;

/// The connected sessions of one shard by user, for what the server does to a user. Anonymous
/// sessions stand under the empty user. One shard's thread; outlives the sessions.
class UserDirectory {
  struct Hasher {
    core::SipKey key;
    std::size_t operator()(std::string_view user) const { return core::siphash(key, user); }
  };
  using Sessions = core::IntrusiveList<Session>;
  using Users = std::unordered_map<std::string, Sessions, Hasher>;

 public:
  /// One user's place; valid as long as one of his sessions stands in it.
  using User = Users::value_type;

  /// Users are texts from outside: the key keeps them from colliding on purpose.
  explicit UserDirectory(const core::SipKey& key) : users_(0, Hasher{key}) {}

  User* join(std::string_view user, Session& session);
  void leave(User& user, Session& session);

  /// The sessions of a user. Acting on one may make it leave, but none of the others.
  std::vector<Session*> sessions_of(std::string_view user);
  std::size_t user_count() const { return users_.size(); }

 private:
  Users users_;
};

}  // namespace sanjay::session
