// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/http_api.h"
#include "core/result.h"
#include "hub/hub.h"
#include "hub/memory_broker.h"
#include "limits/connection_admission.h"
#include "runtime/driver_set.h"
#include "runtime/shard.h"
#include "server/config.h"
#include "server/jwks_endpoints.h"
#include "server/token_keys.h"
#include "session/session.h"
#include "session/session_ids.h"
#include "transport/connection.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sanjay::server {

/// The configuration turned into what each module takes. Made once at start.
struct Wiring {
  runtime::Endpoint address;
  std::optional<runtime::Endpoint> internal_address;
  core::Duration tcp_user_timeout{};
  std::string node_name;  // empty: to be made of the host's name and the port
  runtime::DriverSetOptions drivers;
  core::ShardIndex shards = 1;
  runtime::ShardOptions shard;  // index to be filled in
  hub::HubOptions hub;          // shard to be filled in
  hub::MemoryBrokerOptions broker;
  TokenVerifiers tokens;
  std::shared_ptr<const session::SessionIds> session_ids;  // as at start, whatever is reloaded
  session::SessionOptions session;
  transport::TransportOptions transport;
  limits::AdmissionOptions admission;
  api::HttpApiOptions api;
  std::uint32_t connections_max = 0;  // of the whole process
  std::vector<int> pin_cpus;          // shard i runs on pin_cpus[i % size]
  bool demo = false;
  /// Which of the operator's pages are served, and on which ports.
  struct Page {
    bool enabled = false;
    bool external = false;  // on the public port although there is an internal one
  };
  Page health;
  Page metrics;
  Page http_api;
};

/// Fails with a message for the operator when a value only shows its fault here (an address, an
/// origin pattern). `open_files_max` is the limit of open files of one descriptor table. Token keys
/// are fetched by `endpoints`, which must be there when the configuration names an endpoint.
/// `ticket_keys`: those of the wiring before, so that TLS clients may resume after a reload.
core::Result<Wiring> wire(const Config& config, std::size_t open_files_max,
                          JwksEndpoints* endpoints = nullptr,
                          std::shared_ptr<runtime::TicketKeys> ticket_keys = nullptr);

}  // namespace sanjay::server
