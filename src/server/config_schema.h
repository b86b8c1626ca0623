// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"
#include "server/config_source.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::server {

/// Where a setting lives in a Config; the pointer's type is the setting's type.
using Target =
    std::variant<bool*, std::uint16_t*, std::uint32_t*, std::string*, core::Duration*, IoChoice*,
                 telemetry::Level*, channels::RecoveryMode*, channels::DataFormat*, api::ErrorMode*,
                 std::vector<std::string>*, std::vector<std::uint32_t>*,
                 std::vector<channels::DeltaType>*, std::vector<channels::Namespace>*>;

/// One key an operator can set. The table of these is the only list of keys there is: files,
/// environment, flags, messages, help and dumps are all read off it.
struct Setting {
  std::string_view path;  // section and name, joined by dots
  Target (*target)(Config&);
  std::string_view help;
  std::int64_t min = 0;  // of whole numbers, of numbers in a list, and of durations in nanoseconds
  std::int64_t max = 0;
  std::string_view flag = "";  // "--port", where `sanjay serve` has one
  bool is_secret = false;      // never printed, never a flag
};

/// All of them; those of one section stand together.
std::span<const Setting> settings();

/// Null when there is no such key.
const Setting* find_setting(std::string_view path);

/// Whether some key's path begins with `path` and a dot.
bool is_section(std::string_view path);

/// Whether a new value takes effect at the next start only; all others can be reloaded.
bool needs_restart(std::string_view path);

/// "http_server.port" → "SANJAY_HTTP_SERVER_PORT".
std::string environment_name(std::string_view path);

/// The names the choices go by, in the order of their enumerators.
std::span<const std::string_view> choice_names(IoChoice);
std::span<const std::string_view> choice_names(telemetry::Level);
std::span<const std::string_view> choice_names(channels::RecoveryMode);
std::span<const std::string_view> choice_names(channels::DataFormat);
std::span<const std::string_view> choice_names(channels::DeltaType);
std::span<const std::string_view> choice_names(api::ErrorMode);

/// What a value must be: "a whole number from 0 to 65535".
std::string expectation(const Setting& setting);

/// Sets the setting, or returns why not: `expected …, got …`. Secrets are not quoted.
std::optional<std::string> assign(const Setting& setting, const SourceValue& value, Config& config);

/// The same for text from the environment or a flag, where everything is text: lists are JSON
/// arrays or separated by commas, lists of tables are JSON arrays.
std::optional<std::string> assign_text(const Setting& setting, std::string_view text,
                                       Config& config);

enum class TomlDetail : std::uint8_t { ValuesOnly, Documented };

/// The whole configuration as a TOML file that load_config reads back, secrets replaced by
/// "<redacted>" unless they are empty. Documented: with every key's help, type and variable.
std::string write_toml(const Config& config, TomlDetail detail);

}  // namespace sanjay::server
