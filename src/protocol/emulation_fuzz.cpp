// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/emulation.h"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// Whatever is read of a request is text where it must be, and no longer than what was sent; and
/// what no reading takes says why.
void fuzz_emulation(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto is_text = [](std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
  };
  std::string scratch;
  const auto json = decode_json_emulation(body, scratch);
  const auto protobuf = decode_protobuf_emulation(body);
  for (const auto* request : {&json, &protobuf}) {
    if (!*request) {
      ASSERT(!request->error().reason.empty());
      continue;
    }
    ASSERT(is_text((*request)->node) && is_text((*request)->session));
    ASSERT((*request)->node.size() + (*request)->session.size() + (*request)->data.size() <= size);
  }
  ASSERT(!json || (is_text(json->data) && is_text(body)));
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_emulation(data, size);
  return 0;
}
#endif
