// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::auth {

/// base64url without padding (RFC 4648 §5, RFC 7515 §2).
std::string base64url_encode(std::string_view bytes);

/// The bytes, or nothing unless `text` is the one encoding of them: padding, white space, the
/// characters of plain base64, impossible lengths and non-zero left-over bits are all refused, so
/// that two different tokens never carry the same signature.
std::optional<std::string> base64url_decode(std::string_view text);

/// The same for plain base64 with its padding (RFC 4648 §4).
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace sanjay::auth
