// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include "server/config.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace sanjay::server {
namespace {

core::Result<std::unique_ptr<Server>> create_server(telemetry::Logger& log) {
  Config config;
  config.http_server.address = "127.0.0.1";
  config.http_server.port = 0;
  config.runtime.shards = 1;
  config.runtime.io = IoChoice::Epoll;
  return Server::create(wire(config, 4096).value(), log);
}

TEST(Server, AShardThatDoesNotTurnIsStuckLongerWithEachLook) {
  telemetry::NullLogger log;
  const auto server = create_server(log);
  ASSERT_TRUE(server);
  // Not started yet, it turns as little as one that hangs.
  for (unsigned look = 1; look <= 20; ++look) EXPECT_EQ((*server)->stuck_for(), look);

  ASSERT_TRUE((*server)->start());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  // Soon it sleeps, and still turns now and then.
  for (int turn = 0; turn < 3; ++turn) {
    while ((*server)->stuck_for() > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now(), deadline) << "it never turned";
  EXPECT_TRUE((*server)->shut_down(std::chrono::seconds(20)));
}

}  // namespace
}  // namespace sanjay::server
