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
#include "transport/compression.h"
#include "transport/end_log.h"
#include "transport/transport_kind.h"
#include "transport/upgrade_pace.h"
#include "websocket/decoder.h"

#include <array>
#include <cstddef>
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
  /// One that answers with a stream, or takes what belongs to one. Without a path it is off.
  struct HttpEndpoint {
    std::string path;
    std::size_t body_bytes_max = 65536;
  };
  HttpEndpoint http_stream;
  HttpEndpoint sse;
  HttpEndpoint emulation;
  HttpEndpoint uni_http_stream;
  HttpEndpoint uni_sse;
  struct UniWebSocket {
    std::string path;  // empty: off
    websocket::Limits limits;
    bool join_push_messages = false;  // several pushes in one frame, if they come together
    bool disconnect_push = true;      // before the Close frame
  } uni_websocket;
  std::string init_path;  // answers with nothing, for a proxy's cookie; empty: off
  std::string echo_path;  // empty: no echo endpoint
  websocket::Limits echo{16 * 1024 * 1024, 65536, 16 * 1024 * 1024};
  std::uint32_t echo_queue_bytes_max = 64 * 1024 * 1024;
  CompressionOptions compression;
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
  telemetry::Counter slow_disconnects;
  telemetry::Counter emulations;          // requests with commands, handed on
  telemetry::Counter emulations_unknown;  // whose session there is not
  telemetry::Counter emulations_refused;  // for want of room

  struct OfTransport {
    telemetry::Counter messages_in;
    telemetry::Counter clients;  // at present
  };
  std::array<OfTransport, kTransports> transports;
  OfTransport& of(TransportKind kind) { return transports[std::to_underlying(kind)]; }
  OfTransport& of(hub::Encoding encoding) { return of(kind_of(encoding)); }
};

/// Takes commands of a client to the shard where its stream is. Implemented in server/.
class CommandCarrier {
 public:
  virtual ~CommandCarrier() = default;
  enum class Fate : std::uint8_t { Taken, Unknown, Busy };
  /// Taken: handed over or on its way, where its connection may be gone by then. Unknown: there is
  /// no such connection. Busy: there is no room at present.
  virtual Fate carry(core::ConnectionId to, std::string&& commands) = 0;
};

/// What the connections of one shard share. Outlives them.
struct ShardServices {
  runtime::Shard& shard;
  const TransportOptions* options;  // may be exchanged between two turns
  session::SessionContext& session;
  HttpApplication& http;
  limits::ConnectionAdmission& admission;
  Compression& compression;
  CommandCarrier& carrier;
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

  /// After how many seconds the refused may come back, spread so that they do not come together.
  std::uint32_t retry_after() const {
    constexpr std::uint64_t kRetryAfterMax = 5;
    return static_cast<std::uint32_t>(1 + session.random.below(kRetryAfterMax));
  }
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
  /// Finished frames for a connection whose stream is marked: it changes them first. (To all others
  /// they are sent without asking.)
  virtual void deliver(const core::SegmentRef& bytes, runtime::Urgency urgency) {
    stream_.send(bytes, urgency);
  }
  /// What its client has sent by another request: see CommandCarrier.
  virtual void on_commands(std::string&&) {}
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
