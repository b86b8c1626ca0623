// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "hub/hub.h"
#include "hub/memory_broker.h"
#include "limits/connection_admission.h"
#include "runtime/mailbox.h"
#include "runtime/shard.h"
#include "server/http_routes.h"
#include "server/shard_tasks.h"
#include "server/shared_state.h"
#include "server/wiring.h"
#include "session/session.h"
#include "telemetry/counter.h"
#include "transport/connection.h"
#include "transport/publication_encoder.h"

#include <memory>
#include <string>
#include <vector>

namespace sanjay::server {

/// The server on one shard: joins loop, hub, sessions and transports. Everything is called on the
/// shard's thread, but for tell() and what only reads counters.
class ServerShard final : public runtime::ShardApplication,
                          private hub::MailCarrier,
                          private hub::DeliverySink,
                          private hub::HubEvents {
 public:
  ServerShard(SharedState& shared, runtime::Shard& shard, std::uint64_t seed);

  /// Any thread. False when the mailbox is full.
  bool tell(ShardMail mail);

  core::Status on_start() override;
  void on_accept(runtime::Stream& stream, runtime::ListenerIndex listener) override;
  bool on_turn(core::Instant now) override;
  bool has_mail() const override {
    return shared_.mail.has_mail(index()) || letters_.has_mail() || is_reloaded() || has_new_keys();
  }

  // Counters: any thread.
  runtime::Shard& shard() const { return shard_; }
  const hub::HubStats& hub_stats() const { return hub_.stats(); }
  const hub::HomeStats& home_stats() const { return hub_.home_stats(); }
  const hub::BrokerStats& broker_stats() const { return broker_.stats(); }
  const telemetry::Counter& deliveries() const { return hub_.deliveries(); }
  const telemetry::DurationHistogram& delivery_times() const { return delivery_times_; }
  const session::SessionStats& session_stats() const { return session_.stats; }
  const transport::TransportStats& transport_stats() const { return services_.stats; }
  const transport::EndLog& ends() const { return services_.ends; }
  const api::HttpApiStats& api_stats() const { return routes_.api().stats(); }

 private:
  static constexpr runtime::ListenerIndex kPublicListener = 0;
  static constexpr runtime::ListenerIndex kInternalListener = 1;

  /// Ends a sleep so that on_turn() runs; the turn does the work.
  class WakeUp final : public runtime::Timer {
    void on_timer(core::Instant) override {}
  };

  core::ShardIndex index() const { return shard_.index(); }
  /// Tells the other shards how many connections this one holds, those being refused aside.
  void count_connections();
  std::uint32_t connections_in_process() const;
  transport::Connection* find(core::ConnectionId id);
  transport::Connection* handler_at(std::uint32_t slot);
  void read(ShardMail&& mail);
  void begin_shut_down();
  bool is_reloaded() const {
    return shared_.reloads.load(std::memory_order_acquire) != reloads_taken_;
  }
  bool has_new_keys() const {
    return shared_.key_fetches.load(std::memory_order_acquire) != key_fetches_taken_;
  }
  void take_over_options();
  void resume_awaiting_keys();
  void begin_clients(core::Instant now);
  bool take_mail();
  void resume(std::vector<core::ConnectionId>& waiting);
  void fan_out();
  void shut_down_some();
  void end_other_connections();

  // hub::MailCarrier, hub::DeliverySink, hub::HubEvents
  bool send(core::ShardIndex to, hub::Mail&& mail) override;
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, hub::Reach reach) override;
  void hold(std::uint32_t slot, const core::SegmentRef& bytes) override;
  void on_trouble(std::uint32_t slot, hub::SubscriptionNumber subscription,
                  hub::Trouble trouble) override;
  void on_subscribed(core::ConnectionId connection, hub::SubscriptionNumber subscription,
                     hub::SubscriptionResult&& result) override;
  void on_answer(const hub::ReplyTo& reply_to, hub::Answer&& answer) override;

  SharedState& shared_;
  runtime::Shard& shard_;
  std::shared_ptr<const Wiring> wiring_;  // the present one
  std::uint64_t reloads_taken_ = 0;
  std::uint64_t key_fetches_taken_ = 0;
  runtime::ForeignMailbox<ShardMail> letters_;
  core::Random random_;
  transport::FrameEncoder encoder_;
  hub::MemoryBroker broker_;
  hub::Hub hub_;
  NodeView node_;
  HttpRoutes routes_;
  session::SessionContext session_;
  transport::ShardServices services_;
  ShardTasks tasks_;
  telemetry::DurationHistogram delivery_times_;
  WakeUp retry_timer_;
  bool shutting_down_ = false;
  bool drained_ = false;
  std::vector<core::ConnectionId> to_shut_down_;
};

}  // namespace sanjay::server
