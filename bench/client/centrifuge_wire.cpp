// SPDX-License-Identifier: Apache-2.0
#include "bench/client/centrifuge_wire.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace sanjay::bench {
namespace {

constexpr std::string_view kIdPrefix = "{\"id\":";
constexpr std::string_view kPushPrefix = "{\"push\":";
constexpr std::string_view kErrorMember = ",\"error\":";

Line classify(std::string_view text) {
  Line line{.text = text};
  if (text == "{}") {
    line.kind = Line::Kind::Ping;
  } else if (text.starts_with(kPushPrefix)) {
    line.kind = Line::Kind::Push;
  } else if (text.starts_with(kIdPrefix)) {
    const char* digits = text.data() + kIdPrefix.size();
    const auto [end, error] = std::from_chars(digits, text.data() + text.size(), line.id);
    if (error != std::errc()) return line;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    line.kind = text.starts_with(kErrorMember) ? Line::Kind::ErrorReply : Line::Kind::Reply;
  }
  return line;
}

}  // namespace

Line take_line(std::string_view& message) {
  const std::string_view text = message.substr(0, message.find('\n'));
  message.remove_prefix(std::min(text.size() + 1, message.size()));
  return classify(text);
}

bool wants_pong(std::string_view connect_reply) {
  return connect_reply.find("\"pong\":true") != std::string_view::npos;
}

std::string connect_command(std::uint32_t id, std::string_view token) {
  if (token.empty()) return fmt::format(R"({{"id":{},"connect":{{"name":"bench"}}}})", id);
  return fmt::format(R"({{"id":{},"connect":{{"token":"{}","name":"bench"}}}})", id, token);
}

std::string subscribe_command(std::uint32_t id, std::string_view channel) {
  return fmt::format(R"({{"id":{},"subscribe":{{"channel":"{}"}}}})", id, channel);
}

void write_publish(std::string& out, std::uint32_t id, std::string_view channel,
                   std::string_view data) {
  out.clear();
  fmt::format_to(std::back_inserter(out), R"({{"id":{},"publish":{{"channel":"{}","data":{}}}}})",
                 id, channel, data);
}

void write_rpc(std::string& out, std::uint32_t id, std::string_view method, std::string_view data) {
  out.clear();
  fmt::format_to(std::back_inserter(out), R"({{"id":{},"rpc":{{"method":"{}","data":{}}}}})", id,
                 method, data);
}

}  // namespace sanjay::bench
