// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sanjay::core {

/// A name and a value that a publisher gave a publication.
struct Tag {
  std::string_view key;
  std::string_view value;
};

}  // namespace sanjay::core
