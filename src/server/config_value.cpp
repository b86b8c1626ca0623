// SPDX-License-Identifier: Apache-2.0
#include "server/channel_settings.h"
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

/// Of whole numbers, of numbers in a list, and of durations in nanoseconds.
struct Range {
  std::int64_t min;
  std::int64_t max;

  bool holds(std::int64_t number) const { return number >= min && number <= max; }
};

template <class T>
std::string expectation_of(const Range& range, const T*) {
  if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (WholeNumber<T>) {
    return fmt::format("a whole number from {} to {}", range.min, range.max);
  } else if constexpr (std::same_as<T, std::string>) {
    return "a string";
  } else if constexpr (std::same_as<T, core::Duration>) {
    return fmt::format("a duration from {} to {}, such as \"1m30s\"",
                       format_duration(core::Duration(range.min)),
                       format_duration(core::Duration(range.max)));
  } else if constexpr (Choice<T>) {
    const auto names = choice_names(T{});
    std::string text = "one of";
    for (std::size_t i = 0; i < names.size(); ++i) {
      text += fmt::format("{} \"{}\"", i == 0 ? "" : i + 1 < names.size() ? "," : " or", names[i]);
    }
    return text;
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    return "a list of strings";
  } else if constexpr (std::same_as<T, std::vector<channels::Namespace>>) {
    return "a list of tables, each with a name and options";
  } else {
    return fmt::format("a list of whole numbers from {} to {}", range.min, range.max);
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

/// Text from a source where everything is text, or in quotes where none were needed.
template <class T>
std::optional<T> parsed(std::string_view text) {
  if constexpr (std::same_as<T, bool>) {
    // What Go's ParseBool takes, which reads Centrifugo's.
    for (const char* name : {"true", "True", "TRUE", "t", "T", "1"}) {
      if (text == name) return true;
    }
    for (const char* name : {"false", "False", "FALSE", "f", "F", "0"}) {
      if (text == name) return false;
    }
    return std::nullopt;
  } else {
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  }
}

std::optional<bool> as_bool(const SourceValue& value) {
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value.data)) return parsed<bool>(*text);
  const auto* number = std::get_if<std::int64_t>(&value.data);
  if (number == nullptr || (*number != 0 && *number != 1)) return std::nullopt;
  return *number == 1;
}

std::optional<std::int64_t> as_whole_number(const SourceValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) return *number;
  if (const auto* text = std::get_if<std::string>(&value.data)) return parsed<std::int64_t>(*text);
  const auto* real = std::get_if<double>(&value.data);
  constexpr double kMax = 1LL << 53;  // up to where every whole number is a double
  if (real == nullptr || !(*real >= -kMax && *real <= kMax)) return std::nullopt;
  const auto number = static_cast<std::int64_t>(*real);
  if (static_cast<double>(number) != *real) return std::nullopt;
  return number;
}

/// Sets the target if the value is of its type, or of another that says the same as Centrifugo's
/// files may, and in its range. One per type; false: it is not.
bool set(const Range&, const SourceValue& value, bool& target) {
  const auto given = as_bool(value);
  if (given) target = *given;
  return given.has_value();
}

/// A number without quotes is a string too: people's keys and ids are, in YAML.
bool set(const Range&, const SourceValue& value, std::string& target) {
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
    target = std::to_string(*number);
    return true;
  }
  const auto* given = std::get_if<std::string>(&value.data);
  if (given != nullptr) target = *given;
  return given != nullptr;
}

template <WholeNumber T>
bool set(const Range& range, const SourceValue& value, T& target) {
  const auto given = as_whole_number(value);
  if (!given || !range.holds(*given)) return false;
  target = static_cast<T>(*given);
  return true;
}

bool set(const Range& range, const SourceValue& value, core::Duration& target) {
  std::optional<core::Duration> duration;
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    duration = parse_duration(*text);
  } else if (const auto* number = std::get_if<std::int64_t>(&value.data); number && *number == 0) {
    duration = core::Duration::zero();  // all other numbers lack a unit
  }
  if (!duration || !range.holds(duration->count())) return false;
  target = *duration;
  return true;
}

/// What Centrifugo's configurations say for a choice of ours.
std::string_view synonym(std::string_view text, channels::RecoveryMode) {
  return text.empty() ? "stream" : text;
}
std::string_view synonym(std::string_view text, telemetry::Level) {
  return text == "fatal" || text == "none" ? "error" : text;
}
template <Choice T>
std::string_view synonym(std::string_view text, T) {
  return text;
}

template <Choice T>
bool set(const Range&, const SourceValue& value, T& target) {
  const auto* given = std::get_if<std::string>(&value.data);
  if (given == nullptr) return false;
  std::string text = *given;
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto names = choice_names(T{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != synonym(text, T{})) continue;
    target = static_cast<T>(i);
    return true;
  }
  return false;
}

template <class Item>
bool set(const Range& range, const SourceValue& value, std::vector<Item>& target) {
  const auto* given = std::get_if<SourceValue::List>(&value.data);
  SourceValue::List alone;
  if (const auto* text = std::get_if<std::string>(&value.data);
      text != nullptr && std::same_as<Item, std::string>) {
    if (!text->empty()) alone.push_back(value);
    given = &alone;
  }
  if (given == nullptr) return false;
  std::vector<Item> items(given->size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!set(range, (*given)[i], items[i])) return false;
  }
  target = std::move(items);
  return true;
}

bool set(const Range&, const SourceValue& value, std::vector<channels::Namespace>& target) {
  return read_namespaces(value, target).faults.empty();
}

/// Sets what the rule's target points at, or returns why not.
std::optional<std::string> assign_to(const auto& rule, const auto& target, const SourceValue& value,
                                     bool is_secret) {
  const Range range{rule.min, rule.max};
  if (std::visit([&](auto* place) { return set(range, value, *place); }, target)) {
    return std::nullopt;
  }
  return fmt::format("expected {}, got {}",
                     std::visit([&](auto* place) { return expectation_of(range, place); }, target),
                     is_secret ? "something else" : shown(value));
}

/// set() reads texts; only lists are taken apart here.
template <class T>
SourceValue from_text(std::string_view text, const T*) {
  if constexpr (WholeNumber<T>) {
    if (const auto number = parsed<std::int64_t>(text)) return {*number, 0};
  }
  return {std::string(text), 0};
}

SourceValue from_text(std::string_view text, const std::vector<channels::Namespace>*) {
  if (text.empty()) return {SourceValue::List{}, 0};
  if (auto list = read_json(text)) return *std::move(list);
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

/// One block a namespace, with every option; stands for the key too.
std::string toml_of(const std::vector<channels::Namespace>& namespaces) {
  std::string text;
  for (const auto& [name, options] : namespaces) {
    text += fmt::format("\n[[{}]]\nname = {}\n", kNamespacesKey, json_string(name));
    channels::ChannelOptions copy = options;
    for (const ChannelSetting& setting : kChannelSettings) {
      const std::string value =
          std::visit([](const auto* target) { return toml_of(*target); }, setting.target(copy));
      text += fmt::format("{} = {}\n", setting.name, value);
    }
  }
  return text;
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
  const Range range{setting.min, setting.max};
  return std::visit([&](auto* target) { return expectation_of(range, target); },
                    setting.target(any));
}

std::optional<std::string> assign(const Setting& setting, const SourceValue& value,
                                  Config& config) {
  return assign_to(setting, setting.target(config), value, setting.is_secret);
}

std::optional<std::string> assign(const ChannelSetting& setting, const SourceValue& value,
                                  channels::ChannelOptions& options) {
  return assign_to(setting, setting.target(options), value, false);
}

std::optional<std::string> assign_text(const Setting& setting, std::string_view text,
                                       Config& config) {
  const SourceValue value = std::visit([&](const auto* target) { return from_text(text, target); },
                                       setting.target(config));
  return assign(setting, value, config);
}

std::optional<std::string> assign_text(const ChannelSetting& setting, std::string_view text,
                                       channels::ChannelOptions& options) {
  const SourceValue value = std::visit([&](const auto* target) { return from_text(text, target); },
                                       setting.target(options));
  return assign(setting, value, options);
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
    if (setting.path == kNamespacesKey) {
      // An empty list in brackets would forbid the blocks that may follow.
      const bool example = value.empty() && detail == TomlDetail::Documented;
      text += example ? commented(kExampleNamespace) : value;
      continue;
    }
    text += fmt::format("{} = {}\n", setting.path.substr(dot + 1), value);
  }
  return text;
}

}  // namespace sanjay::server
