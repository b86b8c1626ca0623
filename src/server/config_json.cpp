// SPDX-License-Identifier: Apache-2.0
#include "server/config_source.h"

#include <simdjson.h>

#include <algorithm>
#include <map>

namespace sanjay::server {
namespace {

namespace ondemand = simdjson::ondemand;

/// Reads every value of the document, which makes simdjson's lazy parser check all of it, and
/// counts the lines on the way: keys and values come in the order of the text.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  core::Result<SourceValue, SyntaxError> read() {
    SourceValue root;
    ondemand::document document;
    simdjson::error_code error = parser_.iterate(text_).get(document);
    if (error == simdjson::SUCCESS) {
      ondemand::value value;
      error = document.get_value().get(value);
      if (error == simdjson::SUCCESS) error = read_value(value, 0, root);
      // After the root the reader must stand at the end; after an error it stands where that is.
      const char* place = nullptr;
      if (document.current_location().get(place) == simdjson::SUCCESS) {
        advance_to(place);
        if (error == simdjson::SUCCESS) error = simdjson::TAPE_ERROR;
      }
    } else {
      line_ = 0;  // found before the walk began: bad UTF-8, an open string, an empty file
    }
    if (repeated_key_) return std::unexpected(*std::move(repeated_key_));
    if (error != simdjson::SUCCESS) {
      return std::unexpected(
          SyntaxError{line_, std::string("not valid JSON: ") + simdjson::error_message(error)});
    }
    return root;
  }

 private:
  void advance_to(const char* place) {
    line_ += static_cast<unsigned>(std::count(counted_, std::max(counted_, place), '\n'));
    counted_ = std::max(counted_, place);
  }

  simdjson::error_code read_value(ondemand::value value, unsigned depth, SourceValue& out) {
    if (depth > kConfigDepthMax) return simdjson::DEPTH_ERROR;
    if (++values_ > kConfigValuesMax) return simdjson::CAPACITY;
    const char* place = nullptr;
    if (value.current_location().get(place) == simdjson::SUCCESS) advance_to(place);
    out.line = line_;
    ondemand::json_type type;
    if (const auto error = value.type().get(type)) return error;
    switch (type) {
      case ondemand::json_type::object:
        return read_object(value, depth, out.data.emplace<SourceValue::Table>());
      case ondemand::json_type::array:
        return read_array(value, depth, out.data.emplace<SourceValue::List>());
      case ondemand::json_type::string: {
        std::string_view text;
        if (const auto error = value.get_string().get(text)) return error;
        out.data = std::string(text);
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::number:
        return read_number(value, out);
      case ondemand::json_type::boolean:
        return value.get_bool().get(out.data.emplace<bool>());
      case ondemand::json_type::null: {
        out.data = SourceValue::Other{"null"};
        bool is_null = false;
        if (const auto error = value.is_null().get(is_null)) return error;
        return is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
      }
    }
    return simdjson::TAPE_ERROR;
  }

  simdjson::error_code read_object(ondemand::value& value, unsigned depth,
                                   SourceValue::Table& table) {
    std::map<std::string, unsigned, std::less<>> lines;
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return error;
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return error;
      SourceEntry entry{std::string(key), {}};
      if (const auto error = read_value(field.value(), depth + 1, entry.value)) return error;
      const unsigned line = entry.value.line;
      const auto [first, is_new] = lines.emplace(entry.key, line);
      if (!is_new && !repeated_key_) {
        repeated_key_ = {line, repeated_key_message(entry.key, first->second, line)};
      }
      table.push_back(std::move(entry));
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_array(ondemand::value& value, unsigned depth, SourceValue::List& list) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = std::move(item).get(element)) return error;
      if (const auto error = read_value(element, depth + 1, list.emplace_back())) return error;
    }
    return simdjson::SUCCESS;
  }

  static simdjson::error_code read_number(ondemand::value& value, SourceValue& out) {
    ondemand::number number;
    if (const auto error = value.get_number().get(number)) return error;
    if (number.is_int64()) {
      out.data = number.get_int64();
    } else {
      out.data = number.as_double();
    }
    return simdjson::SUCCESS;
  }

  simdjson::padded_string text_;
  ondemand::parser parser_;
  const char* counted_ = text_.data();
  unsigned line_ = 1;
  std::size_t values_ = 0;
  std::optional<SyntaxError> repeated_key_;
};

}  // namespace

core::Result<SourceValue, SyntaxError> read_json(std::string_view text) {
  return JsonReader(text).read();
}

}  // namespace sanjay::server
