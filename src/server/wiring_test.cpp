// SPDX-License-Identifier: Apache-2.0
#include "server/wiring.h"

#include "runtime/shard_threads.h"
#include "server/config.h"
#include "server/shared_state.h"

#include <gtest/gtest.h>

namespace sanjay::server {
namespace {

Wiring wired(const Config& config, std::size_t open_files_max = 10'000) {
  auto wiring = wire(config, open_files_max);
  EXPECT_TRUE(wiring);
  return *std::move(wiring);
}

Config with_shards(std::uint32_t shards, bool private_file_tables = false) {
  Config config;
  config.runtime.shards = shards;
  config.runtime.private_file_tables = private_file_tables;
  return config;
}

TEST(Wiring, NeedsTwiceTheDescriptorsItKeepsForItself) {
  EXPECT_TRUE(wire({}, 512));
  const auto refused = wire({}, 511);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the limit of open files (ulimit -n) is 511, at least 512 are needed");
}

TEST(Wiring, TakesAsManyConnectionsAsDescriptorsAllow) {
  EXPECT_EQ(wired(with_shards(3), 1000).connections_max, 744U);
  EXPECT_EQ(wired(with_shards(3, true), 1000).connections_max, 3U * 744);
  Config limited = with_shards(1);
  limited.client.connection_limit = 744;
  EXPECT_EQ(wired(limited, 1000).connections_max, 744U);
  limited.client.connection_limit = 743;
  EXPECT_EQ(wired(limited, 1000).connections_max, 743U);
  limited.client.connection_limit = 745;
  EXPECT_EQ(wired(limited, 1000).connections_max, 744U) << "no more than there are descriptors";
}

TEST(Wiring, AShardHasRoomForTheRefusedAndTheOperatorBesides) {
  EXPECT_EQ(wired(with_shards(2), 1000).shard.streams.streams_max, 744U + 128 + 64);
}

TEST(Wiring, HasAThousandShardsAtMost) {
  EXPECT_EQ(wired(with_shards(1024)).shards, 1024U);
  EXPECT_EQ(wired(with_shards(1025)).shards, 1024U);
}

TEST(Wiring, ShardsYieldWhereTheyShareCpus) {
  EXPECT_FALSE(wired(with_shards(1)).shard.yield);
  EXPECT_FALSE(wired(with_shards(runtime::available_cpus())).shard.yield);
  EXPECT_TRUE(wired(with_shards(runtime::available_cpus() + 1)).shard.yield);
}

TEST(Wiring, VeryManyShardsGetShorterMailboxes) {
  EXPECT_EQ(SharedState::mail_slots(1), 4096U);
  EXPECT_EQ(SharedState::mail_slots(4), 4096U);
  EXPECT_EQ(SharedState::mail_slots(5), 2048U);
  EXPECT_EQ(SharedState::mail_slots(56), 256U);
  EXPECT_EQ(SharedState::mail_slots(1024), 256U);
}

TEST(Wiring, EveryLimitOfTheConfigurationArrives) {
  Config config;
  config.http_server.tcp_user_timeout = std::chrono::seconds(11);
  config.client.ping_interval = std::chrono::seconds(12);
  config.client.pong_timeout = std::chrono::seconds(3);
  config.client.stale_close_delay = std::chrono::seconds(4);
  config.client.expired_close_delay = std::chrono::seconds(5);
  config.client.queue_max_size = 6000;
  config.client.channel_limit = 7;
  config.client.connection_limit_per_address = 8;
  config.client.connection_rate_limit = 9;
  config.client.connection_pace = 13;
  config.websocket.message_size_limit = 1000;
  config.websocket.write_timeout = std::chrono::seconds(10);
  config.channel.max_length = 20;
  const Wiring wiring = wired(config);
  EXPECT_EQ(wiring.tcp_user_timeout, config.http_server.tcp_user_timeout);
  EXPECT_EQ(wiring.session.ping_interval, config.client.ping_interval);
  EXPECT_EQ(wiring.session.pong_timeout, config.client.pong_timeout);
  EXPECT_EQ(wiring.session.stale_close_delay, config.client.stale_close_delay);
  EXPECT_EQ(wiring.session.expired_close_delay, config.client.expired_close_delay);
  EXPECT_EQ(wiring.shard.streams.queue_bytes_max, 6000U);
  EXPECT_EQ(wiring.shard.streams.write_stall_max, config.websocket.write_timeout);
  EXPECT_EQ(wiring.session.subscriptions_max, 7U);
  EXPECT_EQ(wiring.session.namespaces->name_bytes_max(), 20U);
  EXPECT_EQ(wiring.api.channel_bytes_max, 20U);
  EXPECT_EQ(wiring.admission.per_address_max, 8U);
  EXPECT_EQ(wiring.admission.rate_max, 9U);
  EXPECT_EQ(wiring.transport.upgrades_per_second, 13U);
  EXPECT_EQ(wiring.transport.websocket.message_bytes_max, 1000U);
}

// What docs/limits.md says of those that no key changes.
TEST(Wiring, ConstantsAreThoseOfTheDocumentation) {
  const Wiring wiring = wired(with_shards(1));
  EXPECT_EQ(wiring.transport.request_time_max, std::chrono::seconds(10));
  EXPECT_EQ(wiring.transport.keep_alive_max, std::chrono::seconds(75));
  EXPECT_EQ(wiring.transport.websocket.fragments_max, 1024U);
  EXPECT_EQ(wiring.transport.echo.message_bytes_max, 16U << 20);
  EXPECT_EQ(wiring.transport.echo.fragments_max, 65536U);
  EXPECT_EQ(wiring.shard.streams.linger_max, std::chrono::seconds(5));
  EXPECT_EQ(wiring.shard.streams.brief_linger_max, std::chrono::milliseconds(500));
  EXPECT_EQ(wiring.shard.pause, std::chrono::milliseconds(500));
  EXPECT_EQ(wiring.shard.catch_up_max, std::chrono::seconds(10));
  EXPECT_EQ(wiring.shard.accept_backoff, std::chrono::milliseconds(100));
  EXPECT_EQ(wiring.session.publish_wait_max, std::chrono::seconds(1));
  EXPECT_EQ(wiring.session.publishes_pipelined_max, 16U);
  EXPECT_EQ(wiring.hub.channels_max, 4'194'304U);
  EXPECT_EQ(wiring.hub.publishes_in_flight_max, 1024U);
  EXPECT_EQ(wiring.hub.channel_backlog_bytes_max, 64U << 10);
  EXPECT_EQ(wiring.hub.flow_bytes_max, 256U << 10);
  EXPECT_EQ(wiring.hub.quiet_flow_bytes_max, 1U << 20);
  EXPECT_EQ(wiring.hub.home.channels.pending_bytes_max, 64U << 10);
  EXPECT_EQ(wiring.hub.home.channels.total_pending_bytes_max, 16U << 20);
  EXPECT_EQ(wiring.hub.home.channels.quiet_after, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace sanjay::server
