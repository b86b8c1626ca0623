// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "http/forwarded.h"
#include "http/origin.h"
#include "http/request_parser.h"
#include "hub/hub.h"
#include "limits/connection_admission.h"
#include "runtime/shard.h"
#include "runtime/stream.h"
#include "runtime/timer_wheel.h"
#include "runtime/tls/tls_context.h"
#include "session/session.h"
#include "telemetry/counter.h"
#include "transport/end_log.h"
#include "transport/upgrade_pace.h"
#include "websocket/decoder.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::transport {

class HttpApplication;

/// What all connections of a process are allowed; immutable while they live.
struct TransportOptions {
  http::RequestLimits http;
  core::Duration request_time_max = std::chrono::seconds(10);  // first byte → last byte, in all
  core::Duration keep_alive_max = std::chrono::seconds(75);    // between two requests
  http::OriginPolicy origins;
  /// Whose word about the client's address is taken: in X-Forwarded-For, or, if proxy_protocol, in
  /// a PROXY header, with which each of their connections must then begin. Never both.
  http::TrustedProxies trusted_proxies;
  bool proxy_protocol = false;
  /// What connections to the public and to the internal port speak; null: no TLS. A PROXY header
  /// stands before it.
  std::shared_ptr<const runtime::TlsContext> tls;
  std::shared_ptr<const runtime::TlsContext> internal_tls;
  std::uint32_t upgrades_per_second = 0;  // of one shard, see UpgradePace
  std::string websocket_path = "/connection/websocket";
  websocket::Limits websocket;
  std::string echo_path;  // empty: no echo endpoint
  websocket::Limits echo{16 * 1024 * 1024, 65536};
  std::uint32_t echo_queue_bytes_max = 64 * 1024 * 1024;
};

/// Counters of one shard's connections; any thread may read them.
struct TransportStats {
  telemetry::Counter requests;
  telemetry::Counter requests_refused;  // all of them; those below say why
  telemetry::Counter refused_connection_limit;
  telemetry::Counter refused_address_limit;
  telemetry::Counter refused_rate_limit;
  telemetry::Counter refused_origin;
  telemetry::Counter refused_timeout;
  telemetry::Counter refused_malformed;  // PROXY header, request or handshake
  telemetry::Counter refused_pace;
  telemetry::Counter upgrades;
  telemetry::Counter messages_in;
  telemetry::Counter slow_disconnects;
  telemetry::Counter clients;  // WebSocket clients at present
};

/// What the connections of one shard share. Outlives them.
struct ShardServices {
  runtime::Shard& shard;
  const TransportOptions* options;  // may be exchanged between two turns
  session::SessionContext& session;
  HttpApplication& http;
  limits::ConnectionAdmission& admission;
  UpgradePace pace{options->upgrades_per_second, shard.now()};
  EndLog ends{shard.log(), shard.now()};
  TransportStats stats{};
  /// Connections that are being told why they are refused. Bounded: see kRefusalsMax.
  std::uint32_t refusals_under_way = 0;
  std::uint32_t internal_connections = 0;
  /// Connections whose session may go on: what it waited for has come. Not done inside the hub's
  /// call that says so, since a session that goes on may leave other channels.
  std::vector<core::ConnectionId> resumable{};
  /// Connections whose session waits for room in a queue: asked again soon.
  std::vector<core::ConnectionId> retries{};
  /// Connections whose session waits for keys that are being fetched.
  std::vector<core::ConnectionId> awaiting_keys{};

  session::Now now() const { return {shard.now(), shard.clock().wall_now(), shard.catching_up()}; }
};

/// Base of everything that handles a stream in the server: one deadline, and the hub's answers.
/// Owned by its Stream; one shard's thread.
class Connection : public runtime::StreamHandler, private runtime::Timer {
 public:
  Connection(ShardServices& services, runtime::Stream& stream)
      : services_(services), stream_(stream) {}

  // What the hub says: see hub::HubEvents and hub::DeliverySink.
  virtual void on_subscribed(hub::SubscriptionNumber, hub::SubscriptionResult&&) {}
  virtual void on_hub_answer(std::uint32_t request, hub::Answer&& answer) = 0;
  virtual void on_trouble(hub::SubscriptionNumber, hub::Trouble) {}
  virtual void keep(const core::SegmentRef&) {}  // for a subscription that is held
  /// The response to a request of the server API that had to wait.
  virtual void on_response(std::string_view) {}
  /// Its name stood in ShardServices::resumable or retries, or its turn has come to begin.
  virtual void on_resume() {}
  /// The server is going away: say so in the way of this transport and end.
  virtual void shut_down() = 0;

  /// Its place among the connections of its address: held until the connection is gone, handed on
  /// when another handler takes over the stream.
  void hold(limits::Ticket ticket) { ticket_ = std::move(ticket); }

 protected:
  virtual void on_deadline() = 0;
  /// Wants on_deadline() at that time, instead of at any set before; kNever: not at all.
  void set_deadline(core::Instant deadline);

  ShardServices& services_;
  runtime::Stream& stream_;
  limits::Ticket ticket_;

 private:
  void on_timer(core::Instant) final {
    deadline_ = core::kNever;
    on_deadline();
  }

  core::Instant deadline_ = core::kNever;
};

}  // namespace sanjay::transport
