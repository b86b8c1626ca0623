// SPDX-License-Identifier: Apache-2.0

// The endpoints of client transports: which requests become a client's connection, which carry the
// commands of one, and what web pages may ask for. Source: Centrifugo's endpoints of these names;
// CORS as the Fetch standard has it.

#include "core/failpoint.h"
#include "http/response.h"
#include "http/target.h"
#include "http/upgrade.h"
#include "protocol/emulation.h"
#include "transport/client_connection.h"
#include "transport/echo_connection.h"
#include "transport/http_connection.h"
#include "transport/stream_connection.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sanjay::transport {

using http::Header;

/// One kind of endpoint; there is a constant of each.
struct HttpConnection::Endpoint {
  enum class Kind : std::uint8_t { WebSocket, UniWebSocket, Echo, Stream, Emulation, Init };

  Kind kind;
  hub::Encoding encoding;
  std::string_view methods;  // of Stream, Emulation and Init; OPTIONS is one of each
  const std::string& (*path)(const TransportOptions&);
  std::size_t (*body_bytes_max)(const TransportOptions&);

  bool is_websocket() const {
    return kind == Kind::WebSocket || kind == Kind::UniWebSocket || kind == Kind::Echo;
  }
};

namespace {

using Options = TransportOptions;
using HttpEndpoint = TransportOptions::HttpEndpoint;

constexpr std::array<std::string_view, 2> kSubprotocols{"centrifuge-json", "centrifuge-protobuf"};
constexpr std::array<hub::Encoding, 2> kSubprotocolEncodings{hub::Encoding::JsonWebSocket,
                                                             hub::Encoding::ProtobufWebSocket};
constexpr std::string_view kConnectParameter = "cf_connect";
constexpr std::string_view kPost = "POST, OPTIONS";
constexpr std::string_view kGetAndPost = "GET, POST, OPTIONS";
constexpr std::string_view kGetOnly = "GET, OPTIONS";

template <HttpEndpoint Options::* kEndpoint>
const std::string& path_of(const Options& options) {
  return (options.*kEndpoint).path;
}
template <HttpEndpoint Options::* kEndpoint>
std::size_t body_of(const Options& options) {
  return (options.*kEndpoint).body_bytes_max;
}
std::size_t any_body(const Options& options) { return options.http.body_bytes_max; }

// The encoding that the query asks for. A sub-protocol that was agreed on decides before it.
core::Result<hub::Encoding, http::RequestError> encoding_of_query(const http::RequestHead& head) {
  for (const std::string_view key : {"cf_protocol", "format"}) {
    const auto wanted = http::query_parameter(head.query, key);
    if (!wanted || wanted->empty()) continue;
    if (*wanted == "json") return hub::Encoding::JsonWebSocket;
    if (*wanted == "protobuf") return hub::Encoding::ProtobufWebSocket;
    return std::unexpected(http::RequestError{400, "only JSON and Protobuf are spoken here"});
  }
  return hub::Encoding::JsonWebSocket;
}

bool asks_for_frame_pings(const http::RequestHead& head) {
  return http::query_parameter(head.query, "cf_ws_frame_ping_pong") == "true";
}

// What is agreed on about compression.
core::Result<std::optional<websocket::DeflateAnswer>, http::RequestError> agree_on_compression(
    const Compression& compression, const http::Headers& headers) {
  if (!compression.options().enabled) return std::nullopt;
  std::vector<std::string_view> offers;
  for (const http::Header& header : headers) {
    if (!http::equals_ignoring_case(header.name, "Sec-WebSocket-Extensions")) continue;
    offers.push_back(header.value);
  }
  const auto answer = websocket::answer_offers(offers, compression.policy());
  if (!answer) return std::unexpected(http::RequestError{400, "malformed extension"});
  return *answer;
}

bool is_protobuf(const http::RequestHead& head) {
  const std::string_view type = head.headers.find("Content-Type").value_or("");
  const std::string_view essence = http::trimmed(type.substr(0, type.find(';')));
  return http::equals_ignoring_case(essence, "application/octet-stream");
}

bool is_listed(std::string_view methods, std::string_view method) {
  while (const auto listed = http::take_list_element(methods)) {
    if (*listed == method) return true;
  }
  return false;
}

// What a peer has said and is to be said again must not become another header, or none.
bool may_be_repeated(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}
bool is_list_of_tokens(std::string_view text) {
  if (text.empty()) return false;
  while (const auto element = http::take_list_element(text)) {
    if (!http::is_token(*element)) return false;
  }
  return true;
}

/// What lets the page that asks read the answer. Its origin is an allowed one.
void add_cors(std::vector<Header>& headers, const http::RequestHead& head) {
  headers.push_back({"Vary", "Origin"});
  const auto origin = head.headers.find("Origin");
  if (!origin || !may_be_repeated(*origin)) return;
  headers.push_back({"Access-Control-Allow-Origin", *origin});
  headers.push_back({"Access-Control-Allow-Credentials", "true"});
}

/// The same for what is asked before it (preflight).
void add_preflight(std::vector<Header>& headers, const http::RequestHead& head,
                   std::string_view methods) {
  headers.push_back({"Access-Control-Max-Age", "300"});
  headers.push_back({"Access-Control-Allow-Methods", methods});
  const auto wanted = head.headers.find("Access-Control-Request-Headers");
  if (wanted && is_list_of_tokens(*wanted)) {
    headers.push_back({"Access-Control-Allow-Headers", *wanted});
  }
}

std::string stream_head(const http::RequestHead& head, hub::Encoding encoding) {
  const bool events = encoding == hub::Encoding::JsonSse || encoding == hub::Encoding::UniJsonSse;
  const bool binary = encoding == hub::Encoding::ProtobufStream;
  std::vector<Header> headers{
      {"Content-Type", events   ? "text/event-stream; charset=utf-8"
                       : binary ? "application/octet-stream"
                                : "text/plain; charset=utf-8"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Accel-Buffering", "no"},
      {"Cache-Control", "private, no-cache, no-store, must-revalidate, max-age=0"},
      {"Pragma", "no-cache"},
      {"Expire", "0"}};
  add_cors(headers, head);
  const bool chunked = head.version == 11;
  std::string out = http::make_stream_head(headers, chunked);
  if (events) out.append(chunked ? "2\r\n\r\n\r\n" : "\r\n");
  return out;
}

}  // namespace

const HttpConnection::Endpoint* HttpConnection::find_endpoint(std::string_view path) const {
  using Kind = Endpoint::Kind;
  using hub::Encoding;
  static constexpr Endpoint kEndpoints[] = {
      {Kind::WebSocket,
       Encoding::JsonWebSocket,
       {},
       [](const Options& o) -> const std::string& { return o.websocket_path; },
       any_body},
      {Kind::Echo,
       Encoding::JsonWebSocket,
       {},
       [](const Options& o) -> const std::string& { return o.echo_path; },
       any_body},
      {Kind::UniWebSocket,
       Encoding::UniJsonWebSocket,
       {},
       [](const Options& o) -> const std::string& { return o.uni_websocket.path; },
       any_body},
      {Kind::Stream, Encoding::JsonStream, kPost, path_of<&Options::http_stream>,
       body_of<&Options::http_stream>},
      {Kind::Stream, Encoding::JsonSse, kGetAndPost, path_of<&Options::sse>,
       body_of<&Options::sse>},
      {Kind::Stream, Encoding::UniJsonStream, kPost, path_of<&Options::uni_http_stream>,
       body_of<&Options::uni_http_stream>},
      {Kind::Stream, Encoding::UniJsonSse, kGetAndPost, path_of<&Options::uni_sse>,
       body_of<&Options::uni_sse>},
      {Kind::Emulation, Encoding::JsonStream, kPost, path_of<&Options::emulation>,
       body_of<&Options::emulation>},
      {Kind::Init, Encoding::JsonStream, kGetOnly,
       [](const Options& o) -> const std::string& { return o.init_path; }, any_body},
  };
  if (port_ == Port::Internal || path.empty()) return nullptr;
  const auto* found = std::ranges::find_if(kEndpoints, [&](const Endpoint& endpoint) {
    return endpoint.path(*services_.options) == path;
  });
  return found == std::end(kEndpoints) ? nullptr : found;
}

bool HttpConnection::admits_body() {
  const Endpoint* endpoint = find_endpoint(parser_.head().path);
  return endpoint == nullptr || parser_.limit_body(endpoint->body_bytes_max(*services_.options));
}

void HttpConnection::serve(const Endpoint& endpoint, std::span<char> behind) {
  const http::RequestHead& head = parser_.head();
  if (over_limit_ && endpoint.kind != Endpoint::Kind::Emulation) {
    services_.stats.refused_connection_limit.add();
    return refuse({503, "too many connections, try again later", services_.retry_after()});
  }
  if (!services_.options->origins.allows(head.headers.find("Origin")) &&
      !FAILPOINT("transport.origin")) {
    services_.stats.refused_origin.add();
    return refuse({403, "origin not allowed"});
  }
  if (endpoint.is_websocket()) return upgrade(endpoint, behind);
  if (!is_listed(endpoint.methods, head.method)) {
    services_.stats.refused_malformed.add();
    return refuse({405, "method not allowed", 0, endpoint.methods});
  }
  set_deadline(core::kNever);
  if (head.method == "OPTIONS") {
    std::vector<Header> headers;
    add_cors(headers, head);
    add_preflight(headers, head, endpoint.methods);
    return respond(http::make_response(204, headers, "", keep_alive_), keep_alive_);
  }
  switch (endpoint.kind) {
    case Endpoint::Kind::Emulation:
      return emulate();
    case Endpoint::Kind::Init:
      return answer(200, "{}");
    default:
      return begin_stream(endpoint, behind);
  }
}

void HttpConnection::answer(int status, std::string_view body) {
  std::vector<Header> headers{{"Cache-Control", "no-store"}};
  const std::string retry_after = std::to_string(services_.retry_after());
  if (!body.empty()) {
    headers.push_back({"Content-Type", body == "{}" ? "application/json" : "text/plain"});
  }
  if (status == 503) headers.push_back({"Retry-After", retry_after});
  add_cors(headers, parser_.head());
  respond(http::make_response(status, headers, body, keep_alive_), keep_alive_);
}

// Nothing says whether a session is known but to who knows its name: an answer about any other
// would help who guesses.
void HttpConnection::emulate() {
  std::string scratch;
  const auto request = is_protobuf(parser_.head())
                           ? protocol::decode_protobuf_emulation(parser_.body())
                           : protocol::decode_json_emulation(parser_.body(), scratch);
  if (!request || request->data.empty()) {
    services_.stats.refused_malformed.add();
    return answer(400, "not an emulation request\n");
  }
  if (request->node != services_.session.node) return answer(404, "no such node\n");
  const auto connection = services_.session.session_ids->find(request->session);
  if (!connection) {
    services_.stats.emulations_unknown.add();
    return answer(204, "");
  }
  switch (services_.carrier.carry(*connection, std::string(request->data))) {
    case CommandCarrier::Fate::Taken:
      services_.stats.emulations.add();
      return answer(204, "");
    case CommandCarrier::Fate::Unknown:
      services_.stats.emulations_unknown.add();
      return answer(204, "");
    case CommandCarrier::Fate::Busy:
      services_.stats.emulations_refused.add();
      return answer(503, "too many requests, try again later\n");
  }
}

core::Result<std::string, http::RequestError> HttpConnection::first_message(
    const Endpoint& endpoint) const {
  const http::RequestHead& head = parser_.head();
  const bool unidirectional = session::is_unidirectional(endpoint.encoding);
  std::string message(parser_.body());
  if (head.method == "GET") {
    message = http::query_parameter(head.query, kConnectParameter).value_or("");
    if (message.empty() && unidirectional) message = "{}";
    if (message.empty()) return std::unexpected(http::RequestError{400, "no connect command"});
  }
  if (!unidirectional) return message;
  services_.session.json->begin_connect(message);
  const auto connect = services_.session.json->next();
  if (!connect || !*connect) {
    return std::unexpected(http::RequestError{400, "not a connect request"});
  }
  return message;
}

void HttpConnection::begin_stream(const Endpoint& endpoint, std::span<char> behind) {
  const http::RequestHead& head = parser_.head();
  auto message = first_message(endpoint);
  if (!message) {
    services_.stats.refused_malformed.add();
    return refuse(message.error());
  }
  if (!is_admitted(head)) return;
  Beginning beginning{.as = Beginning::As::Stream, .message = *std::move(message)};
  beginning.form.encoding = endpoint.encoding;
  if (endpoint.encoding == hub::Encoding::JsonStream && is_protobuf(head)) {
    beginning.form.encoding = hub::Encoding::ProtobufStream;
  }
  beginning.form.always_held = head.version != 11;
  beginning.response = stream_head(head, beginning.form.encoding);
  begin(std::move(beginning), behind);
}

void HttpConnection::upgrade(const Endpoint& endpoint, std::span<char> behind) {
  if (!is_admitted(parser_.head())) return;
  auto prepared = prepare_upgrade(endpoint);
  if (!prepared) {
    services_.stats.refused_malformed.add();
    return refuse(prepared.error());
  }
  begin(*std::move(prepared), behind);
}

core::Result<HttpConnection::Beginning, http::RequestError> HttpConnection::prepare_upgrade(
    const Endpoint& endpoint) const {
  using Kind = Endpoint::Kind;
  const http::RequestHead& head = parser_.head();
  Beginning beginning;
  beginning.form.encoding = endpoint.encoding;
  std::span<const std::string_view> subprotocols;
  if (endpoint.kind == Kind::WebSocket) {
    SANJAY_TRY(beginning.form.encoding, encoding_of_query(head));
    beginning.form.transport_pings = asks_for_frame_pings(head);
    subprotocols = kSubprotocols;
  } else if (endpoint.kind == Kind::Echo) {
    beginning.as = Beginning::As::Echo;
  } else {
    beginning.form.transport_pings = true;
    if (http::query_parameter(head.query, kConnectParameter)) {
      SANJAY_TRY(beginning.message, first_message(endpoint));
    }
  }
  std::optional<websocket::DeflateAnswer> agreed;
  if (endpoint.kind != Kind::UniWebSocket) {
    SANJAY_TRY(agreed, agree_on_compression(services_.compression, head.headers));
  }
  const std::string_view extension = agreed ? agreed->extension : std::string_view();
  SANJAY_TRY(auto accepted, http::accept_upgrade(head, subprotocols, extension));
  if (accepted.subprotocol) {
    beginning.form.encoding = kSubprotocolEncodings[*accepted.subprotocol];
  }
  beginning.response = std::move(accepted.response);
  if (agreed) {
    beginning.compression = services_.compression.begin(agreed->terms);
    if (takes_shared_frames(agreed->terms)) {
      beginning.form.encoding = hub::deflated(beginning.form.encoding);
    }
  }
  return beginning;
}

void HttpConnection::begin(Beginning&& beginning, std::span<char> behind) {
  set_deadline(core::kNever);
  switch (services_.pace.ask(stream_.id(), services_.shard.now())) {
    case UpgradePace::Turn::Now:
      return become(std::move(beginning), behind);
    case UpgradePace::Turn::Later:
      waiting_beginning_ = std::make_unique<Beginning>(std::move(beginning));
      // It is read on, so that who gives up is noticed and takes nobody's turn.
      return;
    case UpgradePace::Turn::Never:
      services_.stats.refused_pace.add();
      refuse({503, "too many new connections, try again later", services_.retry_after()});
  }
}

void HttpConnection::on_resume() {
  auto beginning = std::exchange(waiting_beginning_, nullptr);
  if (!beginning || !stream_.open()) return;
  std::string held = std::exchange(held_, {});
  stream_.resume_reading();
  become(std::move(*beginning), {held.data(), held.size()});
}

void HttpConnection::become(Beginning&& beginning, std::span<char> behind) {
  stream_.set_queue_bytes_max(queue_bytes_max_);
  if (beginning.as == Beginning::As::Stream) {
    const bool chunked = !beginning.form.always_held;
    auto next = std::make_unique<StreamConnection>(services_, stream_, beginning.form, chunked);
    StreamConnection& client = *next;
    hand_over(std::move(next));
    return client.start(beginning.response, beginning.message, behind);
  }
  services_.stats.upgrades.add();
  stream_.send(core::SegmentRef::copy_of(beginning.response));
  if (beginning.as == Beginning::As::Echo) {
    auto next =
        std::make_unique<EchoConnection>(services_, stream_, std::move(beginning.compression));
    EchoConnection& echo = *next;
    hand_over(std::move(next));
    if (!behind.empty()) echo.start(behind);
    return;
  }
  auto next = std::make_unique<ClientConnection>(services_, stream_, beginning.form,
                                                 std::move(beginning.compression));
  ClientConnection& client = *next;
  hand_over(std::move(next));
  if (!beginning.message.empty()) client.connect(beginning.message);
  if (!behind.empty() && stream_.open()) client.start(behind);
}

void HttpConnection::hand_over(std::unique_ptr<Connection> next) {
  set_deadline(core::kNever);
  next->hold(std::move(ticket_));
  stream_.set_handler(std::move(next));
}

}  // namespace sanjay::transport
