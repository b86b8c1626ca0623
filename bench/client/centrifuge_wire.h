// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// As much of the Centrifuge client protocol's JSON form as a load generator needs: commands are
/// written whole, replies are told apart by their first bytes and not parsed, since a generator
/// that parses measures itself. Channels and tokens are the generator's own and need no escaping.
namespace sanjay::bench {

/// One line of a server's message. `text` is the line itself.
struct Line {
  enum class Kind : std::uint8_t { Ping, Reply, ErrorReply, Push, Unknown };
  Kind kind = Kind::Unknown;
  std::uint32_t id = 0;
  std::string_view text;
};

/// Takes the next line off a message (lines are joined by '\n').
Line take_line(std::string_view& message);

/// Whether a connect reply asks for an answer to each ping.
bool wants_pong(std::string_view connect_reply);

std::string connect_command(std::uint32_t id, std::string_view token);
std::string subscribe_command(std::uint32_t id, std::string_view channel);

/// Replaces `out` by a publish command; `data` is JSON.
void write_publish(std::string& out, std::uint32_t id, std::string_view channel,
                   std::string_view data);
/// Replaces `out` by an rpc command; `data` is JSON.
void write_rpc(std::string& out, std::uint32_t id, std::string_view method, std::string_view data);

inline constexpr std::string_view kPong = "{}";

}  // namespace sanjay::bench
