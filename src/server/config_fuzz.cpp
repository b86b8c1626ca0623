// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "server/config.h"
#include "server/config_schema.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {
namespace {

/// A file that is accepted must mean the same after it has been written and read again.
void check_file(const ConfigFile& file) {
  const auto config = load_config({{}, &file, {}, {}});
  if (!config) {
    ASSERT(!config.error().message.empty());
    return;
  }
  const ConfigFile written{"written.toml", write_toml(*config, TomlDetail::ValuesOnly)};
  const auto again = load_config({{}, &written, {}, {}});
  ASSERT(again.has_value());
  ASSERT(write_toml(*again, TomlDetail::ValuesOnly) == written.text);
}

/// The text as the value of every setting; lines NAME=VALUE as variables of their own.
void check_environment(std::string_view text) {
  Config scratch;
  for (const Setting& setting : settings()) {
    const auto refusal = assign_text(setting, text, scratch);
    ASSERT(!refusal || refusal->starts_with("expected "));
  }
  std::vector<EnvironmentVariable> variables;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t equals = line.find('=');
    if (equals != line.npos) variables.push_back({line.substr(0, equals), line.substr(equals + 1)});
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  const auto config = load_config({{}, nullptr, variables, {}});
  ASSERT(config || !config.error().message.empty());
}

}  // namespace

void fuzz_config(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_file({"fuzz.toml", text});
  check_file({"fuzz.json", text});
  check_file({"fuzz.yaml", text});
  check_environment(text);
}

}  // namespace sanjay::server

#ifdef SANJAY_FUZZ_MAIN
/// One source for an input, for speed; a corpus as a test sees them all.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  switch (size % 4) {
    case 0:
      sanjay::server::check_file({"fuzz.toml", text});
      break;
    case 1:
      sanjay::server::check_file({"fuzz.json", text});
      break;
    case 2:
      sanjay::server::check_file({"fuzz.yaml", text});
      break;
    default:
      sanjay::server::check_environment(text);
      break;
  }
  return 0;
}
#endif
