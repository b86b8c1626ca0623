// SPDX-License-Identifier: Apache-2.0
#include "channels/permissions.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace sanjay::channels {
namespace {

using namespace std::chrono_literals;
using protocol::Error;

constexpr std::uint32_t kAllowed = 0;

std::uint32_t code_of(const std::optional<Error>& error) { return error ? error->code : kAllowed; }

template <class T>
std::uint32_t code_of(const core::Result<T, Error>& result) {
  return result ? kAllowed : result.error().code;
}

Namespaces make(NamespacesConfig config) {
  auto namespaces = Namespaces::create(std::move(config));
  EXPECT_TRUE(namespaces) << namespaces.error().message;
  return *std::move(namespaces);
}

/// Options with these set, which is all that tables need.
template <class... Flags>
ChannelOptions with(Flags... flags) {
  ChannelOptions options;
  ((options.*flags = true), ...);
  return options;
}

constexpr auto kForClient = &ChannelOptions::allow_subscribe_for_client;
constexpr auto kForAnonymous = &ChannelOptions::allow_subscribe_for_anonymous;
constexpr auto kUserLimited = &ChannelOptions::allow_user_limited_channels;

constexpr Asker kAnna{.user = "anna"};
constexpr Asker kAnonymous{};
constexpr Asker kInsecure{.user = "anna", .insecure = true};
constexpr Asker kAnonymousInsecure{.insecure = true};
constexpr Asker kToken{.user = "anna", .has_token = true};
constexpr Asker kAnnaSubscribed{.user = "anna", .subscribed = true};
constexpr Asker kAnonymousSubscribed{.subscribed = true};

TEST(CheckName, ANameMayHaveAsManyBytesAsTheLimitSays) {
  const Namespaces namespaces = make({});
  EXPECT_EQ(code_of(check_name(namespaces, std::string(255, 'a'))), kAllowed);
  EXPECT_EQ(code_of(check_name(namespaces, std::string(256, 'a'))), 107U);
  EXPECT_EQ(code_of(check_length(namespaces, std::string(255, 'a'))), kAllowed);
  EXPECT_EQ(code_of(check_length(namespaces, std::string(256, 'a'))), 107U);
  EXPECT_EQ(code_of(check_api_channel(namespaces, std::string(255, 'a'))), kAllowed);
  EXPECT_EQ(code_of(check_api_channel(namespaces, std::string(256, 'a'))), 107U);
  NamespacesConfig config;
  config.max_length = 20;
  EXPECT_EQ(code_of(check_name(make(config), std::string(20, 'a'))), kAllowed);
  EXPECT_EQ(code_of(check_name(make(config), std::string(21, 'a'))), 107U);
}

TEST(CheckName, AnUnknownNamespaceIsAnUnknownChannel) {
  NamespacesConfig config;
  config.namespaces = {{"chat", {}}};
  const Namespaces namespaces = make(config);
  EXPECT_EQ(check_name(namespaces, "chat:1"), namespaces.find("chat:1"));
  EXPECT_EQ(check_name(namespaces, "news"), namespaces.find("news"));
  EXPECT_EQ(code_of(check_name(namespaces, "chess:1")), 102U);
  EXPECT_EQ(code_of(check_name(namespaces, "$chess:1")), 102U);
  EXPECT_EQ(code_of(check_api_channel(namespaces, "chess:1")), 102U);
  // The length comes first, the letters last.
  EXPECT_EQ(code_of(check_name(namespaces, "chess:" + std::string(255, 'a'))), 107U);
  EXPECT_EQ(code_of(check_name(namespaces, "chess:\xc3\xa4")), 102U);
}

TEST(CheckName, WithoutARegexItIsOfAsciiBytes) {
  NamespacesConfig config;
  config.namespaces = {{"chat", {}}};
  const Namespaces namespaces = make(config);
  for (const std::string& channel :
       {std::string("a b"), std::string("a\x7f"), std::string("a\0b", 3), std::string("chat:\t")}) {
    EXPECT_EQ(code_of(check_name(namespaces, channel)), kAllowed) << channel;
  }
  for (const char* channel : {"\xc3\xa4", "chat:\xe2\x82\xac", "a\x80", "a\xff", "$\xc3\xa4"}) {
    EXPECT_EQ(code_of(check_name(namespaces, channel)), 107U) << channel;
    EXPECT_EQ(code_of(check_api_channel(namespaces, channel)), kAllowed) << channel;
  }
}

TEST(CheckName, TheRegexSeesTheNameBehindItsNamespace) {
  NamespacesConfig config;
  config.without_namespace.channel_regex = "^\\$?[a-z]+$";
  config.namespaces = {{"chat", {}}, {"any", {}}, {"nested", {}}};
  config.namespaces[0].options.channel_regex = "^[0-9]+$";
  config.namespaces[1].options.channel_regex = "x";
  config.namespaces[2].options.channel_regex = "^(a+)+$";
  config.max_length = 4096;
  const Namespaces namespaces = make(config);
  struct Row {
    std::string channel;
    std::uint32_t code;
  };
  const Row rows[] = {
      {"news", kAllowed},
      {"$news", kAllowed},  // without namespace the prefix is part of the name
      {"News", 107},
      {"", 107},
      {":news", kAllowed},  // an empty namespace is none, and not part of the name
      {"chat:42", kAllowed},
      {"$chat:42", kAllowed},
      {"chat:x", 107},
      {"chat:", 107},
      {"chat:42\n", 107},
      {"any:axb", kAllowed},  // unanchored
      {"any:a\xc3\xa4x", kAllowed},
      {"any:abc", 107},
      {"xx:1", 102},
      {"nested:" + std::string(4000, 'a'), kAllowed},
      {"nested:" + std::string(4000, 'a') + "!", 107},  // a backtracking matcher would not end
  };
  for (const Row& row : rows) {
    EXPECT_EQ(code_of(check_name(namespaces, row.channel)), row.code) << row.channel;
  }
  EXPECT_EQ(code_of(check_api_channel(namespaces, "chat:x")), kAllowed);
  EXPECT_EQ(code_of(check_api_channel(namespaces, "")), 107U);
}

struct SubscribeRow {
  ChannelOptions options;
  std::string_view channel;
  Asker asker;
  core::Result<SubscribeGround, Error> expected;
};

void check(std::initializer_list<SubscribeRow> rows) {
  int number = 0;
  for (const SubscribeRow& row : rows) {
    NamespacesConfig config;
    config.without_namespace = row.options;
    const Namespaces namespaces = make(config);
    const auto decision =
        check_subscribe(namespaces, *namespaces.find(row.channel), row.channel, row.asker);
    EXPECT_EQ(decision, row.expected) << "row " << number << ", channel " << row.channel;
    ++number;
  }
}

const core::Result<SubscribeGround, Error> kDenied =
    std::unexpected(protocol::kErrorPermissionDenied);

TEST(Subscribe, IsDeniedByDefault) {
  check({{with(), "news", kAnna, kDenied},
         {with(), "news", kAnonymous, kDenied},
         {with(), "#anna", kAnna, kDenied},
         {with(), "", kAnna, kDenied}});
}

TEST(Subscribe, APrivateChannelTakesAToken) {
  const ChannelOptions open = with(kForClient, kForAnonymous, kUserLimited);
  check({{open, "$news", kAnna, kDenied},
         {open, "$news", kAnonymous, kDenied},
         {open, "$news#anna", kAnna, kDenied},
         {open, "$news", kInsecure, kDenied},
         {open, "$news", kToken, SubscribeGround::Token},
         {open, "news$", kAnna, SubscribeGround::Client}});
}

TEST(Subscribe, ATokenAloneDecides) {
  check({{with(), "news", kToken, SubscribeGround::Token},
         {with(kForClient), "news", kToken, SubscribeGround::Token},
         {with(kUserLimited), "news#anna", kToken, SubscribeGround::Token},
         {with(kUserLimited), "news#bob", kToken, SubscribeGround::Token},
         {with(),
          "news",
          {.user = "anna", .insecure = true, .has_token = true},
          SubscribeGround::Token},
         {with(), "$news", {.has_token = true}, SubscribeGround::Token}});
}

TEST(Subscribe, OnlyListedUsersSubscribeToALimitedChannel) {
  const ChannelOptions limited = with(kUserLimited);
  const ChannelOptions limited_and_open = with(kUserLimited, kForClient, kForAnonymous);
  check({{limited, "dialog#anna,bob", kAnna, SubscribeGround::UserList},
         {limited, "dialog#bob", kAnna, kDenied},
         {limited, "dialog#", kAnna, kDenied},
         {limited, "dialog#", kAnonymous, kDenied},
         {limited, "dialog#bob,", kAnonymous, kDenied},
         {limited, "dialog", kAnna, kDenied},
         // What is open to all clients does not open it to those whom it does not list.
         {limited_and_open, "dialog#bob", kAnna, kDenied},
         {limited_and_open, "dialog#bob", kAnonymous, kDenied},
         {limited_and_open, "dialog#anna", kAnna, SubscribeGround::UserList},
         {limited_and_open, "dialog", kAnna, SubscribeGround::Client},
         // Where users are not limited the name is one like any other.
         {with(kForClient), "dialog#bob", kAnna, SubscribeGround::Client},
         {with(), "dialog#anna", kAnna, kDenied},
         {limited, "dialog#bob", kInsecure, SubscribeGround::Insecure}});
}

TEST(Subscribe, AnonymousClientsNeedAllowanceBesideThatForClients) {
  check({{with(kForClient), "news", kAnna, SubscribeGround::Client},
         {with(kForClient), "news", kAnonymous, kDenied},
         {with(kForAnonymous), "news", kAnonymous, kDenied},
         {with(kForAnonymous), "news", kAnna, kDenied},
         {with(kForClient, kForAnonymous), "news", kAnonymous, SubscribeGround::Client}});
}

TEST(Subscribe, InsecureAllowsWhatNoRuleRefuses) {
  check({{with(), "news", kInsecure, SubscribeGround::Insecure},
         {with(), "news", kAnonymousInsecure, SubscribeGround::Insecure},
         {with(kForClient), "news", kInsecure, SubscribeGround::Client},
         {with(kUserLimited), "news#anna", kInsecure, SubscribeGround::UserList}});
}

struct Row {
  ChannelOptions options;
  Asker asker;
  std::uint32_t code;
};

template <class Check>
void check_rows(Check&& function, std::initializer_list<Row> rows) {
  int number = 0;
  for (const Row& row : rows) {
    EXPECT_EQ(code_of(function(row.options, row.asker)), row.code) << "row " << number;
    ++number;
  }
}

constexpr auto kPublishForClient = &ChannelOptions::allow_publish_for_client;
constexpr auto kPublishForSubscriber = &ChannelOptions::allow_publish_for_subscriber;
constexpr auto kPublishForAnonymous = &ChannelOptions::allow_publish_for_anonymous;

TEST(Publish, FollowsItsChain) {
  check_rows(check_publish, {{with(), kAnna, 103},
                             {with(), kAnnaSubscribed, 103},
                             {with(kForClient, kForAnonymous), kAnnaSubscribed, 103},
                             {with(kPublishForClient), kAnna, kAllowed},
                             {with(kPublishForClient), kAnnaSubscribed, kAllowed},
                             {with(kPublishForSubscriber), kAnna, 103},
                             {with(kPublishForSubscriber), kAnnaSubscribed, kAllowed},
                             {with(kPublishForSubscriber), kToken, 103},
                             {with(), kInsecure, kAllowed},
                             {with(), kAnonymousInsecure, kAllowed}});
}

TEST(Publish, AnonymousClientsNeedAllowanceBesideTheRule) {
  check_rows(check_publish,
             {{with(kPublishForAnonymous), kAnonymous, 103},
              {with(kPublishForAnonymous), kAnonymousSubscribed, 103},
              {with(kPublishForAnonymous), kAnna, 103},
              {with(kPublishForClient), kAnonymous, 103},
              {with(kPublishForSubscriber), kAnonymousSubscribed, 103},
              {with(kPublishForClient, kPublishForAnonymous), kAnonymous, kAllowed},
              {with(kPublishForSubscriber, kPublishForAnonymous), kAnonymousSubscribed, kAllowed},
              {with(kPublishForSubscriber, kPublishForAnonymous), kAnonymous, 103}});
}

/// Presence and history have the same chain over options of their own.
struct Reading {
  std::optional<Error> (*check)(const ChannelOptions&, const Asker&);
  bool ChannelOptions::* for_client;
  bool ChannelOptions::* for_subscriber;
  bool ChannelOptions::* for_anonymous;
};

constexpr Reading kPresence{check_presence, &ChannelOptions::allow_presence_for_client,
                            &ChannelOptions::allow_presence_for_subscriber,
                            &ChannelOptions::allow_presence_for_anonymous};
constexpr Reading kHistory{check_history, &ChannelOptions::allow_history_for_client,
                           &ChannelOptions::allow_history_for_subscriber,
                           &ChannelOptions::allow_history_for_anonymous};

template <class... Flags>
ChannelOptions reading(Flags... flags) {
  ChannelOptions options = with(flags...);
  options.presence = true;
  options.history = {10, 60s, 1h};
  return options;
}

TEST(Reading, WhatIsOffIsNotAvailableToAnybody) {
  for (const Reading& what : {kPresence, kHistory}) {
    for (const Asker& asker : {kAnna, kAnonymous, kInsecure}) {
      EXPECT_EQ(code_of(what.check(with(what.for_client, what.for_subscriber, what.for_anonymous),
                                   asker)),
                108U);
    }
  }
  ChannelOptions size_only = with(kHistory.for_client);
  size_only.history.size = 10;
  EXPECT_EQ(code_of(check_history(size_only, kAnna)), 108U);
  ChannelOptions ttl_only = with(kHistory.for_client);
  ttl_only.history.ttl = 60s;
  EXPECT_EQ(code_of(check_history(ttl_only, kAnna)), 108U);
}

TEST(Reading, FollowsItsChain) {
  for (const Reading& what : {kPresence, kHistory}) {
    const Reading& other = what.check == check_presence ? kHistory : kPresence;
    check_rows(what.check, {{reading(), kAnna, 103},
                            {reading(), kAnnaSubscribed, 103},
                            {reading(other.for_client, other.for_subscriber), kAnnaSubscribed, 103},
                            {reading(what.for_client), kAnna, kAllowed},
                            {reading(what.for_subscriber), kAnna, 103},
                            {reading(what.for_subscriber), kAnnaSubscribed, kAllowed},
                            {reading(), kInsecure, kAllowed},
                            {reading(), kAnonymousInsecure, kAllowed}});
  }
}

TEST(Reading, AnonymousClientsNeedAllowanceBesideTheRule) {
  for (const Reading& what : {kPresence, kHistory}) {
    check_rows(what.check,
               {{reading(what.for_anonymous), kAnonymous, 103},
                {reading(what.for_anonymous), kAnonymousSubscribed, 103},
                {reading(what.for_client), kAnonymous, 103},
                {reading(what.for_subscriber), kAnonymousSubscribed, 103},
                {reading(what.for_client, what.for_anonymous), kAnonymous, kAllowed},
                {reading(what.for_subscriber, what.for_anonymous), kAnonymousSubscribed, kAllowed},
                {reading(what.for_subscriber, what.for_anonymous), kAnonymous, 103}});
  }
}

TEST(Data, IsWhatTheFormatSays) {
  struct DataRow {
    DataFormat format;
    std::string data;
    bool is_json;
    std::uint32_t code;
  };
  using enum DataFormat;
  const DataRow rows[] = {
      {NotEmpty, "", true, 107},
      {NotEmpty, "", false, 107},
      {NotEmpty, "1", true, kAllowed},
      {NotEmpty, std::string(1, '\0'), false, kAllowed},
      {Json, "", true, 107},
      {Json, "", false, 107},
      {Json, "1", true, kAllowed},
      {Json, "null", false, kAllowed},
      {Json, " [1, 2]\n", false, kAllowed},
      {Json, "[1,", false, 107},
      {Json, "{} {}", false, 107},
      {Json, "\x80", false, 107},
      {Json, " ", false, 107},
      {Json, std::string(32, '[') + std::string(32, ']'), false, kAllowed},
      {Json, std::string(33, '[') + std::string(33, ']'), false, 107},
      {JsonObject, "", true, 107},
      {JsonObject, "{\"a\":1}", true, kAllowed},
      {JsonObject, "[1]", true, 107},
      {JsonObject, "\"{}\"", true, 107},
      {JsonObject, " \r\n\t{}", false, kAllowed},
      {JsonObject, "[{}]", false, 107},
      {JsonObject, "{", false, 107},
      {JsonObject, "{}x", false, 107},
      {Binary, "", true, kAllowed},
      {Binary, "", false, kAllowed},
      {Binary, "\x80", false, kAllowed},
  };
  for (const DataRow& row : rows) {
    ChannelOptions options;
    options.publication_data_format = row.format;
    EXPECT_EQ(code_of(check_data(options, row.data, row.is_json)), row.code)
        << static_cast<int>(row.format) << " " << row.data;
  }
}

ChannelOptions stored() {
  ChannelOptions options;
  options.history = {10, 60s, 1h};
  return options;
}

protocol::SubscribeRequest asking_for_all() {
  protocol::SubscribeRequest request;
  request.positioned = request.recoverable = request.join_leave = true;
  return request;
}

TEST(Grants, AreWhatTheOptionsForce) {
  ChannelOptions options = stored();
  EXPECT_EQ(grant(options), Grants{});
  options.presence = options.join_leave = options.force_push_join_leave = true;
  EXPECT_EQ(grant(options),
            (Grants{.presence = true, .join_leave = true, .join_leave_push = true}));
  options = stored();
  options.force_positioning = true;
  EXPECT_EQ(grant(options), (Grants{.positioned = true}));
  options.force_recovery = true;
  options.force_recovery_mode = RecoveryMode::Cache;
  EXPECT_EQ(
      grant(options),
      (Grants{.positioned = true, .recoverable = true, .recovery_mode = RecoveryMode::Cache}));
  options.force_positioning = false;  // follows from recovery
  options.auto_cache_recover = true;
  EXPECT_EQ(grant(options), (Grants{.positioned = true,
                                    .recoverable = true,
                                    .recovery_mode = RecoveryMode::Cache,
                                    .auto_cache_recover = true}));
  options.force_recovery_mode = RecoveryMode::Stream;
  EXPECT_FALSE(grant(options).auto_cache_recover);
}

TEST(Grants, AClientGetsWhatItAsksForAndMayHave) {
  const protocol::SubscribeRequest all = asking_for_all();
  EXPECT_EQ(grant(stored(), kAnna, all), Grants{});
  EXPECT_EQ(grant(stored(), kAnna, {}), Grants{});

  ChannelOptions options = stored();
  options.allow_positioning = true;
  EXPECT_EQ(grant(options, kAnna, {}), Grants{});
  EXPECT_EQ(grant(options, kAnna, all), (Grants{.positioned = true}));
  EXPECT_EQ(grant(options, kAnonymous, all), (Grants{.positioned = true}));

  options = stored();
  options.allow_recovery = true;
  EXPECT_EQ(grant(options, kAnna, {}), Grants{});
  EXPECT_EQ(grant(options, kAnna, all), (Grants{.positioned = true, .recoverable = true}));

  // Who may read the history may have both; he counts as a subscriber already.
  for (const auto allowed :
       {&ChannelOptions::allow_history_for_client, &ChannelOptions::allow_history_for_subscriber}) {
    options = stored();
    options.*allowed = true;
    EXPECT_EQ(grant(options, kAnna, all), (Grants{.positioned = true, .recoverable = true}));
    EXPECT_EQ(grant(options, kAnonymous, all), Grants{});
    options.allow_history_for_anonymous = true;
    EXPECT_EQ(grant(options, kAnonymous, all), (Grants{.positioned = true, .recoverable = true}));
    protocol::SubscribeRequest positioned;
    positioned.positioned = true;
    EXPECT_EQ(grant(options, kAnna, positioned), (Grants{.positioned = true}));
  }
  EXPECT_EQ(grant(stored(), kInsecure, all), (Grants{.positioned = true, .recoverable = true}));
}

TEST(Grants, DifferencesAreSentWhereTheyAreAllowedAndNothingIsFiltered) {
  protocol::SubscribeRequest fossil;
  fossil.delta = "fossil";
  ChannelOptions options = stored();
  EXPECT_FALSE(grant(options, kAnna, fossil).delta);
  options.allowed_delta_types = {DeltaType::Fossil};
  EXPECT_TRUE(grant(options, kAnna, fossil).delta);
  EXPECT_FALSE(grant(options, kAnna, {}).delta);
  EXPECT_FALSE(grant(options).delta);
  fossil.tags_filter = std::make_unique<protocol::FilterNode>();
  EXPECT_FALSE(grant(options, kAnna, fossil).delta);
}

TEST(Grants, AClientHearsOfOthersWhereHeMaySeeThem) {
  const protocol::SubscribeRequest all = asking_for_all();
  ChannelOptions options;
  options.join_leave = true;
  EXPECT_EQ(grant(options, kAnna, all), (Grants{.join_leave = true}));
  options.allow_presence_for_subscriber = true;
  EXPECT_EQ(grant(options, kAnna, all), (Grants{.join_leave = true, .join_leave_push = true}));
  EXPECT_EQ(grant(options, kAnna, {}), (Grants{.join_leave = true}));
  EXPECT_EQ(grant(options, kAnonymous, all), (Grants{.join_leave = true}));
  options.join_leave = false;
  EXPECT_EQ(grant(options, kAnna, all), Grants{});
}

TEST(Grants, NothingIsPositionedWithoutHistory) {
  ChannelOptions options;
  options.allow_positioning = options.allow_recovery = options.allow_history_for_client = true;
  EXPECT_EQ(grant(options, kInsecure, asking_for_all()), Grants{});
  EXPECT_EQ(grant(options, {.force_positioning = true, .force_recovery = true}), Grants{});
  options.force_recovery = options.force_positioning = true;
  EXPECT_EQ(grant(options), Grants{});
}

TEST(Grants, AnOverrideStandsAboveTheOptions) {
  ChannelOptions all = stored();
  all.presence = all.join_leave = all.force_push_join_leave = true;
  all.force_positioning = all.force_recovery = true;
  const Grants everything{.presence = true,
                          .join_leave = true,
                          .join_leave_push = true,
                          .positioned = true,
                          .recoverable = true};
  EXPECT_EQ(grant(all), everything);
  EXPECT_EQ(grant(all, {false, false, false, false, false}), Grants{});
  EXPECT_EQ(grant(stored(), {true, true, true, true, true}), everything);
  EXPECT_EQ(grant(all, {true, true, true, true, true}), everything);

  Grants expected = everything;
  expected.presence = false;
  EXPECT_EQ(grant(all, {.presence = false}), expected);
  expected = everything;
  expected.join_leave = false;
  EXPECT_EQ(grant(all, {.join_leave = false}), expected);
  expected = everything;
  expected.join_leave_push = false;
  EXPECT_EQ(grant(all, {.force_push_join_leave = false}), expected);
  EXPECT_EQ(grant(all, {.force_positioning = false}), everything);  // recovery needs it
  expected = everything;
  expected.recoverable = false;
  EXPECT_EQ(grant(all, {.force_recovery = false}), expected);

  // What is not forced can still be asked for.
  all.allow_recovery = true;
  EXPECT_TRUE(grant(all, kAnna, asking_for_all(), {.force_recovery = false}).recoverable);
}

}  // namespace
}  // namespace sanjay::channels
