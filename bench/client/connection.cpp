// SPDX-License-Identifier: Apache-2.0
#include "bench/client/connection.h"

#include "bench/client/load.h"
#include "bench/client/wire.h"
#include "bench/client/worker.h"
#include "websocket/encoder.h"

#include <fmt/format.h>

namespace sanjay::bench {

runtime::Stream* Connection::stream() { return worker_.streams().find(stream_); }

void Connection::send(std::string_view payload) {
  send_frame(worker_.masked_frame(worker_.wire().opcode(), payload));
}

void Connection::send_frame(core::SegmentRef frame) {
  if (runtime::Stream* s = stream()) s->send(std::move(frame));
}

void Connection::pause_reading() {
  if (runtime::Stream* s = stream()) s->pause_reading();
}

void Connection::resume_reading() {
  if (runtime::Stream* s = stream()) s->resume_reading();
}

void Connection::on_connected() {
  state_ = State::Upgrading;
  upgrade_ = std::make_unique<http::UpgradeResponseReader>(kUpgradeKey, "");
  send_frame(worker_.upgrade_request());
}

void Connection::on_bytes(std::span<char> bytes) {
  if (state_ == State::Upgrading) return upgrade(bytes);
  decoder_.feed(bytes);
  while (state_ != State::Failed) {
    const websocket::Event event = decoder_.next();
    switch (event.type) {
      case websocket::Event::Type::NeedMore:
        return;
      case websocket::Event::Type::Message:
        on_message(event.payload);
        break;
      case websocket::Event::Type::Ping:
        send_frame(worker_.masked_frame(websocket::Opcode::Pong, event.payload));
        break;
      case websocket::Event::Type::Pong:
        break;
      case websocket::Event::Type::Close:
        return ended(
            fmt::format("the server closed with code {} \"{}\"", event.close_code, event.payload),
            event.close_code);
      case websocket::Event::Type::Violation:
        return fail(fmt::format("the server broke the WebSocket protocol: {}", event.payload));
    }
  }
}

void Connection::upgrade(std::span<char> bytes) {
  const auto [state, consumed] = upgrade_->feed({bytes.data(), bytes.size()});
  if (state == http::UpgradeResponseReader::State::NeedMore) return;
  if (state == http::UpgradeResponseReader::State::Failed) {
    return fail(fmt::format("the upgrade failed with HTTP status {}: {}", upgrade_->status(),
                            upgrade_->reason()));
  }
  upgrade_.reset();
  on_upgraded();
  if (consumed < bytes.size()) on_bytes(bytes.subspan(consumed));
}

void Connection::on_upgraded() {
  if (worker_.options().protocol == Protocol::WebSocket) return become_ready();
  state_ = State::Greeting;
  if (!worker_.wire().awaits_hello()) greet();
}

void Connection::greet() {
  std::string command;
  worker_.wire().write_connect(command, next_id(), worker_.options().token);
  send(command);
}

void Connection::on_message(std::string_view message) {
  if (worker_.options().protocol == Protocol::WebSocket) {
    return worker_.load().on_message(*this, message);
  }
  while (!message.empty() && state_ != State::Failed) {
    const Line line = worker_.wire().take(message);
    switch (line.kind) {
      case Line::Kind::Hello:
        if (state_ != State::Greeting || last_id_ != 0) return fail("a second hello");
        greet();
        break;
      case Line::Kind::Ping:
        if (answers_pings_) send(worker_.wire().pong());
        break;
      case Line::Kind::Push:
        worker_.load().on_message(*this, line.text);
        break;
      case Line::Kind::Reply:
        on_reply(line.text, line.id);
        break;
      case Line::Kind::ErrorReply:
        if (state_ == State::Ready && worker_.load().on_refused(*this, line.id)) break;
        [[fallthrough]];
      case Line::Kind::Unknown:
        return fail(fmt::format("the server answered {}", line.text.substr(0, 200)));
    }
  }
}

void Connection::on_reply(std::string_view text, std::uint32_t id) {
  if (state_ == State::Ready) return worker_.load().on_reply(*this, id);
  if (id != last_id_) return fail(fmt::format("a reply to command {} that was not sent", id));
  if (state_ == State::Greeting) {
    answers_pings_ = worker_.wire().wants_pong(text);
    const std::string channel = worker_.channel_of(index_);
    if (channel.empty()) return become_ready();
    state_ = State::Subscribing;
    std::string command;
    worker_.wire().write_subscribe(command, next_id(), channel);
    return send(command);
  }
  become_ready();
}

void Connection::become_ready() {
  state_ = State::Ready;
  worker_.on_ready(*this);
}

std::string_view Connection::state_name() const {
  switch (state_) {
    case State::Connecting:
      return "connecting";
    case State::Upgrading:
      return "upgrading";
    case State::Greeting:
      return "waiting for the connect reply";
    case State::Subscribing:
      return "waiting for the subscribe reply";
    case State::Ready:
    case State::Failed:
      break;
  }
  return "open";
}

void Connection::fail(std::string reason) {
  if (state_ == State::Failed) return;
  worker_.on_failure(fmt::format("connection {} ({}): {}", index_, state_name(), reason));
  stop();
}

void Connection::ended(std::string_view reason, std::uint16_t close_code) {
  if (state_ == State::Failed) return;
  const bool expected = state_ == State::Ready && worker_.load().on_ended(*this, close_code);
  if (!expected) return fail(std::string(reason));
  stop();
}

void Connection::cut() { stop(); }

void Connection::stop() {
  state_ = State::Failed;
  if (runtime::Stream* s = stream()) s->close();
}

void Connection::on_peer_finished() { ended("the server ended the connection without a Close"); }
void Connection::on_overflow() { fail("the server does not take what is sent to it"); }
void Connection::on_write_stalled() { fail("the server has stopped reading"); }

void Connection::on_closed(runtime::StreamEnd end) {
  switch (end) {
    case runtime::StreamEnd::ConnectFailed:
      fail("cannot connect (refused, timed out or unreachable)");
      break;
    case runtime::StreamEnd::PeerReset:
      ended("reset by the server");
      break;
    case runtime::StreamEnd::SendFailed:
      ended("sending failed");
      break;
    case runtime::StreamEnd::PeerFinished:
    case runtime::StreamEnd::Closed:
      ended("closed");
      break;
  }
  worker_.on_gone(*this);
}

}  // namespace sanjay::bench
