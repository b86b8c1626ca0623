// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sanjay::runtime {

/// What OpenSSL has to say of the failure of its last call, in one line; `otherwise` when it says
/// nothing. Empties the thread's error queue, so that no later call is blamed for it.
std::string take_openssl_error(std::string_view otherwise);

}  // namespace sanjay::runtime
