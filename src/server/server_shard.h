// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "hub/hub.h"
#include "limits/connection_admission.h"
#include "protocol/json_decoder.h"
#include "runtime/mailbox.h"
#include "runtime/shard.h"
#include "server/http_routes.h"
#include "server/wiring.h"
#include "session/session.h"
#include "transport/connection.h"
#include "transport/publication_encoder.h"

#include <atomic>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

namespace sanjay::server {

class ServerShard;

/// What the main thread asks of a shard.
enum class Control : std::uint8_t { ShutDown };

/// What the shards of one server share: mail, flow counters, and who holds how many connections.
struct SharedState {
  explicit SharedState(const Wiring& w)
      : wiring(w),
        mail(w.shards, kMailSlots),
        flow(w.shards),
        admission(w.admission),
        connections(std::make_unique<std::atomic<std::uint32_t>[]>(w.shards)) {}

  static constexpr std::size_t kMailSlots = 4096;  // from one shard to another

  const Wiring& wiring;
  runtime::Mailroom<hub::Mail> mail;
  hub::FlowMeter flow;
  limits::ConnectionAdmission admission;
  std::vector<runtime::Shard*> shards;  // filled before the threads start
  std::unique_ptr<std::atomic<std::uint32_t>[]> connections;
  std::counting_semaphore<> drained{0};  // released once per shard that has shut down
};

/// The server on one shard: joins loop, hub, sessions and transports. Everything but control() is
/// called on the shard's thread.
class ServerShard final : public runtime::ShardApplication,
                          private hub::MailCarrier,
                          private hub::DeliverySink,
                          private hub::HubEvents {
 public:
  ServerShard(SharedState& shared, runtime::Shard& shard, std::uint64_t seed);

  /// Any thread. False when the mailbox is full.
  bool control(Control control);

  core::Status on_start() override;
  void on_accept(runtime::Stream& stream) override;
  bool on_turn(core::Instant now) override;
  bool has_mail() const override { return shared_.mail.has_mail(index()) || controls_.has_mail(); }

 private:
  /// Ends a sleep so that on_turn() runs; the turn does the work.
  class WakeUp final : public runtime::Timer {
    void on_timer(core::Instant) override {}
  };

  core::ShardIndex index() const { return shard_.index(); }
  /// Tells the other shards how many connections this one holds, those being refused aside.
  void count_connections();
  std::uint32_t connections_in_process() const;
  transport::Connection* find(core::ConnectionId id);
  bool take_mail();
  void resume(std::vector<core::ConnectionId>& waiting);
  void fan_out();
  void shut_down_some();

  // hub::MailCarrier, hub::DeliverySink, hub::HubEvents
  bool send(core::ShardIndex to, hub::Mail&& mail) override;
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes) override;
  void on_subscribed(core::ConnectionId connection, hub::SubscriptionNumber subscription) override;
  void on_published(const hub::ReplyTo& reply_to, hub::PublishOutcome outcome) override;

  SharedState& shared_;
  runtime::Shard& shard_;
  runtime::ForeignMailbox<Control> controls_{16};
  core::Random random_;
  protocol::JsonDecoder decoder_;
  transport::FrameEncoder encoder_;
  hub::Hub hub_;
  HttpRoutes routes_;
  session::SessionContext session_;
  transport::ShardServices services_;
  WakeUp retry_timer_;
  bool shutting_down_ = false;
  bool drained_ = false;
  std::vector<core::ConnectionId> to_shut_down_;
};

}  // namespace sanjay::server
