// SPDX-License-Identifier: Apache-2.0
#include "api/commands.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <utility>

namespace sanjay::api {
namespace {

using protocol::Error;

/// The next number that nothing in `map` has; numbers begin anew after the last one.
template <class Map>
std::uint32_t take_number(std::uint32_t& next, const Map& map) {
  while (map.contains(next)) ++next;
  return next++;
}

Reply reply_to(hub::Done&&) { return hub::Done{}; }
Reply reply_to(hub::Published&& published) { return std::move(published); }
Reply reply_to(hub::Presence&& presence) { return std::move(presence); }
Reply reply_to(hub::PresenceStats&& stats) { return stats; }
Reply reply_to(hub::Busy&&) { return std::unexpected(protocol::kErrorTooManyRequests); }

Reply reply_to(hub::History&& history) {
  if (!history.epoch_matches) return std::unexpected(protocol::kErrorUnrecoverablePosition);
  return std::move(history);
}

Reply reply_to(hub::Failure&& failure) {
  return std::unexpected(failure == hub::Failure::Overloaded ? protocol::kErrorTooManyRequests
                                                             : protocol::kErrorInternal);
}

}  // namespace

Reply Commands::reply_of(hub::Answer&& answer) {
  return std::visit([](auto&& one) { return reply_to(std::move(one)); }, std::move(answer));
}

std::variant<Commands::Replies, Commands::CallNumber> Commands::start(
    std::vector<protocol::ApiRequest> commands, Order order, core::ConnectionId connection,
    core::Instant now) {
  const CallNumber number = take_number(next_call_, calls_);
  Call& call = calls_.emplace(number, Call{connection, now, order, {}}).first->second;
  call.commands.reserve(commands.size());
  for (protocol::ApiRequest& request : commands) call.commands.push_back({std::move(request)});
  if (!advance(number, call)) return number;
  return finish(number, call).replies;
}

// A broadcast has begun only when the last of its channels was published to, so there is never
// more than one command that must be gone on with.
bool Commands::advance(CallNumber number, Call& call) {
  while (call.next < call.commands.size()) {
    const bool fresh = call.commands[call.next].next_target == 0;
    const bool in_turn = fresh && call.order == Order::Sequential && !FAILPOINT("api.sequential");
    if (in_turn && call.pending() > 0) break;
    if (call.pending() >= kWindow && !FAILPOINT("api.window")) break;
    if (begin(call, number) == Progress::Waiting) break;
    ++call.next;
  }
  return call.next == call.commands.size() && call.pending() == 0;
}

Commands::Progress Commands::begin(Call& call, CallNumber number) {
  Command& command = call.commands[call.next];
  const Place place{number, static_cast<std::uint32_t>(call.next), 0};
  if (command.next_target == 0 && call.reply_bytes > limits_.reply_bytes_max &&
      !FAILPOINT("api.reply_bytes")) {
    return refuse(call, place, protocol::kErrorLimitExceeded);
  }
  return std::visit([&](const auto& request) { return run(call, place, request); },
                    command.request);
}

Commands::Finished Commands::finish(CallNumber number, Call& call) {
  Finished finished{number, call.connection, {}};
  finished.replies.reserve(call.commands.size());
  for (Command& command : call.commands) finished.replies.push_back(std::move(command.reply));
  calls_.erase(number);
  return finished;
}

std::optional<Commands::Finished> Commands::go_on(const Place& place, Call& call) {
  if (!advance(place.call, call)) return std::nullopt;
  return finish(place.call, call);
}

std::optional<Commands::Finished> Commands::on_answer(std::uint32_t operation,
                                                      hub::Answer&& answer) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) return std::nullopt;
  const Place place = found->second;
  operations_.erase(found);
  Call& call = calls_.at(place.call);
  std::erase(call.operations, operation);
  settle(call, place, reply_of(std::move(answer)));
  return go_on(place, call);
}

void Commands::settle(Call& call, const Place& place, Reply&& reply) {
  Command& command = call.commands[place.command];
  auto* const broadcast = command.reply ? std::get_if<BroadcastResult>(&*command.reply) : nullptr;
  if (broadcast == nullptr) {
    decide(call, place, std::move(reply));
    return;
  }
  auto& response = broadcast->responses[place.target];
  if (!reply) {
    response = std::unexpected(reply.error());
  } else if (auto* published = std::get_if<hub::Published>(&*reply)) {
    response = std::move(*published);
  }
}

Commands::Progress Commands::decide(Call& call, const Place& place, Reply&& reply) {
  call.reply_bytes += bytes_of(reply);
  call.commands[place.command].reply = std::move(reply);
  return Progress::Begun;
}

Commands::Progress Commands::refuse(Call& call, const Place& place, const Error& error) {
  return decide(call, place, std::unexpected(error));
}

hub::ReplyTo Commands::next_reply_to(const Call& call) {
  return {call.connection, take_number(next_operation_, operations_)};
}

void Commands::await(Call& call, const Place& place, const hub::ReplyTo& reply_to) {
  operations_.emplace(reply_to.request, place);
  call.operations.push_back(reply_to.request);
}

// Of a call's own tasks others may be the reason for having too many: then they will make room.
Commands::Progress Commands::ask_shards(Call& call, const Place& place, ShardTask task) {
  const std::uint32_t number = take_number(next_task_, tasks_);
  const std::size_t answers = node_.ask_shards(std::move(task), number);
  if (answers == 0) {
    if (call.tasks > 0) return Progress::Waiting;
    return refuse(call, place, protocol::kErrorTooManyRequests);
  }
  tasks_.emplace(number, Task{place, answers});
  ++call.tasks;
  return Progress::Begun;
}

std::optional<Commands::Finished> Commands::on_shard_answer(std::uint32_t task,
                                                            ShardAnswer&& answer) {
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return std::nullopt;
  Task& asked = found->second;
  for (auto& [channel, subscribers] : answer.channels) {
    asked.merged.channels[channel] += subscribers;
  }
  asked.merged.truncated = asked.merged.truncated || answer.truncated;
  ASSERT(asked.answers_left > 0);
  if (--asked.answers_left > 0) return std::nullopt;
  const Task done = std::move(asked);
  tasks_.erase(found);
  Call& call = calls_.at(done.place.call);
  --call.tasks;
  decide(call, done.place, reply_to_task(call, done));
  return go_on(done.place, call);
}

Reply Commands::reply_to_task(const Call& call, const Task& task) const {
  const ShardAnswer& answer = task.merged;
  const protocol::ApiRequest& request = call.commands[task.place.command].request;
  if (!std::holds_alternative<protocol::ApiChannelsRequest>(request)) return hub::Done{};
  if (answer.truncated || answer.channels.size() > limits_.channels_max) {
    return std::unexpected(protocol::kErrorLimitExceeded);
  }
  return ChannelList{answer.channels};
}

void Commands::cancel(CallNumber call) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  for (const std::uint32_t operation : found->second.operations) operations_.erase(operation);
  std::erase_if(tasks_, [call](const auto& task) { return task.second.place.call == call; });
  calls_.erase(found);
}

}  // namespace sanjay::api
