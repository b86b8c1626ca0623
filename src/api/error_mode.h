// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sanjay::api {

/// Where the error of a call is told: in a response with status 200, or by the status itself.
enum class ErrorMode : std::uint8_t { Body, Transport };

}  // namespace sanjay::api
