// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace sanjay::session {

/// The protocol's client id: a random UUID (RFC 9562 §5.4) kept as its 16 bytes, since there is one
/// per connection and its text is needed rarely.
class ClientId {
 public:
  using Text = std::array<char, 36>;

  ClientId() = default;
  explicit ClientId(core::Random& random);

  Text text() const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

constexpr std::string_view view(const ClientId::Text& text) { return {text.data(), text.size()}; }

}  // namespace sanjay::session
