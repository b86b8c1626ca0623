// SPDX-License-Identifier: Apache-2.0
#include "hub/home_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr EncodingSet kJson = bit_of(Encoding::JsonWebSocket);
constexpr EncodingSet kProtobuf = bit_of(Encoding::ProtobufWebSocket);

class HomeChannelsTest : public testing::Test, public PublicationEncoder {
 protected:
  bool encode(Encoding encoding, std::string_view channel, const Publication& publication,
              std::string& out) override {
    ++encoded_;
    out += encoding == Encoding::JsonWebSocket ? 'j' : 'p';
    out.append(channel).append(publication.data).append(";");
    return true;
  }

  PublishOutcome publish(std::string_view channel, std::string_view data) {
    return home_.publish(channel, {data, {}, now_});
  }
  std::uint32_t join_now(std::string_view channel, const HomeChannels::Interested& interested) {
    const auto taken = home_.add_interest(channel, interested);
    EXPECT_TRUE(taken.joined);
    return taken.home_channel;
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
          const auto& frames = batch.frames;
          events.push_back(std::to_string(to.shard) + ":" + std::to_string(to.local_channel) + ":" +
                           std::string(frames[0].view()) + "|" + std::string(frames[1].view()));
          views_.insert(frames[0].view().data());
        },
        [&](const HomeChannels::Interested& to, std::uint32_t) {
          events.push_back("+" + std::to_string(to.shard) + ":" + std::to_string(to.encodings));
        });
    return events;
  }

  core::Instant now_{std::chrono::seconds(100)};
  bool quiet_ = false;  // what the last hand-over was told of the last channel
  int encoded_ = 0;
  std::set<core::ShardIndex> blocked_;
  std::set<const char*> views_;
  HomeChannels home_{
      core::SipKey{1, 2}, {.pending_bytes_max = 20, .total_pending_bytes_max = 40}, *this};
};

TEST_F(HomeChannelsTest, PublishingWhereNobodyListensCostsNothing) {
  EXPECT_EQ(publish("chat", "1"), PublishOutcome::Accepted);
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
  for (const char* data : {"1", "2", "3"}) EXPECT_EQ(publish("a", data), PublishOutcome::Accepted);
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
  EXPECT_EQ(publish("b", "2"), PublishOutcome::Busy);
  EXPECT_EQ(publish("c", "1"), PublishOutcome::Accepted);
  EXPECT_EQ(publish("c", "2"), PublishOutcome::Busy) << "one batch is its share";
  EXPECT_EQ(publish("a", std::string(40, 'x')), PublishOutcome::Accepted);
  join_now("e", {0, kJson, 9});
  EXPECT_EQ(publish("e", "1"), PublishOutcome::Busy) << "even for them there is a bound";
}

TEST_F(HomeChannelsTest, InterestJoinsAfterWhatWaits) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  blocked_ = {0};
  const auto taken = home_.add_interest("a", {1, kProtobuf, 5});
  EXPECT_FALSE(taken.joined);
  EXPECT_EQ(taken.home_channel, number);
  EXPECT_FALSE(home_.add_interest("a", {1, kJson, 5}).joined);
  EXPECT_FALSE(home_.add_interest("a", {0, kProtobuf, 1}).joined);
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
  home_.add_interest("a", {1, kJson, 5});
  home_.add_interest("a", {0, kProtobuf, 1});
  EXPECT_EQ(home_.remove_interest(1, number), 5U);
  EXPECT_EQ(home_.remove_interest(0, number), 1U);
  EXPECT_THAT(hand_over(), IsEmpty());
  EXPECT_EQ(home_.channel_count(), 0U);
}

TEST_F(HomeChannelsTest, WhoReturnsReceivesNothingFromBeforeHisReturn) {
  const auto number = join_now("a", {0, kJson, 1});
  publish("a", "1");
  home_.remove_interest(0, number);
  EXPECT_EQ(publish("a", "2"), PublishOutcome::Accepted);
  EXPECT_FALSE(home_.add_interest("a", {0, kJson, 8}).joined);
  EXPECT_EQ(publish("a", "3"), PublishOutcome::Accepted);
  EXPECT_THAT(hand_over(), ElementsAre("+0:1"));
  publish("a", "4");
  EXPECT_THAT(hand_over(), ElementsAre("0:8:ja4;|"));
}

TEST_F(HomeChannelsTest, AFullChannelRefusesUntilItIsHandedOver) {
  join_now("a", {0, kJson, 1});
  join_now("b", {1, kJson, 1});
  blocked_ = {0};
  int accepted = 0;
  while (publish("a", "12") == PublishOutcome::Accepted) ++accepted;
  EXPECT_EQ(accepted, 4);  // five bytes each, bound 20
  EXPECT_EQ(publish("b", "1"), PublishOutcome::Accepted);
  hand_over();
  EXPECT_EQ(publish("a", "12"), PublishOutcome::Busy);
  blocked_ = {};
  hand_over();
  EXPECT_EQ(publish("a", "12"), PublishOutcome::Accepted);
}

TEST_F(HomeChannelsTest, AllChannelsTogetherRefuseAtTheTotalBound) {
  for (const char* channel : {"a", "b", "c"}) join_now(channel, {0, kJson, 1});
  publish("c", "0");
  hand_over();  // just now: it is not quiet
  for (int i = 0; i < 4; ++i) publish("a", "12");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(publish("b", "12"), PublishOutcome::Accepted);
  EXPECT_EQ(publish("c", "1"), PublishOutcome::Busy);
  EXPECT_EQ(publish("nobody", "1"), PublishOutcome::Accepted);
  hand_over();
  EXPECT_EQ(publish("c", "1"), PublishOutcome::Accepted);
}

TEST_F(HomeChannelsTest, ForgetsAChannelThatNobodyWantsAndUsesItsNumberAgain) {
  const auto number = join_now("a", {0, kJson, 1});
  home_.add_interest("a", {1, kJson, 1});
  home_.remove_interest(0, number);
  EXPECT_EQ(home_.channel_count(), 1U);
  home_.remove_interest(1, number);
  EXPECT_EQ(home_.channel_count(), 0U);
  EXPECT_EQ(join_now("b", {0, kJson, 1}), number);
}

}  // namespace
}  // namespace sanjay::hub
