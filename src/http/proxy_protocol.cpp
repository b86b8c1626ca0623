// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_protocol.h"

#include "core/failpoint.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sanjay::http {
namespace {

using State = ProxyHeaderParser::State;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kBinaryHead = 16;  // signature, version and command, family, length

// Address families and transports of version 2, and how long their addresses are.
constexpr unsigned kUnspecified = 0x00;
constexpr unsigned kTcp4 = 0x11;
constexpr unsigned kTcp6 = 0x21;
constexpr unsigned kUnixStream = 0x31;

/// Bytes of addresses and ports that the family brings; nothing for one that cannot stand behind a
/// TCP connection (datagrams) or does not exist, which §2.2 wants refused.
std::optional<std::size_t> address_bytes(unsigned family) {
  switch (family) {
    case kUnspecified:
      return 0;
    case kTcp4:
      return 12;
    case kTcp6:
      return 36;
    case kUnixStream:
      return 216;
    default:
      return std::nullopt;
  }
}

unsigned octet(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// Takes the text before the next space, or the rest.
std::string_view take_field(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(field.size() + 1, line.size()));
  return field;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.starts_with('0')) return std::nullopt;
  return port;
}

}  // namespace

ProxyHeaderParser::Progress ProxyHeaderParser::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    header_.push_back(bytes[i]);
    const State state = step();
    if (state != State::NeedMore) return {state, i + 1};
  }
  return {State::NeedMore, bytes.size()};
}

ProxyHeaderParser::State ProxyHeaderParser::malformed(std::string_view reason) {
  reason_ = reason;
  return State::Malformed;
}

State ProxyHeaderParser::step() {
  const std::string_view start(header_.data(), std::min(header_.size(), kSignature.size()));
  if (kSignature.starts_with(start)) return step_binary();
  if (kLineStart.starts_with(start.substr(0, kLineStart.size()))) return step_line();
  return malformed("a PROXY header is required here");
}

State ProxyHeaderParser::step_line() {
  if (header_.ends_with("\r\n")) return parse_line();
  if (header_.size() >= kLineBytesMax && !FAILPOINT("http.proxy_line")) {
    return malformed("PROXY line too long");
  }
  return State::NeedMore;
}

State ProxyHeaderParser::parse_line() {
  std::string_view line(header_);
  line.remove_suffix(2);
  line.remove_prefix(std::min(kLineStart.size(), line.size()));
  const std::string_view protocol = take_field(line);
  if (protocol == "UNKNOWN") return State::Done;  // whatever follows is to be ignored
  if (protocol != "TCP4" && protocol != "TCP6") return malformed("PROXY line names no protocol");
  const std::string_view source = take_field(line);
  const std::string_view destination = take_field(line);
  const auto source_port = parse_port(take_field(line));
  const auto destination_port = parse_port(line);
  for (const std::string_view text : {source, destination}) {
    if (text.contains(':') != (protocol == "TCP6") || !core::IpAddress::parse(text)) {
      return malformed("PROXY line with a malformed address");
    }
  }
  if (!source_port || !destination_port) return malformed("PROXY line with a malformed port");
  source_ = Source{*core::IpAddress::parse(source), *source_port};
  return State::Done;
}

State ProxyHeaderParser::step_binary() {
  if (header_.size() < kBinaryHead) return State::NeedMore;
  if (header_.size() == kBinaryHead) {
    if (const State state = check_binary_head(); state != State::NeedMore) return state;
  }
  return header_.size() < binary_bytes_ ? State::NeedMore : parse_binary();
}

// Everything that decides how much is to come is looked at before any of it is waited for.
State ProxyHeaderParser::check_binary_head() {
  const unsigned version = octet(header_, 12) >> 4;
  const unsigned command = octet(header_, 12) & 0xf;
  if (version != 2) return malformed("PROXY header of an unknown version");
  if (command > 1) return malformed("PROXY header with an unknown command");
  binary_bytes_ = kBinaryHead + (octet(header_, 14) << 8 | octet(header_, 15));
  if (binary_bytes_ > kHeaderBytesMax && !FAILPOINT("http.proxy_length")) {
    return malformed("PROXY header too long");
  }
  if (command == 0) return State::NeedMore;  // LOCAL: the family is to be ignored
  const auto needed = address_bytes(octet(header_, 13));
  if (!needed) return malformed("PROXY header of a family that TCP does not carry");
  if (binary_bytes_ < kBinaryHead + *needed) {
    return malformed("PROXY header too short for its addresses");
  }
  return State::NeedMore;
}

// What stands behind the addresses (TLVs) is skipped: nothing here acts on it.
State ProxyHeaderParser::parse_binary() {
  const bool is_local = (octet(header_, 12) & 0xf) == 0;
  const unsigned family = octet(header_, 13);
  if (is_local || (family != kTcp4 && family != kTcp6)) return State::Done;
  Source source;
  std::size_t port_at = kBinaryHead + 8;
  if (family == kTcp4) {
    source.address.bytes[10] = source.address.bytes[11] = 0xff;
    std::copy_n(header_.begin() + kBinaryHead, 4, source.address.bytes.begin() + 12);
  } else {
    std::copy_n(header_.begin() + kBinaryHead, 16, source.address.bytes.begin());
    port_at = kBinaryHead + 32;
  }
  source.port =
      static_cast<std::uint16_t>(octet(header_, port_at) << 8 | octet(header_, port_at + 1));
  source_ = source;
  return State::Done;
}

}  // namespace sanjay::http
