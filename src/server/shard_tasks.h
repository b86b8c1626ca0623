// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/hub.h"
#include "server/shared_state.h"
#include "session/user_directory.h"
#include "transport/connection.h"

#include <cstdint>
#include <deque>

namespace sanjay::server {

/// Carries out on one shard what the server API asks of all of them, and sends the answers. One
/// shard's thread.
class ShardTasks {
 public:
  ShardTasks(SharedState& shared, hub::Hub& hub, transport::ShardServices& services)
      : shared_(shared), hub_(hub), services_(services), users_(services.session.users) {}

  void take(const TaskMail& mail);
  /// Goes on with what is too long for one turn. True when some of it is left.
  bool run();

 private:
  struct Listing {
    TaskMail mail;
    std::uint32_t next_slot = 0;
    api::ShardAnswer answer{};
  };

  void disconnect(const api::DisconnectClients& task);
  void unsubscribe(const api::UnsubscribeClients& task);
  void subscribe(const api::SubscribeClients& task);
  void refresh(const api::RefreshClients& task);
  void answer(const TaskMail& mail, api::ShardAnswer&& answer);

  SharedState& shared_;
  hub::Hub& hub_;
  transport::ShardServices& services_;
  session::UserDirectory& users_;
  std::deque<Listing> listings_;
};

/// The node as the server API of one shard sees it.
class NodeView final : public api::Node {
 public:
  NodeView(SharedState& shared, core::ShardIndex self) : shared_(shared), self_(self) {}

  std::size_t ask_shards(api::ShardTask task, std::uint32_t number) override;
  api::NodeInfo info() const override;
  /// An answer has come; so many more tasks may be asked.
  void answered() { --answers_due_; }

 private:
  SharedState& shared_;
  const core::ShardIndex self_;
  std::size_t answers_due_ = 0;
};

}  // namespace sanjay::server
