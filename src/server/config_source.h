// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::server {

struct SourceEntry;

/// A value as some source wrote it, before the schema has judged it: what JSON, YAML, TOML,
/// environment and flags have in common. `line` counts from 1; 0: the source has no lines.
struct SourceValue {
  struct Other {
    std::string_view kind;  // "null", "a date": nothing a setting can be
  };
  using List = std::vector<SourceValue>;
  using Table = std::vector<SourceEntry>;

  using Data = std::variant<Other, bool, std::int64_t, double, std::string, List, Table>;
  Data data;
  unsigned line = 0;

  bool is_null() const;
};
using SourceData = SourceValue::Data;

struct SourceEntry {
  std::string key;
  SourceValue value;
};

struct SyntaxError {
  unsigned line;  // 0: not known
  std::string message;
};

/// What bounds every reader, whatever the size of the text: levels below the root, values, and for
/// YAML, whose aliases multiply, bytes of keys and strings.
inline constexpr unsigned kConfigDepthMax = 16;
inline constexpr std::size_t kConfigValuesMax = 100'000;
inline constexpr std::size_t kConfigBytesMax = 4 << 20;

/// The entries stand in the order of their lines. A key given twice is an error, as everywhere.
core::Result<SourceValue, SyntaxError> read_toml(std::string_view text);

/// The root must be an object or an array. A key given twice in one object is an error.
core::Result<SourceValue, SyntaxError> read_json(std::string_view text);

/// One document of YAML as go-yaml v3 reads it (yaml_scalar.h), with anchors, aliases and merge
/// keys. Without any value: an empty table. Tags other than those of the core schema are errors.
core::Result<SourceValue, SyntaxError> read_yaml(std::string_view text);

enum class ConfigFormat : std::uint8_t { Json, Yaml, Toml };

/// By the end of the file's name: .json, .yaml or .yml, .toml; nothing for another.
std::optional<ConfigFormat> config_format_of(std::string_view file_name);
inline constexpr std::string_view kConfigFormats =
    "expected a file whose name ends in .json, .yaml, .yml or .toml";

core::Result<SourceValue, SyntaxError> read_config_text(ConfigFormat format, std::string_view text);

std::string repeated_key_message(std::string_view key, unsigned first_line, unsigned line);

}  // namespace sanjay::server
