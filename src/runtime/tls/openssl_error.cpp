// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/openssl_error.h"

#include <openssl/err.h>

namespace sanjay::runtime {

std::string take_openssl_error(std::string_view otherwise) {
  // What TLS makes of it says more than what went wrong below; without that the first is the cause.
  unsigned long code = 0;
  while (const unsigned long next = ERR_get_error()) {
    if (code == 0 || ERR_GET_LIB(next) == ERR_LIB_SSL) code = next;
  }
  if (code == 0) return std::string(otherwise);
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

}  // namespace sanjay::runtime
