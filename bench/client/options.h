// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/target.h"
#include "core/time.h"
#include "runtime/driver_set.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// What is spoken inside the WebSocket connection.
enum class Protocol : std::uint8_t {
  WebSocket,   // bare messages
  Centrifuge,  // Centrifuge client protocol, JSON
  Protobuf,    // the same in Protobuf
  SocketIo,    // Socket.IO, default namespace, one event
};

constexpr std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::WebSocket:
      return "ws";
    case Protocol::Centrifuge:
      return "centrifuge";
    case Protocol::Protobuf:
      return "protobuf";
    case Protocol::SocketIo:
      break;
  }
  return "socketio";
}

/// Whether there are channels, commands and replies. Without, a server broadcasts what it is sent
/// to everybody, the sender included.
constexpr bool has_channels(Protocol protocol) {
  return protocol == Protocol::Centrifuge || protocol == Protocol::Protobuf;
}

/// What each of many connections subscribes to.
enum class Subscription : std::uint8_t { None, Shared, Own };

/// How the generator itself runs; the same for every scenario.
struct ClientOptions {
  Target target;
  Protocol protocol = Protocol::Centrifuge;
  std::string token;  // JWT of every connection; empty connects without one
  std::uint32_t shards = 1;
  std::vector<int> cpus;  // pins shard i to cpus[i % size]; empty pins nobody
  runtime::DriverChoice driver = runtime::DriverChoice::Auto;
  bool private_file_tables = false;
  std::uint32_t sources = 0;  // source addresses 127.0.0.1, .2, ...; 0: as many as needed
  std::uint32_t connect_parallel = 256;               // handshakes under way at once
  double connect_rate = 0;                            // connections begun per second; 0: no limit
  core::Duration timeout = std::chrono::seconds(10);  // without any progress: the run has failed
  bool quiet = false;                                 // no progress lines
};

/// The connections of a run, numbered 0..connections-1; number i belongs to shard i % shards.
struct ConnectionPlan {
  std::uint32_t connections = 0;
  /// How many of them are opened a second time at once (Fleet::cut): their first ports may still be
  /// taken then.
  std::uint32_t reopened = 0;
  /// The channel number i subscribes to; empty for none. Called on any shard's thread.
  std::function<std::string(std::uint32_t index)> channel_of = [](std::uint32_t) { return ""; };
};

}  // namespace sanjay::bench
