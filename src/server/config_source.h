// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::server {

struct SourceEntry;

/// A value as some source wrote it, before the schema has judged it: what TOML, JSON, environment
/// and flags have in common. `line` counts from 1; 0: the source has no lines.
struct SourceValue {
  struct Other {
    std::string_view kind;  // "null", "a date": nothing a setting can be
  };
  using List = std::vector<SourceValue>;
  using Table = std::vector<SourceEntry>;

  std::variant<Other, bool, std::int64_t, double, std::string, List, Table> data;
  unsigned line = 0;
};

struct SourceEntry {
  std::string key;
  SourceValue value;
};

struct SyntaxError {
  unsigned line;  // 0: not known
  std::string message;
};

/// The entries stand in the order of their lines.
core::Result<SourceValue, SyntaxError> read_toml(std::string_view text);

/// The root must be an object or an array. A key given twice in one object is an error.
core::Result<SourceValue, SyntaxError> read_json(std::string_view text);

}  // namespace sanjay::server
