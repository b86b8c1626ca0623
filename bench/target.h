// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "runtime/endpoint.h"

#include <string>
#include <string_view>

namespace sanjay::bench {

/// Where the load goes: a WebSocket URL taken apart (RFC 6455 §3). Only "ws:" and only literal
/// addresses or "localhost", because a load generator must not measure a resolver or TLS.
struct Target {
  runtime::Endpoint endpoint;
  std::string host;  // for the Host header, with the port
  std::string path;  // with the query

  static core::Result<Target> parse(std::string_view url);
};

}  // namespace sanjay::bench
