// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/api_json.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanjay::protocol {

/// Whatever decodes with data_is_json holds JSON on one line.
void fuzz_api_json(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto request = decode_api_publish(body);
  if (!request) {
    ASSERT(!request.error().message.empty());
    return;
  }
  if (!request->data_is_json || request->data.empty()) return;
  std::string scratch;
  const auto compact = compact_json(request->data, scratch);
  ASSERT(compact && *compact == request->data);
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_api_json(data, size);
  return 0;
}
#endif
