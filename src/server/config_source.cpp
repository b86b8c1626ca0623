// SPDX-License-Identifier: Apache-2.0
#include "server/config_source.h"

#include <fmt/format.h>

namespace sanjay::server {

bool SourceValue::is_null() const {
  const auto* other = std::get_if<Other>(&data);
  return other != nullptr && other->kind == "null";
}

std::optional<ConfigFormat> config_format_of(std::string_view file_name) {
  if (file_name.ends_with(".json")) return ConfigFormat::Json;
  if (file_name.ends_with(".yaml") || file_name.ends_with(".yml")) return ConfigFormat::Yaml;
  if (file_name.ends_with(".toml")) return ConfigFormat::Toml;
  return std::nullopt;
}

core::Result<SourceValue, SyntaxError> read_config_text(ConfigFormat format,
                                                        std::string_view text) {
  switch (format) {
    case ConfigFormat::Json:
      return read_json(text);
    case ConfigFormat::Yaml:
      return read_yaml(text);
    case ConfigFormat::Toml:
      break;
  }
  return read_toml(text);
}

std::string repeated_key_message(std::string_view key, unsigned first_line, unsigned line) {
  return fmt::format("the key \"{}\" is given twice, in line {} and in line {}", key.substr(0, 64),
                     first_line, line);
}

}  // namespace sanjay::server
