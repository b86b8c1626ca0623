// SPDX-License-Identifier: Apache-2.0
#include "session/session_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sanjay::session {
namespace {

SessionIds make(char filling) { return SessionIds::create(std::string(32, filling)).value(); }

TEST(SessionIds, FindWhomTheyName) {
  const SessionIds ids = make('a');
  std::set<std::string> names;
  for (const core::ConnectionId id :
       {core::ConnectionId{0, 1, 0}, core::ConnectionId{1, 1, 0}, core::ConnectionId{0, 2, 0},
        core::ConnectionId{0, 1, 1}, core::ConnectionId{0xffffffff, 0xfffffffe, 0xffff}}) {
    const std::string name = ids.name_of(id);
    EXPECT_EQ(name.size(), 56u);
    EXPECT_EQ(ids.find(name), id);
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 5u);
}

TEST(SessionIds, FindNobodyUnderAnyOtherName) {
  const SessionIds ids = make('a');
  const std::string name = ids.name_of({7, 3, 1});
  EXPECT_FALSE(make('b').find(name)) << "the secret of another process";
  for (std::size_t i = 0; i < name.size(); ++i) {
    for (const char c : {'A', 'z', '0', '-', '_', '=', '+', '\0', '\xff'}) {
      std::string other = name;
      other[i] = c;
      EXPECT_EQ(ids.find(other).has_value(), other == name) << i << c;
    }
    EXPECT_FALSE(ids.find(name.substr(0, i)));
    EXPECT_FALSE(ids.find(name.substr(i + 1)));
  }
  EXPECT_FALSE(ids.find(name + "A"));
  EXPECT_FALSE(ids.find(std::string(100'000, 'A')));
  EXPECT_FALSE(SessionIds::create(""));
}

}  // namespace
}  // namespace sanjay::session
