// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/json_scanner.h"
#include "protocol/json_string.h"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

namespace {

constexpr JsonOptions kRoomy{.depth_max = 512, .keys_max = 1'000'000};

std::string minified(std::string_view json) {
  std::string out(json.size() + simdjson::SIMDJSON_PADDING, '\0');
  std::size_t length = 0;
  const auto error = simdjson::minify(json.data(), json.size(), out.data(), length);
  ASSERT(error == simdjson::SUCCESS);
  out.resize(length);
  return out;
}

/// simdjson as the second opinion. It has no say where it is narrower: numbers it cannot represent,
/// escapes of lone surrogates, and its depth limit, which counts differently.
void compare_with_simdjson(std::string_view json, bool accepted) {
  simdjson::dom::parser parser;
  ASSERT(parser.allocate(json.size() + 1, kRoomy.depth_max) == simdjson::SUCCESS);
  const auto error = parser.parse(json.data(), json.size()).error();
  const bool narrower = error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR ||
                        error == simdjson::DEPTH_ERROR;
  if (error == simdjson::SUCCESS) ASSERT(accepted);
  if (accepted) ASSERT(error == simdjson::SUCCESS || narrower);
}

/// Any bytes at all become a string that is JSON, and UTF-8 text comes back unchanged.
void check_string_round_trip(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  std::string scratch;
  JsonScanner in(json, kRoomy, scratch);
  const std::string_view back = in.read_string();
  in.expect_end();
  ASSERT(!in.failed());
  if (simdjson::validate_utf8(text.data(), text.size())) ASSERT(back == text);
}

}  // namespace

void fuzz_json_scanner(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  check_string_round_trip(input);

  std::string scratch;
  const auto compact = compact_json(input, scratch, kRoomy);
  compare_with_simdjson(input, compact.has_value());
  if (!compact) return;

  ASSERT(compact->find_first_of("\r\n") == std::string_view::npos);
  ASSERT(minified(*compact) == minified(input));
  std::string second_scratch;
  const auto again = compact_json(*compact, second_scratch, kRoomy);
  ASSERT(again && *again == *compact);
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_json_scanner(data, size);
  return 0;
}
#endif
