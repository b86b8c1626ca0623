// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::protocol {

// Base64 with padding (RFC 4648 section 4), in which JSON carries bytes that are no JSON.

/// Nothing if `text` is not exactly that: each sequence of bytes has one text.
std::optional<std::string> decode_base64(std::string_view text);

void append_base64(std::string& out, std::string_view bytes);

}  // namespace sanjay::protocol
