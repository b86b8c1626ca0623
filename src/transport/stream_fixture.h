// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/chunked_decoder.h"
#include "protocol/json_string.h"
#include "transport/response_connection.h"
#include "transport/transport_fixture.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

// For tests only: clients whose connection is the response to an HTTP request.

namespace sanjay::transport {

inline constexpr std::string_view kConnect = R"({"id":1,"connect":{}})";

class StreamTest : public TransportTest {
 protected:
  StreamTest() {
    options_.http_stream.path = "/connection/http_stream";
    options_.sse.path = "/connection/sse";
    options_.emulation.path = "/emulation";
    options_.uni_http_stream.path = "/connection/uni_http_stream";
    options_.uni_sse.path = "/connection/uni_sse";
    options_.uni_websocket.path = "/connection/uni_websocket";
    options_.init_path = "/connection/init";
  }

  static std::string post(std::string_view path, std::string_view body,
                          std::string_view headers = {}, std::string_view version = "1.1") {
    return "POST " + std::string(path) + " HTTP/" + std::string(version) + "\r\nHost: x\r\n" +
           std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }
  static std::string get(std::string_view target, std::string_view headers = {},
                         std::string_view version = "1.1") {
    return "GET " + std::string(target) + " HTTP/" + std::string(version) + "\r\nHost: x\r\n" +
           std::string(headers) + "\r\n";
  }
  static std::string status_of(std::string_view response) {
    return std::string(response.substr(std::min<std::size_t>(9, response.size()), 3));
  }
  static std::string head_of(std::string_view response) {
    return std::string(response.substr(0, response.find("\r\n\r\n") + 4));
  }
  /// The data of chunks, as any HTTP client reads them; "+end" behind a last chunk.
  static std::string data_of(std::string_view chunks) {
    http::ChunkedDecoder decoder(SIZE_MAX, 0);
    std::string data;
    const auto progress = decoder.feed(chunks, data);
    EXPECT_NE(progress.state, http::ChunkedDecoder::State::Malformed) << chunks;
    EXPECT_EQ(progress.consumed, chunks.size()) << "nothing comes behind the body";
    if (progress.state == http::ChunkedDecoder::State::Complete) data += "+end";
    return data;
  }
  /// The request's answer, which must be a stream: what its body begins with.
  std::string open(Peer& peer, std::string_view request) {
    const std::string response = say(peer, request);
    EXPECT_EQ(status_of(response), "200") << response;
    head_ = head_of(response);
    return data_of(std::string_view(response).substr(head_.size()));
  }
  /// What has come of the stream since the last call.
  static std::string hear(Peer& peer) { return data_of(std::exchange(peer.from_shard, {})); }
  static std::string value_of(std::string_view json, std::string_view key) {
    const std::string begin = "\"" + std::string(key) + "\":\"";
    const std::size_t at = json.find(begin);
    if (at == json.npos) return {};
    const std::string_view rest = json.substr(at + begin.size());
    return std::string(rest.substr(0, rest.find('"')));
  }
  static std::string quoted(std::string_view text) {
    std::string out;
    protocol::append_json_string(out, text);
    return out;
  }
  static std::string emulation(std::string_view session, std::string_view commands,
                               std::string_view node = "node-1") {
    return R"({"session":)" + quoted(session) + R"(,"node":)" + quoted(node) + R"(,"data":)" +
           quoted(commands) + "}";
  }
  /// The status that these commands are taken with, sent on a connection of their own.
  std::string emulate(std::string_view session, std::string_view commands) {
    return status_of(say(driver_.add_peer(), post("/emulation", emulation(session, commands))));
  }
  /// An HTTP-stream client that has connected.
  struct Client {
    Peer& peer;
    std::string session;
  };
  Client open_stream_client() {
    Peer& peer = driver_.add_peer();
    const std::string reply = open(peer, post("/connection/http_stream", kConnect));
    return {peer, value_of(reply, "session")};
  }
  void publish(std::string_view channel, std::string_view data) {
    hub::Publication publication;
    publication.data = data;
    hub_->publish(channel, publication, {}, {});
    turns();
  }
  void shut_down_all() {
    shard_->streams().for_each(
        [](runtime::Stream& stream) { static_cast<Connection*>(stream.handler())->shut_down(); });
    turns();
  }
  /// A user's token that subscribes him to a channel is not needed: anyone may wish for one here.
  void allow_wishes() {
    session_options_.insecure = false;
    session_options_.allow_anonymous_connect_without_token = true;
    channels::NamespacesConfig names;
    names.without_namespace.allow_subscribe_for_client = true;
    names.without_namespace.allow_subscribe_for_anonymous = true;
    session_options_.namespaces = std::make_shared<const channels::Namespaces>(
        channels::Namespaces::create(std::move(names)).value());
  }

  std::string head_;  // of the last open()
};

}  // namespace sanjay::transport
