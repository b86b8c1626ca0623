// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "server/config_source.h"
#include "server/config_write.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::server {
namespace {

// What YAML takes for a key on one line has 1024 characters at most.
constexpr std::size_t kWrittenKeyMax = 120;

struct Extent {
  std::size_t values = 0;
  std::size_t bytes = 0;
  std::size_t longest_key = 0;
};

/// Counts what was read, no deeper than allowed.
void measure(const SourceValue& value, unsigned depth, Extent& extent) {
  ASSERT(depth <= kConfigDepthMax);
  ++extent.values;
  if (const auto* text = std::get_if<std::string>(&value.data)) extent.bytes += text->size();
  if (const auto* list = std::get_if<SourceValue::List>(&value.data)) {
    for (const SourceValue& item : *list) measure(item, depth + 1, extent);
  }
  if (const auto* table = std::get_if<SourceValue::Table>(&value.data)) {
    for (const auto& [key, inner] : *table) {
      extent.bytes += key.size();
      extent.longest_key = std::max(extent.longest_key, key.size());
      measure(inner, depth + 1, extent);
    }
  }
}

bool is_number(const SourceValue& value) {
  return std::holds_alternative<std::int64_t>(value.data) ||
         std::holds_alternative<double>(value.data);
}

double number_in(const SourceValue& value) {
  const auto* whole = std::get_if<std::int64_t>(&value.data);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value.data);
}

/// The same but for lines; 1.0 is written as 1.
bool is_same(const SourceValue& a, const SourceValue& b) {
  if (is_number(a) && is_number(b)) return number_in(a) == number_in(b);
  if (a.data.index() != b.data.index()) return false;
  if (const auto* list = std::get_if<SourceValue::List>(&a.data)) {
    return std::ranges::equal(*list, std::get<SourceValue::List>(b.data), is_same);
  }
  if (const auto* table = std::get_if<SourceValue::Table>(&a.data)) {
    return std::ranges::equal(*table, std::get<SourceValue::Table>(b.data),
                              [](const SourceEntry& x, const SourceEntry& y) {
                                return x.key == y.key && is_same(x.value, y.value);
                              });
  }
  if (const auto* text = std::get_if<std::string>(&a.data)) {
    return *text == std::get<std::string>(b.data);
  }
  if (const auto* flag = std::get_if<bool>(&a.data)) return *flag == std::get<bool>(b.data);
  return true;
}

/// Whatever the text, what is read of it is within the bounds; and a table that is written as JSON
/// or YAML is read again as the same.
void check(ConfigFormat format, std::string_view text) {
  const auto root = read_config_text(format, text);
  if (!root) {
    ASSERT(!root.error().message.empty());
    return;
  }
  Extent extent;
  measure(*root, 0, extent);
  ASSERT(extent.values <= kConfigValuesMax + 1);  // an empty table stands for no value at all
  ASSERT(extent.bytes <= kConfigBytesMax);
  const bool is_written = std::holds_alternative<SourceValue::Table>(root->data) &&
                          format != ConfigFormat::Toml && extent.longest_key <= kWrittenKeyMax;
  if (!is_written) return;
  for (const ConfigFormat other : {ConfigFormat::Json, ConfigFormat::Yaml}) {
    const auto again = read_config_text(other, write_config(other, *root));
    ASSERT(again.has_value() && is_same(*again, *root));
  }
}

}  // namespace

void fuzz_config_source(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto format : {ConfigFormat::Json, ConfigFormat::Yaml, ConfigFormat::Toml}) {
    check(format, text);
  }
}

}  // namespace sanjay::server

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sanjay::server::fuzz_config_source(data, size);
  return 0;
}
#endif
