// SPDX-License-Identifier: Apache-2.0
#include "core/failpoint.h"
#include "server/config_source.h"
#include "server/yaml_scalar.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace sanjay::server {
namespace {

// Tags that libyaml has already written out in full.
constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";
constexpr std::string_view kMergeKey = "<<";

std::string_view text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

/// How much a value is, copies of anchors included. Aliases multiply (the "billion laughs"), so
/// that the size of the text bounds nothing.
struct Size {
  std::size_t values = 1;
  std::size_t bytes = 0;
  unsigned depth = 0;  // levels below it
};

/// A pull reader of libyaml's events: never deeper than kConfigDepthMax, no more than
/// kConfigValuesMax values. The scanner looks ahead by no more than one line of 1024 characters.
class YamlReader {
 public:
  explicit YamlReader(std::string_view text) {
    is_ready_ = yaml_parser_initialize(&parser_) != 0;
    if (!is_ready_) return;
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~YamlReader() {
    if (is_ready_) yaml_parser_delete(&parser_);
  }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  core::Result<SourceValue, SyntaxError> read() {
    SourceValue root;
    if (!is_ready_) {
      fail(0, "no memory");
    } else {
      read_stream(root);
    }
    if (error_) return std::unexpected(*std::move(error_));
    return root;
  }

 private:
  struct EventDeleter {
    void operator()(yaml_event_t* event) const {
      yaml_event_delete(event);
      delete event;
    }
  };
  using Event = std::unique_ptr<yaml_event_t, EventDeleter>;

  struct Anchor {
    SourceValue value;
    Size size;
  };

  bool fail(std::size_t line, std::string message) {
    if (!error_) error_ = SyntaxError{static_cast<unsigned>(line), std::move(message)};
    return false;
  }

  /// Null: the text is no YAML, and that has been noted.
  Event next() {
    Event event(new yaml_event_t{});
    if (yaml_parser_parse(&parser_, event.get()) != 0) return event;
    std::string what = "not valid YAML: ";
    what += parser_.problem == nullptr ? "no memory" : parser_.problem;
    if (parser_.context != nullptr) what.append(", ").append(parser_.context);
    const bool is_reader = parser_.error == YAML_READER_ERROR;  // it knows a place in bytes only
    fail(is_reader ? 0 : parser_.problem_mark.line + 1, std::move(what));
    return nullptr;
  }

  void read_stream(SourceValue& root) {
    Event event = next();  // the stream's start
    if (event) event = next();
    if (!event) return;
    if (event->type == YAML_STREAM_END_EVENT) {  // nothing, or comments alone
      root = {SourceValue::Table{}, 1};
      return;
    }
    Size size;
    event = next();  // the document has begun
    if (!event || !read_value(*event, 0, root, size)) return;
    if (std::holds_alternative<SourceValue::Other>(root.data)) root.data = SourceValue::Table{};
    event = next();  // its end
    if (event) event = next();
    if (event && event->type != YAML_STREAM_END_EVENT) {
      fail(event->start_mark.line + 1, "expected one document, got another");
    }
  }

  bool count(const Size& size, std::size_t line) {
    values_ += size.values;
    bytes_ += size.bytes;
    if (values_ <= kConfigValuesMax && bytes_ <= kConfigBytesMax) return true;
    if (FAILPOINT("config.yaml_size")) return true;
    return fail(line, fmt::format("expected no more than {} values of {} bytes in all, copies of "
                                  "anchors included",
                                  kConfigValuesMax, kConfigBytesMax));
  }

  bool is_known_tag(std::string_view tag, std::size_t line) {
    if (tag.empty() || tag == "!" || tag.starts_with(kCoreTag)) return true;
    return fail(line, fmt::format("expected no tag, got {}", tag.substr(0, 64)));
  }

  /// The value that `event` begins, and how much it is.
  bool read_value(const yaml_event_t& event, unsigned depth, SourceValue& out, Size& size) {
    const std::size_t line = event.start_mark.line + 1;
    out.line = static_cast<unsigned>(line);
    if (depth > kConfigDepthMax && !FAILPOINT("config.yaml_depth")) {
      return fail(line, "nested too deeply");
    }
    if (event.type == YAML_ALIAS_EVENT) return read_alias(event, depth, out, size);
    std::string anchor;
    bool good = true;
    if (event.type == YAML_SCALAR_EVENT) {
      anchor = text_of(event.data.scalar.anchor);
      good = read_scalar(event, out, size) && count({1, size.bytes}, line);
    } else if (event.type == YAML_SEQUENCE_START_EVENT) {
      anchor = text_of(event.data.sequence_start.anchor);
      good = is_known_tag(text_of(event.data.sequence_start.tag), line) && count({1, 0}, line) &&
             read_list(depth, out.data.emplace<SourceValue::List>(), size);
    } else if (event.type == YAML_MAPPING_START_EVENT) {
      anchor = text_of(event.data.mapping_start.anchor);
      good = is_known_tag(text_of(event.data.mapping_start.tag), line) && count({1, 0}, line) &&
             read_table(depth, out.data.emplace<SourceValue::Table>(), size);
    } else {
      return fail(line, "not valid YAML: expected a value");
    }
    if (!good) return false;
    if (!anchor.empty()) anchors_.insert_or_assign(anchor, Anchor{out, size});
    return true;
  }

  bool read_scalar(const yaml_event_t& event, SourceValue& out, Size& size) {
    const auto& scalar = event.data.scalar;
    const std::string_view tag = text_of(scalar.tag);
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    if (!is_known_tag(tag, out.line)) return false;
    const bool is_string = scalar.style != YAML_PLAIN_SCALAR_STYLE || tag == "!" ||
                           tag == std::string(kCoreTag) + "str";
    size.bytes += text.size();
    out.data = is_string ? SourceData(std::string(text)) : resolve_yaml_scalar(text);
    return true;
  }

  bool read_alias(const yaml_event_t& event, unsigned depth, SourceValue& out, Size& size) {
    const std::string name(text_of(event.data.alias.anchor));
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      return fail(out.line, "no anchor &" + name + " before, or it is this value's own");
    }
    if (depth + found->second.size.depth > kConfigDepthMax) {
      return fail(out.line, "nested too deeply");
    }
    size = found->second.size;
    if (!count(size, out.line)) return false;
    out.data = found->second.value.data;
    return true;
  }

  static void add(Size& whole, const Size& part) {
    whole.values += part.values;
    whole.bytes += part.bytes;
    whole.depth = std::max(whole.depth, part.depth + 1);
  }

  bool read_list(unsigned depth, SourceValue::List& list, Size& size) {
    while (true) {
      const Event event = next();
      if (!event) return false;
      if (event->type == YAML_SEQUENCE_END_EVENT) return true;
      Size part;
      SourceValue item;
      if (!read_value(*event, depth + 1, item, part)) return false;
      list.push_back(std::move(item));
      add(size, part);
    }
  }

  bool read_table(unsigned depth, SourceValue::Table& table, Size& size) {
    std::vector<SourceValue> merged;
    std::map<std::string, unsigned, std::less<>> lines;
    while (true) {
      const Event event = next();
      if (!event) return false;
      if (event->type == YAML_MAPPING_END_EVENT) return merge(table, lines, merged);
      const auto line = static_cast<unsigned>(event->start_mark.line + 1);
      if (event->type != YAML_SCALAR_EVENT) return fail(line, "expected a key that is a string");
      const auto& scalar = event->data.scalar;
      const std::string key(reinterpret_cast<const char*>(scalar.value), scalar.length);
      const bool is_merge = key == kMergeKey && scalar.style == YAML_PLAIN_SCALAR_STYLE;
      if (!is_merge) {
        const auto [first, is_new] = lines.emplace(key, line);
        if (!is_new) return fail(line, repeated_key_message(key, first->second, line));
      }
      size.bytes += key.size();
      bytes_ += key.size();
      const Event begin = next();
      if (!begin) return false;
      Size part;
      SourceValue value;
      if (!read_value(*begin, depth + 1, value, part)) return false;
      add(size, part);
      if (is_merge) {
        merged.push_back(std::move(value));
      } else {
        table.push_back({key, std::move(value)});
      }
    }
  }

  /// `<<: *a` and `<<: [*a, *b]`: keys that are not there yet, the first to name one wins.
  bool merge(SourceValue::Table& table, std::map<std::string, unsigned, std::less<>>& lines,
             std::vector<SourceValue>& merged) {
    for (SourceValue& value : merged) {
      if (auto* list = std::get_if<SourceValue::List>(&value.data)) {
        std::vector<SourceValue> items = std::move(*list);
        for (const SourceValue& item : items) {
          if (std::holds_alternative<SourceValue::List>(item.data)) {
            return fail(item.line, "<<: expected tables");
          }
        }
        if (!merge(table, lines, items)) return false;
        continue;
      }
      auto* from = std::get_if<SourceValue::Table>(&value.data);
      if (from == nullptr) return fail(value.line, "<<: expected a table or a list of tables");
      for (SourceEntry& entry : *from) {
        if (lines.emplace(entry.key, entry.value.line).second) table.push_back(std::move(entry));
      }
    }
    return true;
  }

  yaml_parser_t parser_{};
  bool is_ready_ = false;
  std::optional<SyntaxError> error_;
  std::map<std::string, Anchor, std::less<>> anchors_;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

core::Result<SourceValue, SyntaxError> read_yaml(std::string_view text) {
  return YamlReader(text).read();
}

}  // namespace sanjay::server
