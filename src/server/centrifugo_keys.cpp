// SPDX-License-Identifier: Apache-2.0
#include "server/centrifugo_keys.h"

#include "core/assert.h"
#include "server/duration_text.h"
#include "server/embedded_files.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace sanjay::server {
namespace {

/// Whether two values mean the same to somebody who reads them weakly, as Centrifugo does.
bool is_empty(const SourceValue& value) {
  if (value.is_null()) return true;
  if (const auto* text = std::get_if<std::string>(&value.data)) return text->empty();
  if (const auto* list = std::get_if<SourceValue::List>(&value.data)) return list->empty();
  if (const auto* table = std::get_if<SourceValue::Table>(&value.data)) return table->empty();
  return false;
}

std::optional<double> as_number(const SourceValue& value) {
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? 1 : 0;
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
    return static_cast<double>(*number);
  }
  if (const auto* real = std::get_if<double>(&value.data)) return *real;
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return std::nullopt;
  if (*text == "true" || *text == "false") return *text == "true" ? 1 : 0;
  if (const auto duration = parse_duration(*text)) return static_cast<double>(duration->count());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return static_cast<double>(number);
}

bool is_same(const SourceValue& a, const SourceValue& b) {
  if (is_empty(a) || is_empty(b)) return is_empty(a) && is_empty(b);
  if (const auto number = as_number(a)) return number == as_number(b);
  const auto* text = std::get_if<std::string>(&a.data);
  if (text != nullptr) {
    const auto* other = std::get_if<std::string>(&b.data);
    return other != nullptr && *text == *other;
  }
  const auto* list = std::get_if<SourceValue::List>(&a.data);
  const auto* other = std::get_if<SourceValue::List>(&b.data);
  return list != nullptr && other != nullptr && std::ranges::equal(*list, *other, is_same);
}

const SourceValue* find_in(const SourceValue& root, std::string_view path) {
  const SourceValue* place = &root;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    const auto* table = std::get_if<SourceValue::Table>(&place->data);
    if (table == nullptr) return nullptr;
    const auto found = std::ranges::find(*table, name, &SourceEntry::key);
    if (found == table->end()) return nullptr;
    place = &found->value;
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return place;
}

bool covers(std::string_view entry, std::string_view path) {
  return path.starts_with(entry) && (path.size() == entry.size() || path[entry.size()] == '.');
}

}  // namespace

const SourceValue& centrifugo_defaults() {
  static const SourceValue kDefaults = [] {
    const auto files = centrifugo_files();
    const auto file = std::ranges::find(files, "defaults.json", &EmbeddedFile::path);
    ASSERT(file != files.end());
    auto root = read_json(file->bytes);
    ASSERT(root.has_value());
    return *std::move(root);
  }();
  return kDefaults;
}

const SourceValue* find_centrifugo_default(std::string_view path) {
  return find_in(centrifugo_defaults(), path);
}

const CentrifugoKey* find_centrifugo_key(std::string_view path) {
  const CentrifugoKey* found = nullptr;
  for (const CentrifugoKey& key : centrifugo_keys()) {
    if (!covers(key.path, path)) continue;
    // Of PRO the sections are known, and not what is in them.
    if (key.group != KeyGroup::Pro && find_centrifugo_default(path) == nullptr) continue;
    if (found == nullptr || key.path.size() > found->path.size()) found = &key;
  }
  return found;
}

bool is_centrifugo_default(std::string_view path, const SourceValue& value) {
  const SourceValue* known = find_centrifugo_default(path);
  if (known == nullptr) return false;
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  if (table == nullptr || table->empty()) {
    const auto* section = std::get_if<SourceValue::Table>(&known->data);
    if (section != nullptr && !section->empty()) return is_empty(value);
    return is_same(value, *known);
  }
  return std::ranges::all_of(*table, [&](const SourceEntry& entry) {
    return is_centrifugo_default(std::string(path) + "." + entry.key, entry.value);
  });
}

}  // namespace sanjay::server
