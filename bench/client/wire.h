// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "websocket/frame.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::bench {

/// One packet, reply or push of a server's message. `text` is the thing itself, without what
/// delimits it.
struct Line {
  enum class Kind : std::uint8_t { Hello, Ping, Reply, ErrorReply, Push, Unknown };
  Kind kind = Kind::Unknown;
  std::uint32_t id = 0;
  std::string_view text;
};

/// As much of a protocol inside WebSocket as a load generator needs: commands are written whole,
/// replies are told apart by their first bytes and not parsed, since a generator that parses
/// measures itself. Channels, methods and tokens are the generator's own and need no escaping.
class Wire {
 public:
  virtual ~Wire() = default;

  /// Takes the next packet, reply or push off a message.
  virtual Line take(std::string_view& message) const = 0;
  /// Whether the server speaks first: then connect is the answer to its Hello.
  virtual bool awaits_hello() const = 0;
  /// Whether a connect reply asks for an answer to each ping.
  virtual bool wants_pong(std::string_view connect_reply) const = 0;

  // Each replaces `out` by a command; `data` is JSON. Without channels (has_channels()) there is
  // neither subscribe nor rpc, and the channel of a publish is nothing.
  virtual void write_connect(std::string& out, std::uint32_t id, std::string_view token) const = 0;
  virtual void write_subscribe(std::string& out, std::uint32_t id,
                               std::string_view channel) const = 0;
  virtual void write_publish(std::string& out, std::uint32_t id, std::string_view channel,
                             std::string_view data) const = 0;
  virtual void write_rpc(std::string& out, std::uint32_t id, std::string_view method,
                         std::string_view data) const = 0;

  virtual std::string_view pong() const = 0;
  virtual websocket::Opcode opcode() const = 0;
  /// To be added to the target's path, which must have no query then; empty: nothing.
  virtual std::string_view query() const = 0;
};

/// For Protocol::WebSocket, which has none of this, JSON's.
const Wire& wire_of(Protocol protocol);

}  // namespace sanjay::bench
