// SPDX-License-Identifier: Apache-2.0
#include "channels/namespaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace sanjay::channels {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Namespaces make(NamespacesConfig config) {
  auto namespaces = Namespaces::create(std::move(config));
  EXPECT_TRUE(namespaces) << namespaces.error().message;
  return *std::move(namespaces);
}

std::string error_of(NamespacesConfig config) {
  const auto namespaces = Namespaces::create(std::move(config));
  return namespaces ? "no error" : namespaces.error().message;
}

/// The namespaces "chat" and "dialog", which limits users; the names' grammar is the default one.
NamespacesConfig two_namespaces() {
  NamespacesConfig config;
  config.namespaces = {{"chat", {}}, {"dialog", {}}};
  config.namespaces[1].options.allow_user_limited_channels = true;
  return config;
}

TEST(Names, TheNamespaceEndsAtTheFirstBoundary) {
  const Namespaces namespaces = make(two_namespaces());
  struct Row {
    std::string_view channel, ns, rest;
  };
  const Row rows[] = {
      {"news", "", "news"},
      {"chat:index", "chat", "index"},
      {"$chat:index", "chat", "index"},
      {"$news", "", "$news"},
      {"$$chat:1", "$chat", "1"},
      {"chat:a:b", "chat", "a:b"},
      {"chat:", "chat", ""},
      {":news", "", "news"},
      {"$:news", "", "news"},
      {":", "", ""},
      {"$", "", "$"},
      {"", "", ""},
      {"chat#1:2", "chat#1", "2"},
      {"dialog:#42,43", "dialog", "#42,43"},
      {"Chat:1", "Chat", "1"},
  };
  for (const Row& row : rows) {
    const NameParts parts = namespaces.split(row.channel);
    EXPECT_EQ(parts.ns, row.ns) << row.channel;
    EXPECT_EQ(parts.rest, row.rest) << row.channel;
  }
}

TEST(Names, TheUsersStandBehindTheLastBoundary) {
  const Namespaces namespaces = make(two_namespaces());
  struct Row {
    std::string_view channel, user;
    bool listed;
  };
  const Row rows[] = {
      {"dialog:#42,43", "42", true},
      {"dialog:#42,43", "43", true},
      {"dialog:#42,43", "4", false},
      {"dialog:#42,43", "42,43", false},
      {"dialog:#42,43", "44", false},
      {"dialog:a#42#43", "43", true},
      {"dialog:a#42#43", "42", false},
      {"dialog:a#42#43", "42#43", false},
      {"$dialog:a#42", "42", true},
      {"#42", "42", true},
      {"42", "42", false},
      {"dialog:42", "42", false},
      {"dialog:#", "42", false},
      {"dialog:#42,", "42", true},
      {"dialog:#,42", "42", true},
      {"dialog:# 42", "42", false},
      {"dialog:#42", "42 ", false},
      {"#dialog:42", "dialog:42", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(namespaces.user_listed(row.channel, row.user), row.listed)
        << row.channel << " lists " << row.user;
  }
}

TEST(Names, NobodyIsListedByAnEmptyEntry) {
  const Namespaces namespaces = make(two_namespaces());
  for (const char* channel :
       {"dialog:#", "dialog:#42,", "dialog:#,42", "dialog:#42,,43", "#", ""}) {
    EXPECT_FALSE(namespaces.user_listed(channel, "")) << channel;
  }
}

TEST(Names, AreLimitedToUsersWhereTheNamespaceSaysSo) {
  const Namespaces namespaces = make(two_namespaces());
  const auto limited = [&](std::string_view channel) {
    return namespaces.is_user_limited(channel, *namespaces.find(channel));
  };
  EXPECT_TRUE(limited("dialog:#42"));
  EXPECT_TRUE(limited("dialog:#"));
  EXPECT_FALSE(limited("dialog:42"));
  EXPECT_FALSE(limited("chat:#42"));
  EXPECT_FALSE(limited("#42"));
}

TEST(Names, ArePrivateByTheirPrefix) {
  const Namespaces namespaces = make(two_namespaces());
  EXPECT_TRUE(namespaces.is_private("$chat:1"));
  EXPECT_TRUE(namespaces.is_private("$"));
  EXPECT_FALSE(namespaces.is_private("chat:$1"));
  EXPECT_FALSE(namespaces.is_private(""));
}

TEST(Names, BoundariesMayBeOfSeveralBytes) {
  NamespacesConfig config = two_namespaces();
  config.private_prefix = "private-";
  config.namespace_boundary = "::";
  config.user_boundary = "##";
  config.user_separator = "||";
  const Namespaces namespaces = make(config);
  EXPECT_EQ(namespaces.split("private-dialog::a##1||2").ns, "dialog");
  EXPECT_EQ(namespaces.split("dialog:a").ns, "");
  EXPECT_EQ(namespaces.split("dialog:::a").rest, ":a");
  EXPECT_TRUE(namespaces.is_private("private-dialog::a"));
  EXPECT_FALSE(namespaces.is_private("privat"));
  EXPECT_TRUE(namespaces.user_listed("dialog::a##1||2", "2"));
  EXPECT_FALSE(namespaces.user_listed("dialog::a##1|2", "2"));
  EXPECT_FALSE(namespaces.user_listed("dialog::a#1", "1"));
  EXPECT_TRUE(namespaces.user_listed("dialog::a###1", "#1"));
  EXPECT_FALSE(namespaces.user_listed("dialog::a###1", "1"));
}

TEST(Names, AnEmptyBoundarySwitchesItsMeaningOff) {
  NamespacesConfig config = two_namespaces();
  config.private_prefix = config.namespace_boundary = config.user_boundary = "";
  const Namespaces none = make(config);
  EXPECT_EQ(none.split("$chat:1").ns, "");
  EXPECT_EQ(none.split("$chat:1").rest, "$chat:1");
  EXPECT_FALSE(none.is_private("$chat:1"));
  EXPECT_FALSE(none.user_listed("dialog:#42", "42"));
  ChannelOptions limiting;
  limiting.allow_user_limited_channels = true;
  EXPECT_FALSE(none.is_user_limited("dialog:#42", limiting));

  config = two_namespaces();
  config.user_separator = "";
  const Namespaces single = make(config);
  EXPECT_TRUE(single.user_listed("dialog:#42,43", "42,43"));
  EXPECT_FALSE(single.user_listed("dialog:#42,43", "42"));
}

TEST(Names, APersonalChannelNamesItsUserAndNobodyElse) {
  NamespacesConfig config = two_namespaces();
  EXPECT_EQ(make(config).personal_channel("42"), "");
  config.personal.enabled = true;
  EXPECT_EQ(make(config).personal_channel("42"), "#42");
  EXPECT_EQ(make(config).personal_channel(""), "");
  // Nobody's name admits him to channels without namespace here, so any id will do...
  EXPECT_EQ(make(config).personal_channel("42,43"), "#42,43");
  // ...unless it leads into a namespace.
  EXPECT_EQ(make(config).personal_channel("a:b"), "");

  config.personal.personal_channel_namespace = "dialog";
  const Namespaces namespaces = make(config);
  EXPECT_EQ(namespaces.personal_channel("42"), "dialog:#42");
  EXPECT_EQ(namespaces.personal_channel("a:b"), "dialog:#a:b");
  EXPECT_EQ(namespaces.personal_channel(""), "");
  for (const char* user : {"42,43", "x#43", "42,", ",42", "#"}) {
    EXPECT_EQ(namespaces.personal_channel(user), "") << user;
  }
  EXPECT_EQ(namespaces.personal().personal_channel_namespace, "dialog");
}

TEST(Namespaces, AreFoundByTheirName) {
  NamespacesConfig config = two_namespaces();
  config.without_namespace.presence = true;
  config.namespaces[0].options.history = {10, 60s, 1h};
  const Namespaces namespaces = make(config);
  EXPECT_EQ(namespaces.size(), 2U);
  ASSERT_NE(namespaces.find("chat:index"), nullptr);
  EXPECT_EQ(namespaces.find("chat:index")->history.size, 10U);
  EXPECT_EQ(namespaces.find("$chat:index"), namespaces.find("chat:index"));
  EXPECT_TRUE(namespaces.find("dialog:")->allow_user_limited_channels);
  for (const char* channel : {"news", "", ":news", "chat", "$news", "dialog#1"}) {
    ASSERT_NE(namespaces.find(channel), nullptr) << channel;
    EXPECT_TRUE(namespaces.find(channel)->presence) << channel;
  }
  for (const char* channel : {"chats:1", "cha:1", "CHAT:1", "$$chat:1", "chat\n:1", " chat:1"}) {
    EXPECT_EQ(namespaces.find(channel), nullptr) << channel;
  }
}

TEST(Namespaces, InheritWhatTheyLeaveOpen) {
  NamespacesConfig config = two_namespaces();
  config.history_meta_ttl = 100h;
  config.publication_data_format = DataFormat::Json;
  config.namespaces[0].options.history.meta_ttl = 1h;
  config.namespaces[0].options.publication_data_format = DataFormat::Binary;
  const Namespaces namespaces = make(config);
  EXPECT_EQ(namespaces.find("chat:1")->history.meta_ttl, 1h);
  EXPECT_EQ(namespaces.find("chat:1")->publication_data_format, DataFormat::Binary);
  for (const char* channel : {"dialog:1", "news"}) {
    EXPECT_EQ(namespaces.find(channel)->history.meta_ttl, 100h);
    EXPECT_EQ(namespaces.find(channel)->publication_data_format, DataFormat::Json);
  }
}

TEST(Namespaces, RefuseANameThatIsNone) {
  for (const char* name : {"", "a", "a b", "a:b", "a/b", "a#", "\xc3\xa4\xc3\xb6", "ab\n", "*"}) {
    NamespacesConfig config;
    config.namespaces = {{"chat", {}}, {name, {}}};
    EXPECT_THAT(error_of(config),
                HasSubstr("channel.namespaces[1].name: expected two or more letters, digits, '-', "
                          "'_' or '.', got \""))
        << name;
  }
  NamespacesConfig good;
  good.namespaces = {{"ab", {}}, {"-._", {}}, {"default", {}}, {std::string(200, 'x'), {}}};
  EXPECT_EQ(error_of(good), "no error");
}

TEST(Namespaces, RefuseANameThatNoChannelCouldHave) {
  NamespacesConfig config;
  config.namespaces = {{"a.b", {}}};
  config.namespace_boundary = ".";
  EXPECT_EQ(error_of(config),
            "channel.namespaces[0].name: expected a name without channel.namespace_boundary "
            "(\".\"), got \"a.b\"");
  config.namespaces = {{"a-", {}}};
  config.namespace_boundary = "--";
  EXPECT_THAT(error_of(config), HasSubstr("expected a name without channel.namespace_boundary"));
  config.namespaces = {{"private", {}}};
  config.private_prefix = "p";
  EXPECT_EQ(error_of(config),
            "channel.namespaces[0].name: expected a name that does not begin with "
            "channel.private_prefix (\"p\"), got \"private\"");
}

TEST(Namespaces, RefuseAnythingElseThatIsWrongAllAtOnce) {
  NamespacesConfig config;
  config.namespaces = {{"chat", {}}, {"chat", {}}, {"room", {}}};
  config.namespaces[2].options.channel_regex = "[a-";
  config.without_namespace.channel_regex = "(";
  config.user_boundary = std::string(17, '#');
  config.personal = {true, "users", false};
  EXPECT_EQ(error_of(config),
            "channel.user_boundary: expected at most 16 bytes, got 17\n"
            "channel.without_namespace.channel_regex: expected a regular expression of RE2, got "
            "\"(\": missing ): (\n"
            "channel.namespaces[1].name: expected a name of its own, got \"chat\" a second time\n"
            "channel.namespaces[\"room\"].channel_regex: expected a regular expression of RE2, got "
            "\"[a-\": missing ]: [a-\n"
            "client.subscribe_to_user_personal_channel.personal_channel_namespace: expected the "
            "name of a namespace, got \"users\"");
  config = two_namespaces();
  config.private_prefix = config.namespace_boundary = config.user_boundary = config.user_separator =
      std::string(16, '!');
  config.personal.personal_channel_namespace = "users";  // and not enabled
  EXPECT_EQ(error_of(config), "no error");
}

TEST(Namespaces, AreAtMostAThousand) {
  NamespacesConfig config;
  for (int i = 0; i < 1000; ++i) config.namespaces.push_back({"ns" + std::to_string(i), {}});
  const Namespaces namespaces = make(config);
  EXPECT_EQ(namespaces.size(), 1000U);
  EXPECT_NE(namespaces.find("ns999:1"), nullptr);
  EXPECT_EQ(namespaces.find("ns1000:1"), nullptr);
  config.namespaces.push_back({"one-more", {}});
  EXPECT_EQ(error_of(config), "channel.namespaces: expected at most 1000, got 1001");
}

TEST(Namespaces, ARegexHasBoundedMemory) {
  EXPECT_EQ(kRegexMemoryMax, 1 << 20);
  NamespacesConfig config;
  config.without_namespace.channel_regex = "^[a-z]{1,100}$";
  EXPECT_EQ(error_of(config), "no error");
  config.without_namespace.channel_regex = "(" + std::string(100, 'a') + "){1000}";
  EXPECT_THAT(error_of(config), HasSubstr("pattern too large"));
}

TEST(Namespaces, OutliveTheirCopies) {
  NamespacesConfig config = two_namespaces();
  config.namespaces[0].options.channel_regex = "^x";
  auto original = std::make_unique<Namespaces>(make(config));
  const Namespaces copy = *original;
  original.reset();
  ASSERT_NE(copy.find("chat:x"), nullptr);
  EXPECT_NE(copy.find("chat:x")->compiled_regex, nullptr);
}

}  // namespace
}  // namespace sanjay::channels
