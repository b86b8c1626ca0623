// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sanjay::server {

/// A flag of `sanjay serve` that sets one key.
struct SettingFlag {
  std::string names;       // as CLI11 has them: "-p,--port,--http_server.port"
  std::string shown;       // in messages: "--port"
  std::string path;        // of a Setting, or of a key that only Centrifugo has
  std::string_view help;   // empty: not in the help
  bool is_switch = false;  // true or false: needs no value
};

/// Every setting that is no secret, by its path (--client.insecure) and by its short flag if it has
/// one; and what else Centrifugo 6 has as a flag. They live as long as the process.
std::span<const SettingFlag> setting_flags();

}  // namespace sanjay::server
