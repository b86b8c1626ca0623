// SPDX-License-Identifier: Apache-2.0
#include "server/config_schema.h"
#include "server/duration_text.h"
#include "server/json_text.h"

#include <fmt/format.h>

#include <charconv>
#include <concepts>
#include <type_traits>

namespace sanjay::server {
namespace {

constexpr std::size_t kShownMax = 64;  // bytes of a value quoted in a message

template <class T>
concept WholeNumber = std::same_as<T, std::uint16_t> || std::same_as<T, std::uint32_t>;
template <class T>
concept Choice = std::is_enum_v<T>;

template <class T>
std::string expectation_of(const Setting& setting, const T*) {
  if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (WholeNumber<T>) {
    return fmt::format("a whole number from {} to {}", setting.min, setting.max);
  } else if constexpr (std::same_as<T, std::string>) {
    return "a string";
  } else if constexpr (std::same_as<T, core::Duration>) {
    return fmt::format("a duration from {} to {}, such as \"1m30s\"",
                       format_duration(core::Duration(setting.min)),
                       format_duration(core::Duration(setting.max)));
  } else if constexpr (Choice<T>) {
    const auto names = choice_names(T{});
    std::string text = "one of";
    for (std::size_t i = 0; i < names.size(); ++i) {
      text += fmt::format("{} \"{}\"", i == 0 ? "" : i + 1 < names.size() ? "," : " or", names[i]);
    }
    return text;
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    return "a list of strings";
  } else {
    return fmt::format("a list of whole numbers from {} to {}", setting.min, setting.max);
  }
}

/// A value as a message shows it; long strings are cut.
std::string shown(const SourceValue& value) {
  struct Show {
    std::string operator()(SourceValue::Other other) const { return std::string(other.kind); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const {
      return json_string(text.substr(0, kShownMax)) + (text.size() > kShownMax ? "…" : "");
    }
    std::string operator()(const SourceValue::List&) const { return "a list"; }
    std::string operator()(const SourceValue::Table&) const { return "a table"; }
  };
  return std::visit(Show{}, value.data);
}

std::string mismatch(const Setting& setting, const SourceValue& value) {
  return fmt::format("expected {}, got {}", expectation(setting),
                     setting.is_secret ? "something else" : shown(value));
}

bool is_in_range(const Setting& setting, std::int64_t number) {
  return number >= setting.min && number <= setting.max;
}

/// Sets the target if the value is of its type and in its range. One per type; false: it is not.
template <class T>
  requires std::same_as<T, bool> || std::same_as<T, std::string>
bool set(const Setting&, const SourceValue& value, T& target) {
  const auto* given = std::get_if<T>(&value.data);
  if (given != nullptr) target = *given;
  return given != nullptr;
}

template <WholeNumber T>
bool set(const Setting& setting, const SourceValue& value, T& target) {
  const auto* given = std::get_if<std::int64_t>(&value.data);
  if (given == nullptr || !is_in_range(setting, *given)) return false;
  target = static_cast<T>(*given);
  return true;
}

bool set(const Setting& setting, const SourceValue& value, core::Duration& target) {
  const auto* given = std::get_if<std::string>(&value.data);
  const auto duration = given == nullptr ? std::nullopt : parse_duration(*given);
  if (!duration || !is_in_range(setting, duration->count())) return false;
  target = *duration;
  return true;
}

template <Choice T>
bool set(const Setting&, const SourceValue& value, T& target) {
  const auto* given = std::get_if<std::string>(&value.data);
  const auto names = choice_names(T{});
  for (std::size_t i = 0; given != nullptr && i < names.size(); ++i) {
    if (names[i] != *given) continue;
    target = static_cast<T>(i);
    return true;
  }
  return false;
}

template <class Item>
bool set(const Setting& setting, const SourceValue& value, std::vector<Item>& target) {
  const auto* given = std::get_if<SourceValue::List>(&value.data);
  if (given == nullptr) return false;
  std::vector<Item> items(given->size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!set(setting, (*given)[i], items[i])) return false;
  }
  target = std::move(items);
  return true;
}

/// Text becomes a value of T where it can; else it stays text, and set() will say what is wrong.
template <class T>
SourceValue from_text(std::string_view text, const T*) {
  if constexpr (std::same_as<T, bool>) {
    if (text == "true" || text == "false") return {text == "true", 0};
  } else if constexpr (WholeNumber<T>) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return {number, 0};
  }
  return {std::string(text), 0};
}

template <class Item>
SourceValue from_text(std::string_view text, const std::vector<Item>*) {
  if (text.starts_with('[')) {
    if (auto list = read_json(text)) return *std::move(list);
    return {std::string(text), 0};
  }
  SourceValue::List list;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    list.push_back(from_text(item, static_cast<const Item*>(nullptr)));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
  }
  return {std::move(list), 0};
}

template <class T>
std::string toml_of(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (WholeNumber<T>) {
    return std::to_string(value);
  } else if constexpr (std::same_as<T, std::string>) {
    return json_string(value);
  } else if constexpr (std::same_as<T, core::Duration>) {
    return json_string(format_duration(value));
  } else {
    return json_string(choice_names(value)[static_cast<std::size_t>(value)]);
  }
}

template <class Item>
std::string toml_of(const std::vector<Item>& list) {
  std::string text = "[";
  for (const Item& item : list) text.append(text.size() > 1 ? ", " : "").append(toml_of(item));
  return text + "]";
}

}  // namespace

std::string expectation(const Setting& setting) {
  Config any;
  return std::visit([&](auto* target) { return expectation_of(setting, target); },
                    setting.target(any));
}

std::optional<std::string> assign(const Setting& setting, const SourceValue& value,
                                  Config& config) {
  if (std::visit([&](auto* target) { return set(setting, value, *target); },
                 setting.target(config))) {
    return std::nullopt;
  }
  return mismatch(setting, value);
}

std::optional<std::string> assign_text(const Setting& setting, std::string_view text,
                                       Config& config) {
  const SourceValue value = std::visit([&](const auto* target) { return from_text(text, target); },
                                       setting.target(config));
  return assign(setting, value, config);
}

std::string write_toml(const Config& config, TomlDetail detail) {
  Config copy = config;
  std::string text;
  std::string_view section;
  for (const Setting& setting : settings()) {
    const std::size_t dot = setting.path.rfind('.');
    if (setting.path.substr(0, dot) != section) {
      section = setting.path.substr(0, dot);
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    if (detail == TomlDetail::Documented) {
      text += fmt::format("\n# {}\n# {}; {}{}\n", setting.help, expectation(setting),
                          environment_name(setting.path),
                          needs_restart(setting.path) ? "; not reloaded" : "");
    }
    std::string value =
        std::visit([](const auto* target) { return toml_of(*target); }, setting.target(copy));
    if (setting.is_secret && value != "\"\"") value = "\"<redacted>\"";
    text += fmt::format("{} = {}\n", setting.path.substr(dot + 1), value);
  }
  return text;
}

}  // namespace sanjay::server
