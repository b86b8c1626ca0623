// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace sanjay::transport {

/// The ways clients come, as metrics and logs tell them apart.
enum class TransportKind : std::uint8_t {
  WebSocket,
  HttpStream,
  Sse,
  UniWebSocket,
  UniHttpStream,
  UniSse,
};
inline constexpr std::array<std::string_view, 6> kTransportNames{
    "websocket", "http_stream", "sse", "uni_websocket", "uni_http_stream", "uni_sse"};
inline constexpr std::size_t kTransports = kTransportNames.size();

constexpr std::string_view name_of(TransportKind kind) {
  return kTransportNames[std::to_underlying(kind)];
}

constexpr TransportKind kind_of(hub::Encoding encoding) {
  switch (encoding) {
    case hub::Encoding::JsonStream:
    case hub::Encoding::ProtobufStream:
      return TransportKind::HttpStream;
    case hub::Encoding::JsonSse:
      return TransportKind::Sse;
    case hub::Encoding::UniJsonWebSocket:
      return TransportKind::UniWebSocket;
    case hub::Encoding::UniJsonStream:
      return TransportKind::UniHttpStream;
    case hub::Encoding::UniJsonSse:
      return TransportKind::UniSse;
    default:
      return TransportKind::WebSocket;
  }
}

}  // namespace sanjay::transport
