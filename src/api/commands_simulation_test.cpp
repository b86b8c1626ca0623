// SPDX-License-Identifier: Apache-2.0

// Seeded schedules: calls of every shape begin, their answers come in any order, at once or late,
// and some calls are cancelled. A failure prints its seed.

#include "api/commands.h"
#include "api/fakes_test.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::api {
namespace {

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {}

  void run() {
    for (int step = 0; step < 300; ++step) {
      switch (random_.below(6)) {
        case 0:
          begin();
          break;
        case 1:
          if (random_.below(4) == 0) cancel();
          break;
        case 2:
          answer_task();
          break;
        default:
          answer();
      }
      check();
    }
    while (!channels_.asked.empty() || !tasks_.empty() || node_.asked.size() > taken_) {
      answer();
      answer_task();
      check();
    }
    EXPECT_TRUE(open_.empty());
    EXPECT_EQ(commands_.calls_under_way(), 0U);
    EXPECT_EQ(commands_.operations_under_way(), 0U);
  }

 private:
  std::vector<protocol::ApiRequest> some_commands() {
    std::vector<protocol::ApiRequest> commands;
    for (std::uint64_t left = random_.below(8); left > 0; --left) {
      switch (random_.below(5)) {
        case 0:
          commands.emplace_back(protocol::ApiPublishRequest{"a", {.data = {"1"}}});
          break;
        case 1: {
          const std::vector<std::string> channels(random_.below(600), "a");
          commands.emplace_back(protocol::ApiBroadcastRequest{channels, {.data = {"1"}}});
          break;
        }
        case 2:
          commands.emplace_back(protocol::ApiPresenceStatsRequest{"p"});
          break;
        case 3:
          commands.emplace_back(protocol::ApiUnsubscribeRequest{{"ann", "", ""}, ""});
          break;
        default:
          commands.emplace_back(protocol::ApiRefusedRequest{});
      }
    }
    return commands;
  }

  void begin() {
    auto commands = some_commands();
    const auto shape = commands;
    const auto order =
        random_.below(2) == 0 ? Commands::Order::Parallel : Commands::Order::Sequential;
    // Not one by one: g++ 12 then takes the other alternatives for uninitialized.
    channels_.at_once.resize(random_.below(700), hub::Answer(hub::Busy{}));
    auto started = commands_.start(std::move(commands), order, {1, 1, 0}, {});
    channels_.at_once.clear();
    if (const auto* replies = std::get_if<Commands::Replies>(&started))
      return match(shape, *replies);
    EXPECT_TRUE(open_.emplace(std::get<Commands::CallNumber>(started), shape).second);
  }

  void finish(std::optional<Commands::Finished>&& finished) {
    if (!finished) return;
    const auto found = open_.find(finished->call);
    ASSERT_NE(found, open_.end()) << "a call that was cancelled, or finished twice";
    match(found->second, finished->replies);
    open_.erase(found);
  }

  /// Every reply is one of its command.
  static void match(const std::vector<protocol::ApiRequest>& commands,
                    const Commands::Replies& replies) {
    ASSERT_EQ(commands.size(), replies.size());
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (const auto* broadcast = std::get_if<protocol::ApiBroadcastRequest>(&commands[i])) {
        if (broadcast->channels.empty()) continue;
        ASSERT_TRUE(replies[i]);
        EXPECT_EQ(std::get<BroadcastResult>(*replies[i]).responses.size(),
                  broadcast->channels.size());
      } else if (std::holds_alternative<protocol::ApiRefusedRequest>(commands[i])) {
        ASSERT_FALSE(replies[i]);
        EXPECT_EQ(replies[i].error(), protocol::kApiErrorNotFound);
      } else if (std::holds_alternative<protocol::ApiPresenceStatsRequest>(commands[i])) {
        EXPECT_TRUE(!replies[i] || std::holds_alternative<hub::PresenceStats>(*replies[i]));
      } else if (std::holds_alternative<protocol::ApiPublishRequest>(commands[i])) {
        EXPECT_TRUE(!replies[i] || std::get<hub::Published>(*replies[i]).position.offset == 9);
      } else if (replies[i]) {
        EXPECT_TRUE(std::holds_alternative<hub::Done>(*replies[i]));
      }
    }
  }

  void answer() {
    if (channels_.asked.empty()) return;
    std::swap(channels_.asked[random_.below(channels_.asked.size())], channels_.asked.back());
    const FakeChannels::Asked asked = std::move(channels_.asked.back());
    channels_.asked.pop_back();
    hub::Answer answer = asked.what == "publish" ? hub::Answer(hub::Published{{9, "e"}})
                                                 : hub::Answer(hub::PresenceStats{1, 1});
    if (random_.below(8) == 0) answer = hub::Failure::Timeout;
    finish(commands_.on_answer(asked.reply_to.request, std::move(answer)));
  }

  void answer_task() {
    while (node_.asked.size() > taken_) tasks_.push_back({node_.asked[taken_++].second, 2});
    if (tasks_.empty()) return;
    const std::size_t which = random_.below(tasks_.size());
    const std::uint32_t number = tasks_[which].first;
    if (--tasks_[which].second == 0) {
      tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(which));
      ++node_.answered;
    }
    finish(commands_.on_shard_answer(number, {}));
  }

  void cancel() {
    if (open_.empty()) return;
    auto chosen = open_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(open_.size())));
    commands_.cancel(chosen->first);
    open_.erase(chosen);
  }

  void check() {
    EXPECT_EQ(commands_.calls_under_way(), open_.size());
    EXPECT_LE(commands_.operations_under_way(), open_.size() * Commands::kWindow);
  }

  core::Random random_;
  FakeChannels channels_;
  FakeNode node_;
  Commands commands_{{}, channels_, node_};
  std::map<Commands::CallNumber, std::vector<protocol::ApiRequest>> open_;
  std::vector<std::pair<std::uint32_t, int>> tasks_;  // and the answers left
  std::size_t taken_ = 0;
};

TEST(CommandsSimulation, EveryCallIsAnsweredOnceAndLeavesNothing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace sanjay::api
