// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/http_api.h"
#include "core/result.h"
#include "hub/hub.h"
#include "limits/connection_admission.h"
#include "runtime/driver_set.h"
#include "runtime/shard.h"
#include "server/config.h"
#include "session/session.h"
#include "transport/connection.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sanjay::server {

/// The configuration turned into what each module takes. Made once at start.
struct Wiring {
  runtime::Endpoint address;
  runtime::DriverSetOptions drivers;
  core::ShardIndex shards = 1;
  runtime::ShardOptions shard;  // index to be filled in
  hub::HubOptions hub;          // shard to be filled in
  session::SessionOptions session;
  transport::TransportOptions transport;
  limits::AdmissionOptions admission;
  api::HttpApiOptions api;
  std::uint32_t connections_max = 0;  // of the whole process
  std::vector<int> pin_cpus;          // shard i runs on pin_cpus[i % size]
  bool demo = false;
  bool health = true;
};

/// Fails with a message for the operator when a value only shows its fault here (an address, an
/// origin pattern). `open_files_max` is the limit of open files of one descriptor table.
core::Result<Wiring> wire(const Config& config, std::size_t open_files_max);

}  // namespace sanjay::server
