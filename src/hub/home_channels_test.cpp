// SPDX-License-Identifier: Apache-2.0
#include "hub/home_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr FrameKey kJsonFrames = form_of(Encoding::JsonWebSocket, false);
constexpr FrameKey kProtobufFrames = form_of(Encoding::ProtobufWebSocket, false);
constexpr FrameKey kJsonJoinFrames = form_of(Encoding::JsonWebSocket, true);
constexpr FrameKey kDeltaFrames = form_of(Encoding::JsonWebSocket, false, Variant::Delta);
constexpr FrameKey kFreshDeltaFrames = kDeltaFrames | kFreshFrames;
constexpr FormSet kJson = bit_of(kJsonFrames);
constexpr FormSet kProtobuf = bit_of(kProtobufFrames);
constexpr FormSet kJsonJoins = bit_of(kJsonJoinFrames);
constexpr FormSet kDelta = bit_of(kDeltaFrames);

class HomeChannelsTest : public testing::Test, public PublicationEncoder {
 protected:
  bool encode(const EncodeAs& how, std::string_view channel, const Publication& publication,
              std::string& out) override {
    ++encoded_;
    if (how.encoding == Encoding::ProtobufWebSocket && publication.data == "?") return false;
    out += how.encoding == Encoding::JsonWebSocket ? 'j' : 'p';
    out.append(channel);
    if (how.base != nullptr) out.append(*how.base).append(">");
    out.append(publication.data).append(";");
    return true;
  }

  bool encode_movement(Encoding encoding, std::string_view, Movement movement,
                       const ClientInfo& info, std::string& out) override {
    out += encoding == Encoding::JsonWebSocket ? 'j' : 'p';
    out.append(movement == Movement::Join ? "+" : "-").append(info.client).append(";");
    return true;
  }

  // False: refused as busy.
  bool publish(std::string_view channel, std::string_view data) {
    const auto taken_by = home_.find(channel);
    if (taken_by && !home_.has_room(*taken_by, now_)) return false;
    if (const auto number = home_.find(channel)) {
      home_.append(*number, {.data = data, .received = now_, .delta = deltas_});
    }
    return true;
  }
  std::uint32_t number_of(std::string_view channel) {
    const std::uint32_t number = home_.find_or_create(channel);
    if (!home_.at(number).subscribed) home_.set_subscribed(number);
    return number;
  }
  bool add_interest(std::string_view channel, const HomeChannels::Interested& interested) {
    return home_.add_interest(number_of(channel), interested);
  }
  std::uint32_t join_now(std::string_view channel, const HomeChannels::Interested& interested) {
    EXPECT_TRUE(add_interest(channel, interested));
    return *home_.find(channel);
  }
  std::uint32_t remove_interest(core::ShardIndex shard, std::uint32_t channel) {
    const std::uint32_t local_channel = home_.remove_interest(shard, channel);
    erase_if_unused(channel);
    return local_channel;
  }
  void erase_if_unused(std::uint32_t channel) {
    if (home_.is_unused(channel)) home_.erase(channel);
  }
  // What each shard gets, as "shard:local channel:JSON|Protobuf", and who joins, as "+shard:...".
  std::vector<std::string> hand_over() {
    std::vector<std::string> events;
    home_.hand_over(
        now_,
        [&](const HomeChannels::Interested& to, bool quiet) {
          quiet_ = quiet;
          return !blocked_.contains(to.shard);
        },
        [&](const HomeChannels::Interested& to, const EncodedBatch& batch) {
          const auto view = [&](FrameKey key) {
            const core::SharedBytes* bytes = batch.frames.find(key);
            return bytes == nullptr ? std::string_view{} : bytes->view();
          };
          received_ = batch.received;
          if (batch.state_lost) return events.push_back(std::to_string(to.shard) + ":lost");
          events.push_back(std::to_string(to.shard) + ":" + std::to_string(to.local_channel) + ":" +
                           std::string(view(kJsonFrames)) + "|" +
                           std::string(view(kProtobufFrames)));
          for (const FrameKey key : {kJsonJoinFrames, kDeltaFrames, kFreshDeltaFrames}) {
            if (!view(key).empty()) events.back() += "|" + std::string(view(key));
          }
          if (batch.unencodable != 0) events.back() += "!" + std::to_string(batch.unencodable);
          views_.insert(view(kJsonFrames).data());
        },
        [&](const HomeChannels::Interested& to, std::uint32_t) {
          events.push_back("+" + std::to_string(to.shard) + ":" + std::to_string(to.forms));
        },
        [&](std::uint32_t channel) { erase_if_unused(channel); });
    return events;
  }

  core::Instant now_{std::chrono::seconds(100)};
  bool quiet_ = false;  // what the last hand-over was told of the last channel
  int encoded_ = 0;
  bool deltas_ = true;        // published with leave to send differences
  core::Instant received_{};  // of the last batch
  std::set<core::ShardIndex> blocked_;
  std::set<const char*> views_;
  HomeChannels home_{
      core::SipKey{1, 2}, {.pending_bytes_max = 20, .total_pending_bytes_max = 40}, *this};
};

TEST_F(HomeChannelsTest, PublishingWhereNobodyListensCostsNothing) {
  EXPECT_TRUE(publish("chat", "1"));
  EXPECT_EQ(encoded_, 0);
  EXPECT_EQ(home_.channel_count(), 0U);
  EXPECT_FALSE(home_.has_pending());
}

TEST_F(HomeChannelsTest, EncodesOnlyWhatSomeShardWants) {
  join_now("a", {1, kJson, 7});
  publish("a", "1");
  EXPECT_THAT(hand_over(), ElementsAre("1:7:ja1;|"));
  join_now("a", {2, kProtobuf, 9});
  publish("a", "2");
  EXPECT_EQ(encoded_, 3);
  EXPECT_THAT(hand_over(), ElementsAre("1:7:ja2;|pa2;", "2:9:ja2;|pa2;"));
}

TEST_F(HomeChannelsTest, HandsOverOneBatchInOrderAndShared) {
  join_now("a", {0, kJson, 1});
  join_now("a", {1, kJson, 2});
  for (const char* data : {"1", "2", "3"}) EXPECT_TRUE(publish("a", data));
  EXPECT_TRUE(home_.has_untried());
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja1;ja2;ja3;|", "1:2:ja1;ja2;ja3;|"));
  EXPECT_EQ(views_.size(), 1U);
  EXPECT_FALSE(home_.has_pending());
  EXPECT_THAT(hand_over(), IsEmpty());
}

TEST_F(HomeChannelsTest, OneShardThatLagsHoldsBackTheChannelForAllAndNoOtherChannel) {
  join_now("a", {0, kJson, 1});
  join_now("a", {1, kJson, 2});
  join_now("b", {0, kJson, 3});
  publish("a", "1");
  publish("b", "1");
  blocked_ = {1};
  EXPECT_THAT(hand_over(), ElementsAre("0:3:jb1;|"));
  EXPECT_TRUE(home_.has_pending());
  EXPECT_FALSE(home_.has_untried());
  publish("a", "2");
  EXPECT_FALSE(home_.has_untried()) << "it joins what is held back";
  publish("b", "2");
  EXPECT_TRUE(home_.has_untried());
  blocked_ = {};
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja1;ja2;|", "1:2:ja1;ja2;|", "0:3:jb2;|"));
}

TEST_F(HomeChannelsTest, AQuietChannelGetsRoomThatHotOnesHaveFilled) {
  for (const char* channel : {"a", "b", "c", "d"}) join_now(channel, {0, kJson, 1});
  publish("a", "1");
  publish("b", "1");
  publish("d", "1");
  hand_over();
  EXPECT_TRUE(quiet_);
  now_ += std::chrono::milliseconds(99);
  publish("d", "2");
  hand_over();
  EXPECT_FALSE(quiet_) << "it was handed over 99 ms ago";
  now_ += std::chrono::milliseconds(1);
  blocked_ = {0};
  publish("d", std::string(30, 'x'));
  publish("b", std::string(20, 'x'));  // the total's bound is overrun
  EXPECT_FALSE(publish("b", "2"));
  EXPECT_TRUE(publish("c", "1"));
  EXPECT_FALSE(publish("c", "2")) << "one batch is its share";
  EXPECT_TRUE(publish("a", std::string(40, 'x')));
  join_now("e", {0, kJson, 9});
  EXPECT_FALSE(publish("e", "1")) << "even for them there is a bound";
}

TEST_F(HomeChannelsTest, InterestJoinsAfterWhatWaits) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  blocked_ = {0};
  EXPECT_FALSE(add_interest("a", {1, kProtobuf, 5}));
  EXPECT_EQ(number_of("a"), number);
  EXPECT_FALSE(add_interest("a", {1, kJson, 5}));
  EXPECT_FALSE(add_interest("a", {0, kProtobuf, 1}));
  publish("a", "2");  // still for shard 0 alone
  EXPECT_THAT(hand_over(), IsEmpty());
  blocked_ = {};
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja1;ja2;|", "+1:3", "+0:2"));
  publish("a", "3");
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja3;|pa3;", "1:5:ja3;|pa3;"));
}

TEST_F(HomeChannelsTest, WhoLeavesBeforeHavingJoinedDoesNotJoin) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  add_interest("a", {1, kJson, 5});
  add_interest("a", {0, kProtobuf, 1});
  EXPECT_EQ(remove_interest(1, number), 5U);
  EXPECT_EQ(remove_interest(0, number), 1U);
  EXPECT_THAT(hand_over(), IsEmpty());
  EXPECT_EQ(home_.channel_count(), 0U);
}

TEST_F(HomeChannelsTest, WhoReturnsReceivesNothingFromBeforeHisReturn) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  remove_interest(0, number);
  EXPECT_TRUE(publish("a", "2"));
  EXPECT_FALSE(add_interest("a", {0, kJson, 8}));
  EXPECT_TRUE(publish("a", "3"));
  EXPECT_THAT(hand_over(), ElementsAre("+0:1"));
  publish("a", "4");
  EXPECT_THAT(hand_over(), ElementsAre("0:8:ja4;|"));
}

TEST_F(HomeChannelsTest, AFullChannelRefusesUntilItIsHandedOver) {
  join_now("a", {0, kJson, 1});
  join_now("b", {1, kJson, 1});
  blocked_ = {0};
  int accepted = 0;
  while (publish("a", "12")) ++accepted;
  EXPECT_EQ(accepted, 4);  // five bytes each, bound 20
  EXPECT_TRUE(publish("b", "1"));
  hand_over();
  EXPECT_FALSE(publish("a", "12"));
  blocked_ = {};
  hand_over();
  EXPECT_TRUE(publish("a", "12"));
}

TEST_F(HomeChannelsTest, AllChannelsTogetherRefuseAtTheTotalBound) {
  for (const char* channel : {"a", "b", "c"}) join_now(channel, {0, kJson, 1});
  publish("c", "0");
  hand_over();  // just now: it is not quiet
  for (int i = 0; i < 4; ++i) publish("a", "12");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(publish("b", "12"));
  EXPECT_FALSE(publish("c", "1"));
  EXPECT_TRUE(publish("nobody", "1"));
  hand_over();
  EXPECT_TRUE(publish("c", "1"));
}

TEST_F(HomeChannelsTest, ForgetsAChannelThatNobodyWantsAndUsesItsNumberAgain) {
  const auto number = join_now("a", {0, kJson, 1});
  add_interest("a", {1, kJson, 1});
  remove_interest(0, number);
  EXPECT_EQ(home_.channel_count(), 1U);
  remove_interest(1, number);
  EXPECT_EQ(home_.channel_count(), 0U);
  EXPECT_EQ(join_now("b", {0, kJson, 1}), number);
}

TEST_F(HomeChannelsTest, NobodyJoinsBeforeTheBrokerHasConfirmed) {
  const std::uint32_t number = home_.find_or_create("a");
  EXPECT_FALSE(home_.add_interest(number, {0, kJson, 1}));
  publish("a", "1");
  EXPECT_THAT(hand_over(), IsEmpty());
  home_.set_subscribed(number);
  publish("a", "2");
  EXPECT_THAT(hand_over(), ElementsAre("+0:1"));
  publish("a", "3");
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja3;|"));
}

TEST_F(HomeChannelsTest, OnlyFormsWithJoinsGetThem) {
  const auto number = join_now("a", {0, kJson, 1});
  home_.append(number, Movement::Join, {.client = "c"});
  EXPECT_THAT(hand_over(), IsEmpty()) << "nobody wants them";
  join_now("a", {1, kJsonJoins, 2});
  publish("a", "1");
  EXPECT_EQ(encoded_, 1) << "what two forms have in common is encoded once";
  home_.append(number, Movement::Join, {.client = "c"});
  home_.append(number, Movement::Leave, {.client = "c"});
  publish("a", "2");
  EXPECT_THAT(hand_over(),
              ElementsAre("0:1:ja1;ja2;||ja1;j+c;j-c;ja2;", "1:2:ja1;ja2;||ja1;j+c;j-c;ja2;"));
  EXPECT_EQ(home_.pending_bytes(), 0U);
  home_.append(number, Movement::Leave, {.client = "c"});
  now_ += std::chrono::milliseconds(5);
  EXPECT_THAT(hand_over(), ElementsAre("1:2:||j-c;")) << "the other shard is not bothered";
  EXPECT_EQ(received_, now_) << "its age is not that of the clock";
}

TEST_F(HomeChannelsTest, AFormThatCannotCarryAPublicationGetsNothingBehindIt) {
  join_now("a", {0, kJson, 1});
  join_now("a", {1, kProtobuf, 2});
  for (const char* data : {"1", "?", "3"}) publish("a", data);
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja1;ja?;ja3;|pa1;!2", "1:2:ja1;ja?;ja3;|pa1;!2"));
  publish("a", "?");
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja?;|!2", "1:2:ja?;|!2")) << "told without bytes too";
  publish("a", "4");
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja4;|pa4;", "1:2:ja4;|pa4;"));
}

TEST_F(HomeChannelsTest, ALossComesAfterWhatWasAppendedBeforeIt) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  home_.append_state_lost(number);
  EXPECT_THAT(hand_over(), ElementsAre("0:1:ja1;|", "0:lost"));
  home_.append_state_lost(number);
  EXPECT_TRUE(home_.has_untried());
  EXPECT_THAT(hand_over(), ElementsAre("0:lost"));
}

TEST_F(HomeChannelsTest, PublicationsHeldCountAgainstTheRoom) {
  const auto number = join_now("a", {0, kJson, 1});
  HomeChannels::Channel& channel = home_.at(number);
  channel.following = std::make_unique<Following>();
  const auto kept = std::make_shared<const StoredPublication>(Publication{.data = "1"});
  channel.following->held.assign(999, {kept, "epoch"});
  EXPECT_TRUE(publish("a", "1"));
  channel.following->held.emplace_back(kept, "epoch");
  EXPECT_FALSE(publish("a", "2"));
}

TEST_F(HomeChannelsTest, AChannelStaysWhileSomethingIsUnderWayForIt) {
  const std::uint32_t number = home_.find_or_create("a");
  EXPECT_TRUE(home_.is_unused(number));
  home_.at(number).calls = 1;
  EXPECT_FALSE(home_.is_unused(number));
  home_.at(number).calls = 0;
  home_.at(number).following = std::make_unique<Following>();
  EXPECT_TRUE(home_.is_unused(number));
  for (bool Following::* state : {&Following::filling, &Following::losing}) {
    (*home_.at(number).following).*state = true;
    EXPECT_FALSE(home_.is_unused(number));
    (*home_.at(number).following).*state = false;
  }
  EXPECT_TRUE(home_.is_unused(number));
}

TEST_F(HomeChannelsTest, DifferencesAreTakenFromThePublicationBefore) {
  join_now("c", {0, kDelta, 7});
  publish("c", "1");
  EXPECT_THAT(hand_over(), ElementsAre("0:7:||jc1;|jc1;")) << "there was none before";
  publish("c", "2");
  publish("c", "3");
  EXPECT_THAT(hand_over(), ElementsAre("0:7:||jc1>2;jc2>3;|jc2;jc2>3;"))
      << "whoever has none gets the first whole, and takes the next from that";
  deltas_ = false;
  publish("c", "4");
  deltas_ = true;
  publish("c", "5");
  EXPECT_THAT(hand_over(), ElementsAre("0:7:||jc4;jc4>5;|jc4;jc4>5;"));
}

TEST_F(HomeChannelsTest, NoDifferenceIsTakenAcrossALoss) {
  const std::uint32_t channel = join_now("c", {0, kDelta, 7});
  publish("c", "1");
  home_.append_state_lost(channel);
  hand_over();
  publish("c", "2");
  EXPECT_THAT(hand_over(), ElementsAre("0:7:||jc2;|jc2;"));
}

TEST_F(HomeChannelsTest, APublicationIsKeptOnlyWhileDifferencesAreTaken) {
  const std::uint32_t channel = join_now("c", {0, kJson, 7});
  publish("c", "1");
  EXPECT_EQ(home_.at(channel).delta_base, nullptr);
  join_now("d", {0, kJson | kDelta, 8});
  encoded_ = 0;
  publish("d", "1");
  publish("d", "2");
  EXPECT_EQ(encoded_, 6) << "once for each of JSON, differences, and those without a base";
  EXPECT_THAT(hand_over(), ElementsAre("0:7:jc1;|", "0:8:jd1;jd2;||jd1;jd1>2;|jd1;jd1>2;"));
  remove_interest(0, *home_.find("d"));
  join_now("d", {0, kDelta, 9});
  publish("d", "3");
  EXPECT_THAT(hand_over(), ElementsAre("0:9:||jd3;|jd3;"));
}

}  // namespace
}  // namespace sanjay::hub
