// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_requests.h"

#include "protocol/json_scanner.h"

#include <utility>

namespace sanjay::protocol {

ApiPayload make_payload(std::string bytes) {
  std::string scratch;
  const auto compact = compact_json(bytes, scratch);
  const bool is_json = compact && *compact == bytes;
  return {.bytes = std::move(bytes), .is_json = is_json};
}

}  // namespace sanjay::protocol
