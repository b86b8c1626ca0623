// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "runtime/endpoint.h"
#include "runtime/io_driver.h"

#include <optional>

namespace sanjay::runtime {

// Socket calls that both real drivers share. Only drivers include this file.

struct Listener {
  int descriptor = -1;
  Endpoint address;
};

/// A non-blocking TCP listener with SO_REUSEADDR, TCP_NODELAY (inherited by what it accepts) and,
/// if asked, SO_REUSEPORT.
core::Result<Listener> open_listener(const Endpoint& endpoint, const ListenOptions& options,
                                     bool reuse_port);

/// Ends a listener for good, also where another descriptor table holds a copy of it.
void close_listener(int descriptor);

/// Fails with a message that names the address if another process already listens there. With port
/// 0 answers a port that was free a moment ago.
core::Result<Endpoint> probe_address(const Endpoint& endpoint);

/// Begins a non-blocking connect; the descriptor becomes writable when it is decided.
core::Result<int> begin_connect(const Endpoint& to, const std::optional<Endpoint>& from);
/// The outcome of a begun connect.
IoFailure connect_outcome(int descriptor);

Endpoint peer_of(int descriptor);
IoFailure failure_of(int error_number);
std::string describe_error(std::string_view what, int error_number);

/// An eventfd that ends a sleeping driver's wait; created before the shards' threads.
core::Result<int> open_wake_descriptor();
void signal_wake_descriptor(int descriptor);
void drain_wake_descriptor(int descriptor);

}  // namespace sanjay::runtime
