// SPDX-License-Identifier: Apache-2.0
#include "bench/target.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

TEST(Target, TakesTheUrlApart) {
  const auto target = Target::parse("ws://127.0.0.1:8000/connection/websocket?format=json");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->endpoint.to_string(), "127.0.0.1:8000");
  EXPECT_EQ(target->host, "127.0.0.1:8000");
  EXPECT_EQ(target->path, "/connection/websocket?format=json");
}

TEST(Target, FillsInPortAndPath) {
  EXPECT_EQ(Target::parse("ws://localhost")->endpoint.to_string(), "127.0.0.1:80");
  EXPECT_EQ(Target::parse("ws://localhost")->path, "/");
  EXPECT_EQ(Target::parse("ws://localhost:81?a=b")->path, "/?a=b");
  EXPECT_EQ(Target::parse("ws://[::1]:9/")->endpoint.to_string(), "[::1]:9");
}

TEST(Target, RefusesWhatItCannotReach) {
  for (const char* url : {"", "http://127.0.0.1/", "wss://127.0.0.1/", "ws://",
                          "ws://name.example/", "ws://127.0.0.1:0/", "ws://127.0.0.1:x/",
                          "ws://127.0.0.1:65536/", "ws://[::1/", "ws://127.0.0.1:/"}) {
    EXPECT_FALSE(Target::parse(url)) << url;
  }
}

}  // namespace
}  // namespace sanjay::bench
