// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/channels.h"
#include "api/node.h"
#include "api/replies.h"
#include "core/connection_id.h"
#include "core/time.h"
#include "protocol/api_requests.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace sanjay::api {

/// What a command may ask for; beyond that it is error 107, or 106 where a limit of answers is
/// reached.
struct CommandLimits {
  std::size_t channel_bytes_max = 255;
  std::size_t channels_max = 10'000;               // of one answer to channels
  std::size_t reply_bytes_max = 16 * 1024 * 1024;  // of a call: what would begin after is refused
  static constexpr std::size_t kTagsMax = 64;      // of one publication
  static constexpr std::size_t kTagKeyBytesMax = 255;
  static constexpr std::size_t kTagValueBytesMax = 4096;
  static constexpr std::size_t kIdempotencyKeyBytesMax = 255;
  static constexpr std::size_t kVersionEpochBytesMax = 255;
  static constexpr std::size_t kReasonBytesMax = 123;  // of a close frame
};

/// The server API, whatever it is reached by: commands in, replies out. A call is one command or a
/// batch of them; of each call only a window waits for other shards at a time. One per shard and
/// front; its thread.
class Commands {
 public:
  /// Operations of one call that may wait for other shards at once.
  static constexpr std::size_t kWindow = 256;

  enum class Order : std::uint8_t {
    Sequential,  // a command is begun when the one before it is decided
    Parallel,
  };
  using CallNumber = std::uint32_t;
  using Replies = std::vector<Reply>;  // one for each command, in their order

  /// `channels` and `node` outlive the commands.
  Commands(const CommandLimits& limits, Channels& channels, Node& node)
      : limits_(limits), channels_(channels), node_(node) {}
  void set_limits(const CommandLimits& limits) { limits_ = limits; }

  /// Carries out a call in the name of a connection: the replies, or the call's number if they
  /// follow from one of the next two functions.
  std::variant<Replies, CallNumber> start(std::vector<protocol::ApiRequest> commands, Order order,
                                          core::ConnectionId connection, core::Instant now);

  struct Finished {
    CallNumber call;
    core::ConnectionId connection;
    Replies replies;
  };
  /// The answer to the ReplyTo of that number, and the call if that was the last it waited for.
  std::optional<Finished> on_answer(std::uint32_t operation, hub::Answer&& answer);
  /// A shard has answered the task of that number.
  std::optional<Finished> on_shard_answer(std::uint32_t task, ShardAnswer&& answer);

  /// Nobody waits for the call any more: it begins nothing further.
  void cancel(CallNumber call);

  std::size_t calls_under_way() const { return calls_.size(); }
  std::size_t operations_under_way() const { return operations_.size() + tasks_.size(); }

 private:
  using MaybeError = std::optional<protocol::Error>;
  struct Command {
    protocol::ApiRequest request;
    Reply reply = hub::Done{};
    std::vector<hub::Tag> tags{};  // views into the request
    std::size_t next_target = 0;   // of a broadcast
    /// Whether the data is of each DataFormat: looked at once, however many the channels are.
    std::array<std::optional<MaybeError>, 4> data_checks{};
  };
  struct Call {
    core::ConnectionId connection;
    core::Instant received;
    Order order;
    std::vector<Command> commands;
    std::size_t next = 0;                     // the command to be begun, or gone on with
    std::vector<std::uint32_t> operations{};  // under way
    std::size_t tasks = 0;                    // under way
    std::size_t reply_bytes = 0;              // of the commands that are decided, about
    std::size_t pending() const { return operations.size() + tasks; }
  };
  /// What waits for an answer.
  struct Place {
    CallNumber call;
    std::uint32_t command;
    std::uint32_t target;  // of a broadcast
  };
  struct Task {
    Place place;
    std::size_t answers_left = 0;
    ShardAnswer merged{};
  };
  enum class Progress : std::uint8_t {
    Begun,    // the command has its reply, or waits for it
    Waiting,  // it must be gone on with when something is decided
  };

  // Each begins one command: channel_commands.cpp and client_commands.cpp.
  Progress run(Call& call, const Place& place, const protocol::ApiPublishRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiBroadcastRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiHistoryRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiHistoryRemoveRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiPresenceRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiPresenceStatsRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiSubscribeRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiUnsubscribeRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiDisconnectRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiRefreshRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiChannelsRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiInfoRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiRpcRequest& request);
  Progress run(Call& call, const Place& place, const protocol::ApiRefusedRequest& request);

  /// Begins as much as order and window allow. True when all is decided.
  bool advance(CallNumber number, Call& call);
  Progress begin(Call& call, CallNumber number);
  Finished finish(CallNumber number, Call& call);
  std::optional<Finished> go_on(const Place& place, Call& call);

  /// Publishes to one channel, whose reply is decided or will be.
  void publish(Call& call, const Place& place, std::string_view channel,
               const protocol::ApiPublication& publication);
  /// What Channels answers to `ask(channel, settings, reply_to)`, for a channel that exists.
  template <class Ask>
  Progress ask_of(Call& call, const Place& place, std::string_view channel, Ask&& ask);
  Progress ask_shards(Call& call, const Place& place, ShardTask task);
  hub::ReplyTo next_reply_to(const Call& call);
  void await(Call& call, const Place& place, const hub::ReplyTo& reply_to);

  Progress decide(Call& call, const Place& place, Reply&& reply);
  Progress refuse(Call& call, const Place& place, const protocol::Error& error);
  /// An operation of the command is decided: the command itself, or one channel of a broadcast.
  void settle(Call& call, const Place& place, Reply&& reply);
  static Reply reply_of(hub::Answer&& answer);
  Reply reply_to_task(const Call& call, const Task& task) const;

  /// The channel's settings, or why there is none of that name.
  core::Result<ChannelSettings, protocol::Error> find(std::string_view channel) const;
  MaybeError check_data(Command& command, const ChannelSettings& settings,
                        const protocol::ApiPayload& data) const;

  CommandLimits limits_;
  Channels& channels_;
  Node& node_;
  std::unordered_map<CallNumber, Call> calls_;
  std::unordered_map<std::uint32_t, Place> operations_;  // by the number in their ReplyTo
  std::unordered_map<std::uint32_t, Task> tasks_;        // by task number
  CallNumber next_call_ = 0;
  std::uint32_t next_operation_ = 0;
  std::uint32_t next_task_ = 0;
};

}  // namespace sanjay::api
