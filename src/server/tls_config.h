// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/tls/tls_context.h"
#include "server/config.h"

#include <memory>
#include <string>
#include <vector>

namespace sanjay::server {

/// What the two listeners speak; null: no TLS.
struct TlsListeners {
  std::shared_ptr<const runtime::TlsContext> external;
  std::shared_ptr<const runtime::TlsContext> internal;
};

/// Reads certificates and keys, from files at most 1 MiB each. As with Centrifugo, the internal
/// port speaks TLS by `internal_tls` if that is enabled, else by `tls` if that is and tls_external
/// is not set. Fails with every problem, one a line, each beginning with the name of its setting;
/// quotes paths, never keys. `ticket_keys`: shared with contexts made before; null: new ones.
core::Result<TlsListeners> make_tls(const Config::HttpServer& config,
                                    std::shared_ptr<runtime::TicketKeys> ticket_keys = nullptr);

/// What is allowed but probably not meant: certificates that are not good now, or not for long.
std::vector<std::string> tls_warnings(const TlsListeners& tls, core::WallTime now);

}  // namespace sanjay::server
