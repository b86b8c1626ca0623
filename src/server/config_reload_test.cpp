// SPDX-License-Identifier: Apache-2.0
#include "server/config_reload.h"

#include "server/config_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <type_traits>

namespace sanjay::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// What is built at start, one by one: a new key belongs here or takes effect at once.
const std::set<std::string_view> kFixedAtStart{
    "http_server.address",
    "http_server.port",
    "http_server.internal_address",
    "http_server.internal_port",
    "http_server.tcp_user_timeout",
    "http_server.trusted_proxies",
    "http_server.proxy_protocol",
    "http_server.tls_external",
    "http_server.tls.enabled",
    "http_server.tls.handshakes_max",
    "http_server.internal_tls.enabled",
    "client.queue_max_size",
    "client.connection_limit_per_address",
    "client.connection_rate_limit",
    "client.connection_pace",
    "websocket.write_timeout",
    "node.name",
    "runtime.shards",
    "runtime.io",
    "runtime.private_file_tables",
    "runtime.watchdog_timeout",
    "runtime.spin_us",
    "runtime.pin_cpus",
};

/// Gives the setting another value than it has.
void change(const Setting& setting, Config& config) {
  std::visit(
      [](auto* value) {
        using Value = std::remove_cvref_t<decltype(*value)>;
        if constexpr (std::is_same_v<Value, bool>) {
          *value = !*value;
        } else if constexpr (std::is_integral_v<Value>) {
          ++*value;
        } else if constexpr (std::is_same_v<Value, std::string>) {
          *value += "x";
        } else if constexpr (std::is_same_v<Value, core::Duration>) {
          *value += std::chrono::seconds(1);
        } else if constexpr (std::is_enum_v<Value>) {
          *value = *value == Value{} ? Value{1} : Value{};
        } else {
          value->emplace_back();
        }
      },
      setting.target(config));
}

bool equal(const Setting& setting, Config& one, Config& other) {
  return std::visit(
      [&](auto* value) {
        return *value == *std::get<std::remove_cvref_t<decltype(value)>>(setting.target(other));
      },
      setting.target(one));
}

TEST(ConfigReload, NothingChangedIsNothingToDo) {
  const ReloadPlan plan = plan_reload({}, {});
  EXPECT_THAT(plan.changed, IsEmpty());
  EXPECT_THAT(plan.need_restart, IsEmpty());
}

TEST(ConfigReload, EachSettingTakesEffectOrKeepsItsValueAndIsNamed) {
  std::size_t fixed_keys = 0;
  for (const Setting& setting : settings()) {
    Config running;
    Config wanted;
    change(setting, wanted);
    ASSERT_FALSE(equal(setting, running, wanted)) << setting.path;
    ReloadPlan plan = plan_reload(running, wanted);
    const bool fixed = kFixedAtStart.contains(setting.path);
    fixed_keys += fixed ? 1 : 0;
    if (fixed) {
      EXPECT_THAT(plan.need_restart, ElementsAre(setting.path));
      EXPECT_THAT(plan.changed, IsEmpty()) << setting.path;
    } else {
      EXPECT_THAT(plan.changed, ElementsAre(setting.path));
      EXPECT_THAT(plan.need_restart, IsEmpty()) << setting.path;
    }
    for (const Setting& other : settings()) {
      EXPECT_TRUE(equal(other, plan.config, fixed ? running : wanted))
          << other.path << " after a change of " << setting.path;
    }
  }
  EXPECT_EQ(fixed_keys, kFixedAtStart.size());  // each of these names is a key
}

TEST(ConfigReload, SeveralChangesAreEachJudgedAlone) {
  Config running;
  running.client.token.hmac_secret_key = "old";
  running.runtime.shards = 2;
  Config wanted;
  wanted.client.token.hmac_secret_key = "new";
  wanted.runtime.shards = 4;
  wanted.http_server.port = 9000;
  wanted.log.level = telemetry::Level::Debug;
  wanted.warnings = {"a warning"};
  const ReloadPlan plan = plan_reload(running, wanted);
  EXPECT_THAT(plan.changed, UnorderedElementsAre("client.token.hmac_secret_key", "log.level"));
  EXPECT_THAT(plan.need_restart, UnorderedElementsAre("runtime.shards", "http_server.port"));
  EXPECT_EQ(plan.config.client.token.hmac_secret_key, "new");
  EXPECT_EQ(plan.config.runtime.shards, 2U);
  EXPECT_EQ(plan.config.http_server.port, running.http_server.port);
  EXPECT_EQ(plan.config.log.level, telemetry::Level::Debug);
  EXPECT_THAT(plan.config.warnings, ElementsAre("a warning"));
}

}  // namespace
}  // namespace sanjay::server
