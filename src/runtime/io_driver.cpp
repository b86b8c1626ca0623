// SPDX-License-Identifier: Apache-2.0
#include "runtime/io_driver.h"

namespace sanjay::runtime {

std::string_view name_of(DriverKind kind) {
  switch (kind) {
    case DriverKind::Uring:
      return "io_uring";
    case DriverKind::Epoll:
      return "epoll";
    case DriverKind::Simulated:
      return "simulated";
  }
  return "unknown";
}

}  // namespace sanjay::runtime
