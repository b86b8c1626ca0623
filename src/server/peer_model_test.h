// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "protocol/json_decoder.h"
#include "protocol/transcoding_test.h"
#include "websocket/decoder.h"
#include "websocket/encoder.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::server {

/// For the fuzzer only: one peer as the protocol has it. Notes what he says, and asserts of
/// whatever the server sends him that it is well-formed and may come at that point: HTTP responses,
/// then WebSocket frames of replies in his encoding; publications of channels he is subscribed to
/// and no others; nothing after the end.
class PeerModel {
 public:
  /// He opens a WebSocket as his first word: from now on his subscriptions can be followed.
  void asks_for_upgrade() {
    if (std::exchange(spoken_, true)) lose_track();
  }
  /// The same, and that he speaks Protobuf from then on. False: he has said something before.
  bool asks_for_protobuf() {
    if (spoken_) return false;
    spoken_ = protobuf_ = true;
    return true;
  }
  /// A whole message, written in JSON. Returns the bytes to send.
  std::string says(std::string_view message) {
    if (!spoken_) lose_track();
    spoken_ = true;
    if (!protobuf_) {
      note_commands(message);
      return masked(websocket::Opcode::Text, message);
    }
    const auto binary = protocol::to_protobuf(message);
    if (binary) {
      note_commands(message);
    } else {
      lose_track();  // who knows what it means in Protobuf
    }
    return masked(websocket::Opcode::Binary, binary ? *binary : message);
  }
  static std::string masked(websocket::Opcode opcode, std::string_view payload) {
    std::string out;
    websocket::append_masked_frame(out, opcode, payload, 0x12345678);
    return out;
  }
  /// Any bytes: he may have said anything with them.
  void says_raw(std::string_view bytes) {
    spoken_ = true;
    lose_track();
    raw_.append(bytes);
    said_head_ = said_head_ || raw_.find("HEAD") != raw_.npos;
  }
  /// A request that is not HEAD.
  void says_request() {
    spoken_ = true;
    lose_track();
  }

  void hears(std::string_view bytes) {
    if (bytes.empty()) return;
    ASSERT(!over_);
    received_.append(bytes);
    while (!websocket_ && !received_.empty() && take_response()) {
    }
    if (websocket_) take_frames();
  }

  bool is_websocket() const { return websocket_; }
  bool is_closed() const { return websocket_ && over_; }
  std::uint16_t close_code() const { return close_code_; }
  /// Pings that were not answered yet.
  unsigned take_pings() { return std::exchange(pings_, 0U); }
  const std::set<std::string>& channels() const { return channels_; }

  /// The server has sent FIN: all that went before was complete, as far as it can be told.
  void hears_end() const { ASSERT(websocket_ || loose_ || received_.empty()); }

  /// Publications that came, in order: "channel data".
  std::vector<std::string> publications;
  /// Replies to publishes, in order: the command, and whether it was done.
  std::vector<std::pair<std::uint64_t, bool>> publish_replies;

 private:
  struct Asked {
    std::uint32_t id;
    bool subscribe;
    std::string channel;
  };

  void lose_track() { tracked_ = false; }

  void note_commands(std::string_view message) {
    decoder_.begin(message);
    while (auto command = decoder_.next()) {
      if (!*command) return;
      const std::uint32_t id = (*command)->id;
      if (const auto* sub = std::get_if<protocol::SubscribeRequest>(&(*command)->request)) {
        asked_.push_back({id, true, std::string(sub->channel)});
      } else if (const auto* unsub =
                     std::get_if<protocol::UnsubscribeRequest>(&(*command)->request)) {
        asked_.push_back({id, false, std::string(unsub->channel)});
      }
    }
  }

  /// One HTTP response off the front of what was received. False: not all of it is there.
  bool take_response() {
    if (loose_) return false;
    const std::size_t head_bytes = received_.find("\r\n\r\n");
    if (head_bytes == std::string::npos) return false;
    const std::string_view head = std::string_view(received_).substr(0, head_bytes + 2);
    int status = 0;
    ASSERT(head.starts_with("HTTP/1.1 "));
    ASSERT(std::from_chars(head.data() + 9, head.data() + 12, status).ec == std::errc());
    ASSERT(status >= 100 && status < 600);
    if (status < 200) {
      websocket_ = status == 101;
      ASSERT(websocket_ || status == 100);
      received_.erase(0, head_bytes + 4);
      return true;
    }
    if (said_head_) {  // a response to HEAD cannot be told from one that has a body
      loose_ = true;
      return false;
    }
    const std::size_t length = content_length(head);
    if (received_.size() < head_bytes + 4 + length) return false;
    over_ = head.find("\r\nConnection: close\r\n") != head.npos;
    received_.erase(0, head_bytes + 4 + length);
    ASSERT(!over_ || received_.empty());
    return true;
  }

  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const std::size_t at = head.find(kName);
    ASSERT(at != head.npos && head.find(kName, at + 1) == head.npos);
    std::size_t length = 0;
    const char* const from = head.data() + at + kName.size();
    ASSERT(std::from_chars(from, head.data() + head.size(), length).ec == std::errc());
    return length;
  }

  void take_frames() {
    using Type = websocket::Event::Type;
    std::string bytes = std::exchange(received_, {});
    frames_.feed(bytes);
    for (auto event = frames_.next(); event.type != Type::NeedMore; event = frames_.next()) {
      ASSERT(event.type != Type::Violation && !over_);
      if (event.type == Type::Close) {
        over_ = true;
        close_code_ = event.close_code;
        ASSERT(frames_.take_unread().empty());
        return;
      }
      if (event.type != Type::Message) continue;
      ASSERT(event.opcode == (protobuf_ ? websocket::Opcode::Binary : websocket::Opcode::Text));
      const std::string json =
          protobuf_ ? protocol::to_json(event.payload) : std::string(event.payload);
      for (std::string_view rest = json;;) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        take_reply(rest.substr(0, end));
        if (end == rest.size()) break;
        rest.remove_prefix(end + 1);
      }
    }
  }

  void take_reply(std::string_view line) {
    if (line == "{}") {
      ++pings_;
      return;
    }
    simdjson::dom::element reply;
    const simdjson::padded_string padded(line);
    ASSERT(parser_.parse(padded).get(reply) == simdjson::SUCCESS);
    simdjson::dom::object push;
    if (reply["push"].get(push) == simdjson::SUCCESS) return take_push(push);
    std::uint64_t id = 0;
    ASSERT(reply["id"].get(id) == simdjson::SUCCESS && id != 0);
    simdjson::dom::object subs;
    if (reply["connect"]["subs"].get(subs) == simdjson::SUCCESS) {
      for (const auto& sub : subs) channels_.insert(std::string(sub.key));
    }
    const bool error = reply["error"].error() == simdjson::SUCCESS;
    const bool subscribed = reply["subscribe"].error() == simdjson::SUCCESS;
    const bool unsubscribed = reply["unsubscribe"].error() == simdjson::SUCCESS;
    const bool published = reply["publish"].error() == simdjson::SUCCESS;
    if (published || error) publish_replies.emplace_back(id, published);
    if (!subscribed && !unsubscribed && !error) return;
    const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& asked) {
      return asked.id == id && (error || asked.subscribe == subscribed);
    });
    if (found == asked_.end()) {
      ASSERT(!tracked_ || error);
      return;
    }
    if (subscribed) channels_.insert(found->channel);
    if (unsubscribed) channels_.erase(found->channel);
    asked_.erase(found);
  }

  void take_push(simdjson::dom::object push) {
    std::string_view channel;
    // A new lifetime is the connection's; the Protobuf schema of the tests does not know it.
    if (push.size() == 0 || push["refresh"].error() == simdjson::SUCCESS) return;
    ASSERT(push["channel"].get(channel) == simdjson::SUCCESS);
    if (push["subscribe"].error() == simdjson::SUCCESS) {
      ASSERT(channels_.insert(std::string(channel)).second || !tracked_);
      return;
    }
    if (push["join"].error() == simdjson::SUCCESS || push["leave"].error() == simdjson::SUCCESS) {
      ASSERT(!tracked_ || channels_.contains(std::string(channel)));
      return;
    }
    if (push["unsubscribe"].error() == simdjson::SUCCESS) {
      ASSERT(!tracked_ || channels_.erase(std::string(channel)) == 1);
      return;
    }
    simdjson::dom::element data;
    ASSERT(push["pub"]["data"].get(data) == simdjson::SUCCESS);
    ASSERT(!tracked_ || channels_.contains(std::string(channel)));
    publications.push_back(std::string(channel) + ' ' + simdjson::minify(data));
  }

  static constexpr websocket::Limits kFrames{1 << 20, 1};
  websocket::Decoder frames_{websocket::Role::Client, kFrames};
  protocol::JsonDecoder decoder_;
  simdjson::dom::parser parser_;
  std::string raw_;  // what he said in bytes of his own
  std::string received_;
  std::vector<Asked> asked_;  // subscribes and unsubscribes not yet answered
  std::set<std::string> channels_;
  unsigned pings_ = 0;
  std::uint16_t close_code_ = 0;
  bool spoken_ = false;
  bool protobuf_ = false;
  bool tracked_ = true;
  bool said_head_ = false;
  bool loose_ = false;
  bool websocket_ = false;
  bool over_ = false;  // nothing may follow
};

}  // namespace sanjay::server
