// SPDX-License-Identifier: Apache-2.0
#include "server/shard_tasks.h"

#include "api/pattern.h"
#include "core/assert.h"
#include "runtime/process.h"
#include "server/server_shard.h"
#include "session/session.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sanjay::server {
namespace {

constexpr std::uint32_t kSlotsPerTurn = 4096;

std::vector<session::Session*> find(session::UserDirectory& users, const api::Clients& clients) {
  std::vector<session::Session*> sessions = users.sessions_of(clients.user);
  std::erase_if(sessions, [&](const session::Session* session) {
    const auto text = session->client().text();
    const std::string_view client = session::view(text);
    if (!clients.client.empty() && clients.client != client) return true;
    return std::ranges::find(clients.whitelist, client) != clients.whitelist.end();
  });
  return sessions;
}

// Far dates are drawn to one that nanoseconds can tell.
std::optional<core::WallTime> wall_time(std::int64_t seconds) {
  constexpr std::int64_t kLatestSecond = 9'000'000'000;
  if (seconds == 0) return std::nullopt;
  return core::WallTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLatestSecond)));
}

}  // namespace

void ShardTasks::take(const TaskMail& mail) {
  if (const auto* task = std::get_if<api::DisconnectClients>(mail.task.get())) {
    disconnect(*task);
    answer(mail, {});
  } else if (const auto* unsubscription = std::get_if<api::UnsubscribeClients>(mail.task.get())) {
    unsubscribe(*unsubscription);
    answer(mail, {});
  } else if (std::holds_alternative<api::ListChannels>(*mail.task)) {
    listings_.push_back({mail});
  } else if (const auto* subscription = std::get_if<api::SubscribeClients>(mail.task.get())) {
    subscribe(*subscription);
    answer(mail, {});
  } else if (const auto* renewal = std::get_if<api::RefreshClients>(mail.task.get())) {
    refresh(*renewal);
    answer(mail, {});
  }
}

void ShardTasks::disconnect(const api::DisconnectClients& task) {
  for (session::Session* session : find(users_, task.clients)) {
    session->disconnect_by_server({task.code, task.reason});
  }
}

void ShardTasks::unsubscribe(const api::UnsubscribeClients& task) {
  for (session::Session* session : find(users_, task.clients)) {
    if (task.channel.empty()) {
      session->unsubscribe_from_all_by_server(protocol::kUnsubscribeServer);
    } else {
      session->unsubscribe_by_server(task.channel, protocol::kUnsubscribeServer);
    }
  }
}

void ShardTasks::subscribe(const api::SubscribeClients& task) {
  session::ServerSubscription subscription;
  subscription.channel = task.channel;
  subscription.overrides = task.overrides;
  subscription.info = {task.info.bytes, task.info.is_json};
  subscription.data = {task.data.bytes, task.data.is_json};
  subscription.expire_at = wall_time(task.expire_at_s);
  subscription.recover_since = task.recover_since;
  for (session::Session* session : find(users_, task.clients)) {
    session->subscribe_by_server(subscription, services_.now());
    services_.resumable.push_back(session->connection());  // its deadline may be another
  }
}

void ShardTasks::refresh(const api::RefreshClients& task) {
  for (session::Session* session : find(users_, task.clients)) {
    if (task.expired) {
      session->disconnect_by_server(protocol::kDisconnectExpired);
    } else {
      session->refresh_by_server(wall_time(task.expire_at_s), task.info.bytes, services_.now());
      services_.resumable.push_back(session->connection());
    }
  }
}

bool ShardTasks::run() {
  if (listings_.empty()) return false;
  Listing& listing = listings_.front();
  const auto& task = std::get<api::ListChannels>(*listing.mail.task);
  api::ShardAnswer& found = listing.answer;
  const auto next = hub_.visit_channels(
      listing.next_slot, kSlotsPerTurn, [&](std::string_view name, std::size_t subscribers) {
        if (found.truncated || !api::matches_pattern(task.pattern, name)) return;
        found.truncated = found.channels.size() == task.channels_max;
        if (!found.truncated) found.channels.emplace(name, subscribers);
      });
  if (next && !found.truncated) {
    listing.next_slot = *next;
    return true;
  }
  answer(listing.mail, std::move(found));
  listings_.pop_front();
  return !listings_.empty();
}

void ShardTasks::answer(const TaskMail& mail, api::ShardAnswer&& answer) {
  const bool taken =
      shared_.applications[mail.from]->tell(AnswerMail{mail.number, std::move(answer)});
  ASSERT(taken);  // there is room for the answer to every task that may be under way
}

std::size_t NodeView::ask_shards(api::ShardTask task, std::uint32_t number) {
  const std::size_t shards = shared_.applications.size();
  if (answers_due_ + shards > SharedState::kTasksMax * shards) return 0;
  answers_due_ += shards;
  const auto shared_task = std::make_shared<const api::ShardTask>(std::move(task));
  for (ServerShard* shard : shared_.applications) {
    const bool taken = shard->tell(TaskMail{self_, number, shared_task});
    ASSERT(taken);
  }
  return shards;
}

api::NodeInfo NodeView::info() const {
  api::NodeInfo info;
  info.uid = shared_.node_uid;
  info.name = shared_.wiring->node_name;
  info.version = SANJAY_VERSION;
  for (const ServerShard* shard : shared_.applications) {
    const auto& sessions = shard->session_stats();
    info.clients += sessions.clients.value();
    info.users += sessions.users.value();
    info.channels += shard->hub_stats().home_channels.value();
    info.subscriptions += shard->hub_stats().subscriptions.value();
  }
  info.uptime_s = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::seconds>(shared_.shards[self_]->now() - shared_.started)
          .count());
  info.resident_bytes = runtime::process_usage().resident_bytes;
  return info;
}

}  // namespace sanjay::server
