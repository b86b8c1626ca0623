// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "server/config.h"
#include "server/config_schema.h"

#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace

void fuzz_config(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_file({"fuzz.toml", text});
  check_file({"fuzz.json", text});
  const EnvironmentVariable variables[] = {{"SANJAY_CLIENT_ALLOWED_ORIGINS", text},
                                           {"SANJAY_RUNTIME_PIN_CPUS", text},
                                           {"SANJAY_CLIENT_PING_INTERVAL", text}};
  static_cast<void>(load_config({{}, nullptr, variables, {}}));
}

}  // namespace sanjay::server

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sanjay::server::fuzz_config(data, size);
  return 0;
}
#endif
