// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include "runtime/process.h"
#include "server/server_shard.h"
#include "telemetry/prometheus.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::server {
namespace {

using telemetry::Counter;
using telemetry::DurationHistogram;
using telemetry::PrometheusText;
using Type = PrometheusText::Type;

/// Writes families whose values are sums over the shards.
class Writer {
 public:
  explicit Writer(const SharedState& shared) : shared_(shared) {}

  template <class Value>  // Value(const ServerShard&) → a Counter
  std::uint64_t sum(Value&& value) const {
    std::uint64_t total = 0;
    for (const ServerShard* shard : shared_.applications) total += value(*shard).value();
    return total;
  }
  template <class Value>
  void counter(std::string_view name, std::string_view help, Value&& value) {
    text.counter(name, help, sum(value));
  }
  template <class Value>
  void gauge(std::string_view name, std::string_view help, Value&& value) {
    text.gauge(name, help, sum(value));
  }
  template <class Value>  // Value(const ServerShard&) → a DurationHistogram
  void histogram(std::string_view name, std::string_view help, Value&& value) {
    std::vector<const DurationHistogram*> parts;
    for (const ServerShard* shard : shared_.applications) parts.push_back(&value(*shard));
    text.family(name, Type::Histogram, help);
    text.histogram(parts);
  }

  PrometheusText text;

 private:
  const SharedState& shared_;
};

double seconds(core::Duration duration) { return std::chrono::duration<double>(duration).count(); }

void write_process(Writer& out, const SharedState& shared, core::Instant now) {
  const runtime::ProcessUsage usage = runtime::process_usage();
  out.text.family("sanjay_build_info", Type::Gauge, "The program's version.");
  out.text.sample({{"version", SANJAY_VERSION}}, std::uint64_t{1});
  out.text.family("sanjay_io_driver_info", Type::Gauge, "How shards wait for sockets.");
  out.text.sample({{"driver", runtime::name_of(shared.driver)}}, std::uint64_t{1});
  out.text.gauge("sanjay_shards", "Event loops.", shared.shards.size());
  out.text.family("sanjay_uptime_seconds", Type::Gauge, "Time since the start.");
  out.text.sample({}, seconds(now - shared.started));
  out.text.family("process_start_time_seconds", Type::Gauge, "Start of the process, Unix time.");
  out.text.sample({}, seconds(shared.started_wall.time_since_epoch()));
  out.text.family("process_cpu_seconds_total", Type::Counter, "CPU time, user and system.");
  out.text.sample({}, seconds(usage.cpu));
  out.text.gauge("process_resident_memory_bytes", "Resident memory.", usage.resident_bytes);
  out.text.gauge("process_virtual_memory_bytes", "Virtual memory.", usage.virtual_bytes);
  out.text.gauge("process_max_fds", "Limit of open files.", usage.open_files_max);
  out.text.counter("sanjay_config_reloads_total", "Configurations taken over while running.",
                   shared.reloads.load(std::memory_order_relaxed));
  out.text.counter("sanjay_config_reload_failures_total", "Configurations refused while running.",
                   shared.failed_reloads.load(std::memory_order_relaxed));
}

void write_loop(Writer& out, const SharedState& shared) {
  const auto loop = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.shard().stats().*member; };
  };
  using Stats = runtime::ShardStats;
  out.histogram("sanjay_loop_turn_seconds", "How long an event waits for the loop at most.",
                loop(&Stats::turn));
  out.counter("sanjay_loop_turns_total", "Turns of the event loops.", loop(&Stats::turns));
  out.counter("sanjay_loop_slow_turns_total", "Turns of more than 50 ms.",
              loop(&Stats::slow_turns));
  out.counter("sanjay_loop_pauses_total", "Times a loop stood still for more than 500 ms.",
              loop(&Stats::pauses));
  out.text.family("sanjay_loop_lag_seconds", Type::Gauge,
                  "The longest turn of the last one to two seconds.");
  for (const runtime::Shard* shard : shared.shards) {
    out.text.sample({{"shard", std::to_string(shard->index())}},
                    static_cast<double>(shard->stats().lag_ns.value()) / 1e9);
  }
  const auto driver = [](auto member) {
    return [member](const ServerShard& s) -> const auto& {
      return s.shard().driver().stats().*member;
    };
  };
  using Driver = runtime::DriverStats;
  out.counter("sanjay_io_waits_total", "System calls that submit or wait.",
              driver(&Driver::submits));
  out.counter("sanjay_io_sends_total", "Send operations.", driver(&Driver::sends));
  out.counter("sanjay_io_receives_total", "Receive operations.", driver(&Driver::receives));
  out.counter("sanjay_io_buffer_shortages_total", "Receives put back for want of a buffer.",
              driver(&Driver::buffer_shortages));
  out.counter("sanjay_io_completion_overflows_total", "Completions that found their queue full.",
              driver(&Driver::completion_overflows));
}

void write_by_transport(Writer& out, Counter transport::TransportStats::OfTransport::* member) {
  for (std::size_t i = 0; i < transport::kTransports; ++i) {
    out.text.sample({{"transport", transport::kTransportNames[i]}},
                    out.sum([&](const ServerShard& s) -> const Counter& {
                      return s.transport_stats().transports[i].*member;
                    }));
  }
}

void write_connections(Writer& out, const SharedState& shared) {
  using Loop = runtime::ShardStats;
  using Streams = runtime::StreamStats;
  using Transport = transport::TransportStats;
  const auto loop = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.shard().stats().*member; };
  };
  const auto streams = [](auto member) {
    return [member](const ServerShard& s) -> const auto& {
      return s.shard().streams().stats().*member;
    };
  };
  const auto transport = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.transport_stats().*member; };
  };
  out.gauge("sanjay_connections", "TCP connections at present.", streams(&Streams::streams));
  out.text.gauge("sanjay_connections_max", "Connections this server takes.",
                 shared.connections_max.load(std::memory_order_relaxed));
  out.counter("sanjay_connections_accepted_total", "TCP connections accepted.",
              loop(&Loop::accepted));
  out.counter("sanjay_accept_suspensions_total",
              "Times accepting paused for want of descriptors or memory.",
              loop(&Loop::accepts_suspended));
  out.counter("sanjay_received_bytes_total", "Bytes from peers.", streams(&Streams::bytes_in));
  out.counter("sanjay_sent_bytes_total", "Bytes to peers.", streams(&Streams::bytes_out));
  out.gauge("sanjay_write_queue_bytes", "Bytes waiting in write queues.",
            streams(&Streams::queued_bytes));
  out.counter("sanjay_http_requests_total", "HTTP requests, upgrades among them.",
              transport(&Transport::requests));
  out.counter("sanjay_upgrades_total", "WebSocket upgrades.", transport(&Transport::upgrades));
  out.text.family("sanjay_refusals_total", Type::Counter,
                  "Connections and requests refused, by reason.");
  constexpr std::array<std::pair<std::string_view, Counter Transport::*>, 7> kRefusals{{
      {"connection_limit", &Transport::refused_connection_limit},
      {"address_limit", &Transport::refused_address_limit},
      {"rate_limit", &Transport::refused_rate_limit},
      {"pace", &Transport::refused_pace},
      {"origin", &Transport::refused_origin},
      {"timeout", &Transport::refused_timeout},
      {"malformed", &Transport::refused_malformed},
  }};
  for (const auto& [reason, member] : kRefusals) {
    out.text.sample({{"reason", reason}}, out.sum(transport(member)));
  }
}

/// Clients by the transport they came over.
void write_transports(Writer& out, const SharedState& shared) {
  using Transport = transport::TransportStats;
  const auto transport = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.transport_stats().*member; };
  };
  out.text.family("sanjay_disconnects_total", Type::Counter,
                  "Ends of clients' connections by transport and code; 3000: the client went "
                  "away.");
  // A family is never empty.
  std::map<std::pair<std::string_view, std::string>, std::uint64_t> ends{
      {{transport::name_of(transport::TransportKind::WebSocket), "3000"}, 0}};
  for (const ServerShard* shard : shared.applications) {
    shard->ends().for_each([&](std::string_view kind, const std::string& code,
                               std::uint64_t count) { ends[{kind, code}] += count; });
  }
  for (const auto& [end, count] : ends) {
    out.text.sample({{"transport", end.first}, {"code", end.second}}, count);
  }
  out.counter("sanjay_slow_disconnects_total", "Clients disconnected because they did not keep up.",
              transport(&Transport::slow_disconnects));
  out.text.family("sanjay_transport_connections", Type::Gauge, "Clients by transport.");
  write_by_transport(out, &Transport::OfTransport::clients);
  out.text.family("sanjay_transport_messages_received_total", Type::Counter,
                  "Messages of clients by transport.");
  write_by_transport(out, &Transport::OfTransport::messages_in);
  out.text.family("sanjay_emulation_requests_total", Type::Counter,
                  "Requests with the commands of a client whose stream is another.");
  constexpr std::array<std::pair<std::string_view, Counter Transport::*>, 3> kEmulations{{
      {"taken", &Transport::emulations},
      {"unknown", &Transport::emulations_unknown},
      {"busy", &Transport::emulations_refused},
  }};
  for (const auto& [result, member] : kEmulations) {
    out.text.sample({{"result", result}}, out.sum(transport(member)));
  }
}

void write_tls(Writer& out) {
  using Tls = runtime::TlsStats;
  const auto tls = [](auto member) {
    return [member](const ServerShard& s) -> const auto& {
      return s.shard().streams().tls_stats().*member;
    };
  };
  out.gauge("sanjay_tls_connections", "Connections that speak TLS, their handshakes done.",
            tls(&Tls::connections));
  out.gauge("sanjay_tls_handshakes", "TLS handshakes under way, those that wait among them.",
            tls(&Tls::handshakes));
  out.text.family("sanjay_tls_handshakes_total", Type::Counter,
                  "TLS handshakes by how they ended.");
  constexpr std::array<std::pair<std::string_view, Counter Tls::*>, 4> kResults{{
      {"done", &Tls::done},
      {"failed", &Tls::failed},
      {"timed_out", &Tls::timed_out},
      {"refused", &Tls::refused},
  }};
  for (const auto& [result, member] : kResults) {
    out.text.sample({{"result", result}}, out.sum(tls(member)));
  }
  out.counter("sanjay_tls_resumptions_total", "TLS handshakes done with a ticket.",
              tls(&Tls::resumed));
}

void write_clients(Writer& out) {
  const auto sessions = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.session_stats().*member; };
  };
  using Session = session::SessionStats;
  out.gauge("sanjay_clients", "Clients that have connected by command.",
            sessions(&Session::clients));
  out.gauge("sanjay_users", "Users of these clients, counted per shard.",
            sessions(&Session::users));
  out.text.family("sanjay_recoveries_total", Type::Counter,
                  "Subscriptions that asked for what they missed.");
  out.text.sample({{"recovered", "yes"}}, out.sum(sessions(&Session::recovered)));
  out.text.sample({{"recovered", "no"}}, out.sum(sessions(&Session::unrecovered)));
  out.counter("sanjay_pings_total", "Pings sent.", sessions(&Session::pings));
  out.text.family("sanjay_commands_total", Type::Counter, "Commands of clients.");
  for (std::size_t i = 0; i < session::kCommandNames.size(); ++i) {
    out.text.sample({{"command", session::kCommandNames[i]}},
                    out.sum([i](const ServerShard& s) -> const Counter& {
                      return s.session_stats().commands[i];
                    }));
  }
  out.text.family("sanjay_command_errors_total", Type::Counter, "Error replies by code.");
  for (std::size_t i = 0; i < Session::kErrors + 1; ++i) {
    const std::uint64_t count = out.sum(
        [i](const ServerShard& s) -> const Counter& { return s.session_stats().errors[i]; });
    if (count == 0) continue;
    const bool other = i == Session::kErrors;
    out.text.sample({{"code", other ? "other" : std::to_string(Session::kFirstError + i)}}, count);
  }
}

void write_messages(Writer& out) {
  const auto hub = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.hub_stats().*member; };
  };
  using Hub = hub::HubStats;
  out.gauge("sanjay_channels", "Channels with subscribers.", hub(&Hub::home_channels));
  out.gauge("sanjay_subscriptions", "Subscriptions.", hub(&Hub::subscriptions));
  out.counter("sanjay_publications_total", "Publications accepted.", hub(&Hub::publications));
  out.counter("sanjay_publications_refused_total", "Publications refused: queues were full.",
              hub(&Hub::busy));
  out.counter("sanjay_hand_overs_held_back_total", "Turns that could not hand over to some shard.",
              hub(&Hub::held_back));
  out.gauge("sanjay_pending_publication_bytes", "Bytes waiting to be handed over to shards.",
            hub(&Hub::pending_bytes));
  out.counter("sanjay_deliveries_total", "Publications put into a subscriber's write queue.",
              [](const ServerShard& s) -> const auto& { return s.deliveries(); });
  out.counter("sanjay_publications_filtered_total",
              "Publications left out for a subscriber by its tags filter.",
              [](const ServerShard& s) -> const auto& { return s.filtered_out(); });
  out.histogram("sanjay_delivery_seconds",
                "From a publication's arrival to the write queue of its last subscriber on a "
                "shard; one value per batch.",
                [](const ServerShard& s) -> const auto& { return s.delivery_times(); });
}

void write_broker(Writer& out) {
  const auto broker = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.broker_stats().*member; };
  };
  const auto home = [](auto member) {
    return [member](const ServerShard& s) -> const auto& { return s.home_stats().*member; };
  };
  using Broker = hub::BrokerStats;
  using Home = hub::HomeStats;
  out.gauge("sanjay_history_channels", "Channels whose position is known.",
            broker(&Broker::history_channels));
  out.gauge("sanjay_history_publications", "Publications kept.",
            broker(&Broker::history_publications));
  out.gauge("sanjay_history_bytes", "Bytes of these.", broker(&Broker::history_bytes));
  out.counter("sanjay_history_refused_total", "Publications and reads refused at a limit.",
              broker(&Broker::history_refused));
  out.gauge("sanjay_presence_entries", "Clients in the presence of channels.",
            broker(&Broker::presence_entries));
  out.counter("sanjay_presence_refused_total", "Entries refused at a limit.",
              broker(&Broker::presence_refused));
  out.gauge("sanjay_idempotency_keys", "Keys remembered.", broker(&Broker::idempotency_keys));
  out.counter("sanjay_publications_suppressed_total",
              "Publications that an idempotency key or a version held back.",
              broker(&Broker::suppressed));
  out.counter("sanjay_broker_failures_total", "Calls that the broker could not carry out.",
              home(&Home::failures));
  out.counter("sanjay_broker_timeouts_total", "Calls that it did not answer in time.",
              home(&Home::timeouts));
  out.counter("sanjay_history_gaps_total", "Times publications were found missing.",
              home(&Home::gaps));
  out.counter("sanjay_history_losses_total",
              "Times they could not be had again and subscribers were told.", home(&Home::losses));
}

void write_api(Writer& out) {
  out.text.family("sanjay_api_calls_total", Type::Counter, "Calls of the server API.");
  for (std::size_t i = 0; i < api::kMethodNames.size(); ++i) {
    out.text.sample(
        {{"method", api::kMethodNames[i]}},
        out.sum([i](const ServerShard& s) -> const Counter& { return s.api_stats().calls[i]; }));
  }
  out.counter("sanjay_api_unauthorized_total", "Calls without a valid key.",
              [](const ServerShard& s) -> const auto& { return s.api_stats().unauthorized; });
}

/// The keys that are fetched for one kind of token; nothing of a kind that shares the other's.
void write_token_keys(Writer& out, const SharedState& shared, core::Instant now) {
  const auto wiring = shared.latest_wiring();
  const auto status_of = [](const std::shared_ptr<const auth::TokenVerifier>& verifier) {
    return verifier && verifier->key_source() ? verifier->key_source()->status()
                                              : auth::KeyStatus{};
  };
  const TokenVerifiers& tokens = wiring->tokens;
  const auth::KeyStatus connection = status_of(tokens.connection);
  const bool is_shared = tokens.subscription == tokens.connection;
  const auth::KeyStatus subscription =
      is_shared ? auth::KeyStatus{} : status_of(tokens.subscription);
  const auto family = [&](std::string_view name, Type type, std::string_view help, auto value) {
    out.text.family(name, type, help);
    out.text.sample({{"token", "connection"}}, value(connection));
    out.text.sample({{"token", "subscription"}}, value(subscription));
  };
  using Status = auth::KeyStatus;
  family("sanjay_token_keys", Type::Gauge, "Fetched keys that tokens are verified with.",
         [](const Status& s) { return std::uint64_t{s.keys}; });
  family("sanjay_token_keys_age_seconds", Type::Gauge, "Time since they were fetched.",
         [&](const Status& s) {
           return s.keys == 0 ? 0.0 : std::max(0.0, seconds(now - s.keys_since));
         });
  family("sanjay_token_key_fetches_total", Type::Counter, "Fetches of token keys.",
         [](const Status& s) { return s.fetches; });
  family("sanjay_token_key_fetch_failures_total", Type::Counter, "Fetches that failed.",
         [](const Status& s) { return s.failures; });
}

}  // namespace

std::string write_metrics(const SharedState& shared, core::Instant now) {
  Writer out(shared);
  write_process(out, shared, now);
  write_loop(out, shared);
  write_connections(out, shared);
  write_transports(out, shared);
  write_tls(out);
  write_clients(out);
  write_messages(out);
  write_broker(out);
  write_api(out);
  write_token_keys(out, shared, now);
  return out.text.take();
}

}  // namespace sanjay::server
