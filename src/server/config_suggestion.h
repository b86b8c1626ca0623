// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {

/// `; did you mean "…"?` with the known name nearest to `given`, or nothing if none is near. Costs
/// the product of all lengths.
std::string suggestion(std::string_view given, const std::vector<std::string>& known);

}  // namespace sanjay::server
