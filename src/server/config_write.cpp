// SPDX-License-Identifier: Apache-2.0
#include "server/config_write.h"

#include "server/channel_settings.h"
#include "server/config_schema.h"
#include "server/duration_text.h"
#include "server/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

namespace sanjay::server {
namespace {

/// Line and paragraph separators, the byte order mark and what is no character.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOddCharacters{
    {{"\xe2\x80\xa8", "\\u2028"},
     {"\xe2\x80\xa9", "\\u2029"},
     {"\xef\xbb\xbf", "\\ufeff"},
     {"\xef\xbf\xbe", "\\ufffe"},
     {"\xef\xbf\xbf", "\\uffff"}}};

template <class T>
SourceData data_of(const T& value) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
    return value;
  } else if constexpr (std::same_as<T, core::Duration>) {
    return format_duration(value);
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(choice_names(value)[static_cast<std::size_t>(value)]);
  } else {
    return std::int64_t{value};
  }
}

SourceData data_of(const std::vector<channels::Namespace>& namespaces) {
  SourceValue::List list;
  for (const auto& [name, options] : namespaces) {
    SourceValue::Table table{{"name", {name, 0}}};
    channels::ChannelOptions copy = options;
    for (const ChannelSetting& setting : kChannelSettings) {
      table.push_back(
          {std::string(setting.name),
           {std::visit([](const auto* target) { return data_of(*target); }, setting.target(copy)),
            0}});
    }
    list.push_back({std::move(table), 0});
  }
  return list;
}

template <class Item>
SourceData data_of(const std::vector<Item>& items) {
  SourceValue::List list;
  for (const Item& item : items) list.push_back({data_of(item), 0});
  return list;
}

SourceData data_of(const Setting& setting, Config& config) {
  return std::visit([](const auto* target) { return data_of(*target); }, setting.target(config));
}

/// Puts the value where the path says, making tables on the way.
void put(SourceValue::Table& root, std::string_view path, SourceData data) {
  SourceValue::Table* table = &root;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    const std::string_view name = path.substr(0, dot);
    auto found = std::ranges::find(*table, name, &SourceEntry::key);
    if (found == table->end()) {
      found = table->insert(found, {std::string(name), {SourceValue::Table{}, 0}});
    }
    table = std::get_if<SourceValue::Table>(&found->value.data);
    path.remove_prefix(dot + 1);
  }
  table->push_back({std::string(path), {std::move(data), 0}});
}

const SourceValue::Table* table_in(const SourceValue& value) {
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  return table == nullptr || table->empty() ? nullptr : table;
}

const SourceValue::List* tables_in(const SourceValue& value) {
  const auto* list = std::get_if<SourceValue::List>(&value.data);
  if (list == nullptr || list->empty()) return nullptr;
  const bool are_tables =
      std::ranges::all_of(*list, [](const SourceValue& item) { return table_in(item) != nullptr; });
  return are_tables ? list : nullptr;
}

/// A string in double quotes: the same in all formats. What YAML takes for a line break, or for no
/// text at all, is escaped, though JSON would not ask for it.
std::string string_text(std::string_view text) {
  const std::string json = json_string(text);
  std::string result;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i);
    if (rest.size() > 1 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned char>(rest[1]));
      i += 1;
      continue;
    }
    const auto* odd = std::ranges::find_if(
        kOddCharacters, [&](const auto& known) { return rest.starts_with(known.first); });
    result += odd == kOddCharacters.end() ? rest.substr(0, 1) : odd->second;
    if (odd != kOddCharacters.end()) i += odd->first.size() - 1;
  }
  return result;
}

/// A name as it is, anything else in quotes: for YAML and TOML.
std::string key_text(const std::string& key) {
  constexpr std::string_view kBare = "abcdefghijklmnopqrstuvwxyz_0123456789";
  const bool is_bare = !key.empty() && key.find_first_not_of(kBare) == key.npos && key[0] >= '_';
  return is_bare ? key : string_text(key);
}

/// Everything that is no table, on one line: the same in all formats.
std::string inline_text(const SourceValue& value) {
  struct Write {
    std::string operator()(SourceValue::Other) const { return "null"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const { return string_text(text); }
    std::string operator()(const SourceValue::List& list) const {
      std::string text = "[";
      for (const SourceValue& item : list) {
        text.append(text.size() > 1 ? ", " : "").append(inline_text(item));
      }
      return text + "]";
    }
    std::string operator()(const SourceValue::Table& table) const {
      std::string text = "{";
      for (const SourceEntry& entry : table) {
        text += fmt::format("{}{}: {}", text.size() > 1 ? ", " : "", string_text(entry.key),
                            inline_text(entry.value));
      }
      return text + "}";
    }
  };
  return std::visit(Write{}, value.data);
}

void write_json(std::string& text, const SourceValue& value, std::size_t indent) {
  const auto* table = table_in(value);
  const auto* list = tables_in(value);
  if (table == nullptr && list == nullptr) {
    text += inline_text(value);
    return;
  }
  const std::string margin(indent + 2, ' ');
  text += table != nullptr ? "{\n" : "[\n";
  bool is_first = true;
  const auto begin = [&] {
    text.append(is_first ? "" : ",\n").append(margin);
    is_first = false;
  };
  for (std::size_t i = 0; table != nullptr && i < table->size(); ++i) {
    begin();
    text += string_text((*table)[i].key) + ": ";
    write_json(text, (*table)[i].value, indent + 2);
  }
  for (std::size_t i = 0; table == nullptr && i < list->size(); ++i) {
    begin();
    write_json(text, (*list)[i], indent + 2);
  }
  text.append("\n").append(indent, ' ').append(table != nullptr ? "}" : "]");
}

/// `first` stands where the margin of the first key would: "- " for what a list holds.
void write_yaml(std::string& text, const SourceValue::Table& table, std::size_t indent,
                std::string_view first) {
  std::string_view lead = first;
  for (const auto& [key, value] : table) {
    text.append(indent - lead.size(), ' ').append(lead).append(key_text(key)).append(":");
    lead = "";
    if (const auto* inner = table_in(value)) {
      text += '\n';
      write_yaml(text, *inner, indent + 2, "");
    } else if (const auto* list = tables_in(value)) {
      text += '\n';
      for (const SourceValue& item : *list) write_yaml(text, *table_in(item), indent + 4, "- ");
    } else {
      text.append(" ").append(inline_text(value)).append("\n");
    }
  }
}

void write_toml(std::string& text, const SourceValue::Table& table, const std::string& path) {
  for (const auto& [key, value] : table) {
    if (table_in(value) != nullptr || tables_in(value) != nullptr) continue;
    text += fmt::format("{} = {}\n", key_text(key), inline_text(value));
  }
  for (const auto& [key, value] : table) {
    const std::string name = (path.empty() ? "" : path + ".") + key_text(key);
    if (const auto* inner = table_in(value)) {
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", name);
      write_toml(text, *inner, name);
    } else if (const auto* list = tables_in(value)) {
      for (const SourceValue& item : *list) {
        text += fmt::format("\n[[{}]]\n", name);
        write_toml(text, *table_in(item), name);
      }
    }
  }
}

/// In double quotes, as a shell and a .env file read it.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '`' || c == '$') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string variable_text(const SourceValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return quoted(*text);
  if (std::holds_alternative<SourceValue::List>(value.data)) return quoted(inline_text(value));
  return inline_text(value);
}

}  // namespace

SourceValue config_tree(const Config& config) {
  Config copy = config;
  SourceValue::Table root;
  for (const Setting& setting : settings()) put(root, setting.path, data_of(setting, copy));
  return {std::move(root), 0};
}

std::string write_config(ConfigFormat format, const SourceValue& table) {
  std::string text;
  const auto* root = table_in(table);
  if (root == nullptr) return format == ConfigFormat::Json ? "{}\n" : "";
  switch (format) {
    case ConfigFormat::Json:
      write_json(text, table, 0);
      return text + "\n";
    case ConfigFormat::Yaml:
      write_yaml(text, *root, 0, "");
      break;
    case ConfigFormat::Toml:
      write_toml(text, *root, "");
      break;
  }
  return text;
}

std::string write_environment(const Config& config, Variables which) {
  Config copy = config;
  Config defaults;
  std::vector<std::string> lines;
  for (const Setting& setting : settings()) {
    const std::string text = variable_text({data_of(setting, copy), 0});
    if (which == Variables::ChangedOnly && text == variable_text({data_of(setting, defaults), 0})) {
      continue;
    }
    lines.push_back(fmt::format("{}={}\n", environment_name(setting.path), text));
  }
  std::ranges::sort(lines);
  return fmt::format("{}", fmt::join(lines, ""));
}

std::string write_markdown(std::string_view section) {
  std::string text;
  std::string_view last;
  Config defaults;
  for (const Setting& setting : settings()) {
    const std::string_view root = setting.path.substr(0, setting.path.find('.'));
    if (!section.empty() && root != section) continue;
    if (root != last) {
      text += fmt::format(
          "{}## `{}`\n\n| Key | Default | What it is | What it may be |\n"
          "|---|---|---|---|\n",
          text.empty() ? "" : "\n", root);
    }
    last = root;
    text += fmt::format("| `{}` | `{}` | {}{} | {} |\n", setting.path,
                        inline_text({data_of(setting, defaults), 0}), setting.help,
                        needs_restart(setting.path) ? "; not reloaded" : "", expectation(setting));
  }
  return text;
}

}  // namespace sanjay::server
