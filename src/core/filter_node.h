// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace sanjay::core {

/// One test on a publication's tags, or a combination of tests, as a client writes it: nothing
/// here is checked. Owns its texts. Source: the Centrifuge client protocol's FilterNode.
struct FilterNode {
  std::string op;  // "" for a leaf, or "and", "or", "not"
  std::string key;
  std::string compare;
  std::string value;
  std::vector<std::string> values;
  std::vector<FilterNode> nodes;
};

}  // namespace sanjay::core
