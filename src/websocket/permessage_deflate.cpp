// SPDX-License-Identifier: Apache-2.0
#include "websocket/permessage_deflate.h"

#include <algorithm>
#include <expected>
#include <utility>

namespace sanjay::websocket {
namespace {

constexpr std::string_view kExtension = "permessage-deflate";
constexpr std::string_view kServerNoContext = "server_no_context_takeover";
constexpr std::string_view kClientNoContext = "client_no_context_takeover";
constexpr std::string_view kServerWindowBits = "server_max_window_bits";
constexpr std::string_view kClientWindowBits = "client_max_window_bits";

bool is_space(char c) { return c == ' ' || c == '\t'; }

// RFC 9110 §5.6.2
bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != kOthers.npos;
}

/// Reads a header value from left to right (the grammar of RFC 6455 §9.1).
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) { skip_spaces(); }

  bool at_end() const { return rest_.empty(); }

  /// Takes `c` and the spaces behind it.
  bool take(char c) {
    if (!take_exactly(c)) return false;
    skip_spaces();
    return true;
  }
  bool take_exactly(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Empty: there is none.
  std::string_view take_token() {
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }

  /// A token, as it is or in quotes; empty: there is none.
  std::string take_value() {
    if (!take_exactly('"')) return std::string(take_token());
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      if (!is_token_char(c)) break;  // what is quoted must be a token all the same
      value += c;
    }
    return {};
  }

  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

 private:
  std::string_view rest_;
};

/// One offer of permessage-deflate (§7.1). A parameter that must not be there, or not so, makes it
/// unacceptable.
struct Offer {
  bool acceptable = true;
  bool server_no_context = false;
  bool client_no_context = false;
  std::optional<std::uint8_t> server_window_bits;
  bool names_client_window = false;
  std::uint8_t client_window_bits = kWindowBitsMax;

  void add(std::string_view name, const std::optional<std::string>& value) {
    acceptable = accepts(name, value) && acceptable;
  }

 private:
  bool accepts(std::string_view name, const std::optional<std::string>& value) {
    if (name == kServerNoContext) return !value && !std::exchange(server_no_context, true);
    if (name == kClientNoContext) return !value && !std::exchange(client_no_context, true);
    if (name == kServerWindowBits) {
      const auto bits = value ? window_bits(*value) : std::nullopt;
      const bool repeated = server_window_bits.has_value();
      server_window_bits = bits;
      return bits && !repeated;
    }
    if (name == kClientWindowBits) {
      const auto bits = value ? window_bits(*value) : kWindowBitsMax;
      client_window_bits = bits.value_or(kWindowBitsMax);
      return !std::exchange(names_client_window, true) && bits;
    }
    return false;
  }

  // 8 to 15, without leading zeros (§7.1.2.1).
  static std::optional<std::uint8_t> window_bits(std::string_view text) {
    constexpr std::string_view kNumbers[] = {"8", "9", "10", "11", "12", "13", "14", "15"};
    const auto* found = std::ranges::find(kNumbers, text);
    if (found == std::end(kNumbers)) return std::nullopt;
    return static_cast<std::uint8_t>(8 + (found - std::begin(kNumbers)));
  }
};

struct Extension {
  std::string_view name;
  Offer offer;  // what its parameters say, if it is permessage-deflate
};

// extension-token *( ";" extension-param ); nothing when it is malformed.
std::optional<Extension> take_extension(Cursor& cursor) {
  Extension extension;
  extension.name = cursor.take_token();
  if (extension.name.empty()) return std::nullopt;
  cursor.skip_spaces();
  while (cursor.take(';')) {
    const std::string_view name = cursor.take_token();
    if (name.empty()) return std::nullopt;
    std::optional<std::string> value;
    if (cursor.take_exactly('=')) {
      value = cursor.take_value();
      if (value->empty()) return std::nullopt;
    }
    cursor.skip_spaces();
    extension.offer.add(name, value);
  }
  return extension;
}

std::optional<DeflateAnswer> answer(const Offer& offer, const DeflatePolicy& policy) {
  const std::uint8_t server_bits_max = offer.server_window_bits.value_or(kWindowBitsMax);
  if (!offer.acceptable || server_bits_max < kWindowBitsMin) return std::nullopt;
  DeflateAnswer answer{{}, std::string(kExtension)};
  DeflateTerms& terms = answer.terms;
  terms.server_keeps_context = policy.context_takeover && !offer.server_no_context;
  terms.client_keeps_context =
      policy.context_takeover && !offer.client_no_context && offer.names_client_window;
  const auto bits_max = [&](bool kept) {
    return kept ? policy.takeover_window_bits : kWindowBitsMax;
  };
  const auto add_bits = [&](std::string_view name, std::uint8_t bits) {
    answer.extension.append("; ").append(name).append("=").append(std::to_string(bits));
  };
  terms.server_window_bits = std::min(server_bits_max, bits_max(terms.server_keeps_context));
  if (!terms.server_keeps_context) answer.extension.append("; ").append(kServerNoContext);
  if (!terms.client_keeps_context) answer.extension.append("; ").append(kClientNoContext);
  if (offer.server_window_bits) add_bits(kServerWindowBits, terms.server_window_bits);
  // Where no context is kept, any window will do: it is the shard's.
  if (terms.client_keeps_context) {
    terms.client_window_bits = std::min(offer.client_window_bits, policy.takeover_window_bits);
    add_bits(kClientWindowBits, terms.client_window_bits);
  }
  return answer;
}

}  // namespace

core::Result<std::optional<DeflateAnswer>> answer_offers(std::span<const std::string_view> values,
                                                         const DeflatePolicy& policy) {
  std::optional<DeflateAnswer> chosen;
  for (const std::string_view value : values) {
    Cursor cursor(value);
    while (!cursor.at_end()) {
      if (cursor.take(',')) continue;  // elements may be empty (RFC 9110 §5.6.1)
      const auto extension = take_extension(cursor);
      if (!extension || (!cursor.at_end() && !cursor.take(','))) {
        return core::failure("malformed Sec-WebSocket-Extensions");
      }
      if (!chosen && extension->name == kExtension) chosen = answer(extension->offer, policy);
    }
  }
  return chosen;
}

}  // namespace sanjay::websocket
