// SPDX-License-Identifier: Apache-2.0
#include "session/user_directory.h"

#include "core/buckets.h"
#include "session/session.h"

namespace sanjay::session {

UserDirectory::User* UserDirectory::join(std::string_view user, Session& session) {
  User& place = *users_.try_emplace(std::string(user)).first;
  place.second.push_back(session);
  return &place;
}

void UserDirectory::leave(User& user, Session& session) {
  session.unlink();
  if (!user.second.empty()) return;
  users_.erase(users_.find(user.first));
  core::give_back_buckets(users_);
}

std::vector<Session*> UserDirectory::sessions_of(std::string_view user) {
  std::vector<Session*> sessions;
  const auto found = users_.find(std::string(user));
  if (found == users_.end()) return sessions;
  found->second.for_each([&](Session& session) { sessions.push_back(&session); });
  return sessions;
}

}  // namespace sanjay::session
