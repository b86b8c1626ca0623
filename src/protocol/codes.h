// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace sanjay::protocol {

/// The code tables of the Centrifuge client protocol, version 2. Numbers and texts are part of the
/// wire contract: SDKs decide by the code, people read the text. Ranges free for applications:
/// errors 400-1999, disconnects 4000-4499 (reconnect) and 4500-4999 (terminal).

/// Answers one command; the connection stays. An SDK repeats a command whose error is temporary.
struct Error {
  std::uint32_t code = 0;
  std::string_view message;
  bool temporary = false;

  friend bool operator==(const Error&, const Error&) = default;
};

/// Ends the connection: WebSocket close code and reason (at most 123 bytes), or a disconnect push
/// on transports without close frames.
struct Disconnect {
  std::uint16_t code = 0;
  std::string_view reason;

  friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

/// Ends one subscription from the server's side.
struct Unsubscribe {
  std::uint32_t code = 0;
  std::string_view reason;

  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

inline constexpr Error kErrorInternal{100, "internal server error", true};
inline constexpr Error kErrorUnauthorized{101, "unauthorized"};
inline constexpr Error kErrorUnknownChannel{102, "unknown channel"};
inline constexpr Error kErrorPermissionDenied{103, "permission denied"};
inline constexpr Error kErrorMethodNotFound{104, "method not found"};
inline constexpr Error kErrorAlreadySubscribed{105, "already subscribed"};
inline constexpr Error kErrorLimitExceeded{106, "limit exceeded"};
inline constexpr Error kErrorBadRequest{107, "bad request"};
inline constexpr Error kErrorNotAvailable{108, "not available"};
inline constexpr Error kErrorTokenExpired{109, "token expired"};
inline constexpr Error kErrorExpired{110, "expired"};
inline constexpr Error kErrorTooManyRequests{111, "too many requests", true};
inline constexpr Error kErrorUnrecoverablePosition{112, "unrecoverable position"};
inline constexpr Error kErrorConcurrentPagination{113, "concurrent pagination", true};

/// The server API uses the errors above with their codes, but for these two.
inline constexpr Error kApiErrorNotFound{104, "not found"};
inline constexpr Error kApiErrorConflict{113, "conflict"};

/// Never sent: names a connection whose client went away.
inline constexpr Disconnect kDisconnectConnectionClosed{3000, "connection closed"};
inline constexpr Disconnect kDisconnectShutdown{3001, "shutdown"};
inline constexpr Disconnect kDisconnectInternalError{3004, "internal server error"};
inline constexpr Disconnect kDisconnectExpired{3005, "connection expired"};
inline constexpr Disconnect kDisconnectSubscriptionExpired{3006, "subscription expired"};
inline constexpr Disconnect kDisconnectSlow{3008, "slow"};
inline constexpr Disconnect kDisconnectWriteError{3009, "write error"};
inline constexpr Disconnect kDisconnectInsufficientState{3010, "insufficient state"};
inline constexpr Disconnect kDisconnectForceReconnect{3011, "force reconnect"};
inline constexpr Disconnect kDisconnectNoPong{3012, "no pong"};
inline constexpr Disconnect kDisconnectTooManyRequests{3013, "too many requests"};
inline constexpr Disconnect kDisconnectStateInvalidated{3014, "state invalidated"};
inline constexpr Disconnect kDisconnectInvalidToken{3500, "invalid token"};
inline constexpr Disconnect kDisconnectBadRequest{3501, "bad request"};
inline constexpr Disconnect kDisconnectStale{3502, "stale"};
inline constexpr Disconnect kDisconnectForced{3503, "force disconnect"};
inline constexpr Disconnect kDisconnectConnectionLimit{3504, "connection limit"};
inline constexpr Disconnect kDisconnectChannelLimit{3505, "channel limit"};
inline constexpr Disconnect kDisconnectInappropriateProtocol{3506, "inappropriate protocol"};
inline constexpr Disconnect kDisconnectPermissionDenied{3507, "permission denied"};
inline constexpr Disconnect kDisconnectNotAvailable{3508, "not available"};
inline constexpr Disconnect kDisconnectTooManyErrors{3509, "too many errors"};

/// Never sent: the client asked for it, or its connection is gone.
inline constexpr Unsubscribe kUnsubscribeClient{0, "client unsubscribed"};
inline constexpr Unsubscribe kUnsubscribeDisconnected{1, "client disconnected"};
inline constexpr Unsubscribe kUnsubscribeServer{2000, "server unsubscribe"};
inline constexpr Unsubscribe kUnsubscribeInsufficient{2500, "insufficient state"};
inline constexpr Unsubscribe kUnsubscribeExpired{2501, "subscription expired"};
inline constexpr Unsubscribe kUnsubscribeStateInvalidated{2502, "state invalidated"};

/// Whether an SDK reconnects by itself after this disconnect code.
constexpr bool reconnects(std::uint32_t disconnect_code) {
  const bool terminal = (disconnect_code >= 3500 && disconnect_code < 4000) ||
                        (disconnect_code >= 4500 && disconnect_code < 5000);
  return !terminal;
}

/// Whether an SDK subscribes again by itself after this unsubscribe code.
constexpr bool resubscribes(std::uint32_t unsubscribe_code) { return unsubscribe_code >= 2500; }

}  // namespace sanjay::protocol
