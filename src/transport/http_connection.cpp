// SPDX-License-Identifier: Apache-2.0
#include "transport/http_connection.h"

#include "core/failpoint.h"
#include "http/forwarded.h"
#include "http/response.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace sanjay::transport {
namespace {

constexpr core::Duration kOverLimitTimeMax = std::chrono::seconds(1);

http::RequestError too_many_of_address(ShardServices& services) {
  return {429, "too many connections from this address", services.retry_after()};
}

/// A connection that has been told why it is refused and is on its way out.
class RefusedConnection final : public Connection {
 public:
  RefusedConnection(ShardServices& services, runtime::Stream& stream)
      : Connection(services, stream) {
    ++services.refusals_under_way;
  }

  void on_bytes(std::span<char>) override {}
  void on_peer_finished() override { stream_.close(runtime::StreamEnd::PeerFinished); }
  void on_hub_answer(std::uint32_t, hub::Answer&&) override {}
  void shut_down() override {}
  void on_overflow() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_write_stalled() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_closed(runtime::StreamEnd) override { --services_.refusals_under_way; }

 private:
  void on_deadline() override {}
};

// What is refused costs a slot until its peer has read why. A flood of it must not take the slots
// of others, so only so many are told.
void refuse_at_once(ShardServices& services, runtime::Stream& stream,
                    const http::RequestError& error) {
  services.stats.requests_refused.add();
  const bool many = services.refusals_under_way >= kRefusalsMax;
  if (many && !FAILPOINT("transport.refusals")) return stream.close();
  stream.set_handler(std::make_unique<RefusedConnection>(services, stream));
  stream.send(core::SegmentRef::copy_of(http::make_refusal(error)));
  stream.finish();
}

std::string_view without_body(std::string_view response) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::size_t end = response.find(kHeadEnd);
  return end == std::string_view::npos ? response : response.substr(0, end + kHeadEnd.size());
}

HttpConnection::AddressSource source_of(const ShardServices& services,
                                        const runtime::Stream& stream) {
  using Source = HttpConnection::AddressSource;
  if (!services.options->trusted_proxies.contains(stream.peer().address)) return Source::Peer;
  return services.options->proxy_protocol ? Source::ProxyHeader : Source::ForwardedFor;
}

// Where a PROXY header is due, it comes first and in the clear.
void start_tls_at_once(ShardServices& services, runtime::Stream& stream,
                       const HttpConnection::Arrival& arrival) {
  const auto& tls =
      arrival.port == Port::Internal ? services.options->internal_tls : services.options->tls;
  if (tls && arrival.source != HttpConnection::AddressSource::ProxyHeader) {
    stream.start_tls(tls, services.shard.now());
  }
}

http::RequestLimits request_limits(const ShardServices& services,
                                   const HttpConnection::Arrival& arrival) {
  http::RequestLimits limits = services.options->http;
  limits.keep_alive = !arrival.over_limit;
  return limits;
}

}  // namespace

HttpConnection::HttpConnection(ShardServices& services, runtime::Stream& stream,
                               const Arrival& arrival)
    : Connection(services, stream),
      port_(arrival.port),
      over_limit_(arrival.over_limit),
      queue_bytes_max_(stream.queue_bytes_max()),
      parser_(request_limits(services, arrival)),
      reads_forwarded_for_(arrival.source == AddressSource::ForwardedFor) {
  if (arrival.source == AddressSource::ProxyHeader) {
    proxy_header_ = std::make_unique<http::ProxyHeaderParser>();
  }
  if (over_limit_) ++services.refusals_under_way;
  if (port_ == Port::Internal) ++services.internal_connections;
  set_deadline(services_.shard.now() +
               (over_limit_ ? kOverLimitTimeMax : services_.options->request_time_max));
}

void HttpConnection::on_bytes(std::span<char> bytes) {
  if (must_wait()) {
    held_.append(bytes.data(), bytes.size());
    stream_.pause_reading();
    return;
  }
  if (proxy_header_) take_proxy_header(bytes);
  take(bytes);
}

void HttpConnection::take_proxy_header(std::span<char>& bytes) {
  const auto progress = proxy_header_->feed({bytes.data(), bytes.size()});
  bytes = bytes.subspan(progress.consumed);
  switch (progress.state) {
    case http::ProxyHeaderParser::State::NeedMore:
      return;
    case http::ProxyHeaderParser::State::Malformed:
      services_.stats.refused_malformed.add();
      return refuse({400, proxy_header_->reason()});
    case http::ProxyHeaderParser::State::Done:
      break;
  }
  const auto header = std::exchange(proxy_header_, nullptr);
  if (const auto& tls = services_.options->tls) {
    stream_.start_tls(tls, services_.shard.now(), {bytes.data(), bytes.size()});
    bytes = {};
  }
  // Without a client's address the proxy speaks for itself: a health check.
  if (const auto& source = header->source()) {
    stream_.set_peer({source->address, source->port});
    take_place();
  }
}

bool HttpConnection::take_place() {
  const core::IpAddress& client = stream_.peer().address;
  if (services_.options->trusted_proxies.contains(client)) return true;
  auto ticket = services_.admission.enter(client);
  if (ticket) {
    hold(*std::move(ticket));
    return true;
  }
  services_.stats.refused_address_limit.add();
  refuse(too_many_of_address(services_));
  return false;
}

void HttpConnection::take(std::span<char> bytes) {
  while (!bytes.empty() && stream_.open() && stream_.handler() == this) {
    if (must_wait()) {
      held_.assign(bytes.data(), bytes.size());
      stream_.pause_reading();
      return;
    }
    if (between_requests_) {
      between_requests_ = false;
      // One beyond the limit has a second in all: a byte buys no time.
      if (!over_limit_ || FAILPOINT("transport.over_limit_time")) {
        set_deadline(services_.shard.now() + services_.options->request_time_max);
      }
    }
    const auto progress = parser_.feed({bytes.data(), bytes.size()});
    bytes = bytes.subspan(progress.consumed);
    switch (progress.state) {
      case http::RequestParser::State::NeedMore:
        return;
      case http::RequestParser::State::HeadComplete:
        on_head_complete();
        break;
      case http::RequestParser::State::Complete:
        on_request(bytes);
        break;
      case http::RequestParser::State::Failed:
        services_.stats.refused_malformed.add();
        return refuse(parser_.error());
    }
  }
}

void HttpConnection::on_head_complete() {
  if (!admits_body()) {
    services_.stats.refused_malformed.add();
    head_only_ = parser_.head().method == "HEAD";
    return refuse({413, "body too large"});
  }
  if (parser_.head().expects_continue) {
    stream_.send(core::SegmentRef::copy_of(http::kContinueResponse));
  }
}

void HttpConnection::on_request(std::span<char> behind) {
  services_.stats.requests.add();
  const http::RequestHead& head = parser_.head();
  head_only_ = head.method == "HEAD";
  keep_alive_ = head.keep_alive;
  if (const Endpoint* endpoint = find_endpoint(head.path)) return serve(*endpoint, behind);
  set_deadline(core::kNever);
  const auto response = services_.http.respond(head, parser_.body(), port_, stream_.id());
  if (response) return respond(*response, keep_alive_);
  awaiting_answer_ = true;
}

void HttpConnection::on_hub_answer(std::uint32_t request, hub::Answer&& answer) {
  if (!awaiting_answer_) return;
  const auto response = services_.http.on_hub_answer(request, std::move(answer));
  if (response) go_on_with(*response);
}

void HttpConnection::on_response(std::string_view response) {
  if (awaiting_answer_) go_on_with(response);
}

void HttpConnection::on_closed(runtime::StreamEnd) {
  set_deadline(core::kNever);
  if (over_limit_) --services_.refusals_under_way;
  if (port_ == Port::Internal) --services_.internal_connections;
  if (awaiting_answer_) services_.http.forget(stream_.id());
}

void HttpConnection::go_on_with(std::string_view response) {
  awaiting_answer_ = false;
  respond(response, keep_alive_);
  if (!stream_.open()) return;
  std::string held = std::exchange(held_, {});
  take({held.data(), held.size()});
  if (held_.empty()) stream_.resume_reading();
}

void HttpConnection::respond(std::string_view response, bool keep_alive) {
  // A response may be larger than what may wait for a client of the protocol.
  stream_.set_queue_bytes_max(
      std::max(stream_.queue_bytes_max(),
               static_cast<std::uint32_t>(stream_.queued_bytes() + response.size())));
  // To HEAD a body would be the beginning of the next answer (RFC 9110 §9.3.2).
  stream_.send(core::SegmentRef::copy_of(head_only_ ? without_body(response) : response));
  if (!keep_alive) return stream_.finish();
  parser_.next_request();
  head_only_ = false;
  between_requests_ = true;
  set_deadline(services_.shard.now() + services_.options->keep_alive_max);
}

void HttpConnection::refuse(const http::RequestError& error) {
  services_.stats.requests_refused.add();
  set_deadline(core::kNever);
  const std::string refusal = http::make_refusal(error);
  stream_.send(core::SegmentRef::copy_of(head_only_ ? without_body(refusal) : refusal));
  stream_.finish();
}

bool HttpConnection::is_admitted(const http::RequestHead& head) {
  if (reads_forwarded_for_) {
    const auto client = http::client_address(services_.options->trusted_proxies,
                                             stream_.peer().address, head.headers);
    if (client != stream_.peer().address) stream_.set_peer({client, 0});
    if (!take_place()) return false;
  }
  // Last, so that who may not have a connection does not use up what others may.
  if (services_.admission.admit(services_.shard.now())) return true;
  services_.stats.refused_rate_limit.add();
  refuse({503, "too many new connections, try again later", services_.retry_after()});
  return false;
}

void HttpConnection::on_deadline() {
  if (FAILPOINT("http.request_time")) return;
  if (between_requests_ && !proxy_header_) return stream_.finish();
  // What he sent while we stood still is not read yet.
  if (services_.shard.catching_up()) return set_deadline(services_.shard.catching_up_until());
  services_.stats.refused_timeout.add();
  refuse({408, proxy_header_ ? "no PROXY header in time" : "request not complete in time"});
}

void HttpConnection::end_after_answer() {
  if (!awaiting_answer_) return stream_.finish();
  keep_alive_ = false;  // the answer is the last thing sent
}

void accept_connection(ShardServices& services, runtime::Stream& stream) {
  HttpConnection::Arrival arrival;
  arrival.source = source_of(services, stream);
  start_tls_at_once(services, stream, arrival);
  limits::Ticket ticket;
  if (arrival.source == HttpConnection::AddressSource::Peer) {
    auto place = services.admission.enter(stream.peer().address);
    if (!place) {
      services.stats.refused_address_limit.add();
      return refuse_at_once(services, stream, too_many_of_address(services));
    }
    ticket = *std::move(place);
  }
  auto connection = std::make_unique<HttpConnection>(services, stream, arrival);
  connection->hold(std::move(ticket));
  stream.set_handler(std::move(connection));
}

void accept_over_limit(ShardServices& services, runtime::Stream& stream) {
  if (services.refusals_under_way >= kRefusalsMax && !FAILPOINT("transport.refusals")) {
    services.stats.requests_refused.add();
    services.stats.refused_connection_limit.add();
    return stream.close();
  }
  HttpConnection::Arrival arrival;
  arrival.source = source_of(services, stream);
  arrival.over_limit = true;
  start_tls_at_once(services, stream, arrival);
  stream.set_handler(std::make_unique<HttpConnection>(services, stream, arrival));
}

void accept_internal(ShardServices& services, runtime::Stream& stream) {
  if (services.internal_connections >= kInternalConnectionsMax &&
      !FAILPOINT("transport.internal")) {
    return stream.close();
  }
  HttpConnection::Arrival arrival;
  arrival.port = Port::Internal;
  start_tls_at_once(services, stream, arrival);
  stream.set_handler(std::make_unique<HttpConnection>(services, stream, arrival));
}

}  // namespace sanjay::transport
