// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace sanjay::core {

/// Data of the application that the server passes on.
struct Payload {
  std::string bytes;    // empty: none
  bool is_json = true;  // whether `bytes` are one JSON text (or none at all)

  bool empty() const { return bytes.empty(); }
};

}  // namespace sanjay::core
