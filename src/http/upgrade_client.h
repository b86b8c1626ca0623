// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/head_buffer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {

/// The client's opening request (RFC 6455 §4.1). `path` may carry a query; `key` comes from
/// make_key(); `subprotocol` may be empty. All are the caller's own text, not a peer's.
std::string make_upgrade_request(std::string_view host, std::string_view path, std::string_view key,
                                 std::string_view subprotocol);

/// Reads the server's answer as it arrives and checks it against the request (RFC 6455 §4.1, last
/// part). Bytes not consumed by Done are the first frames.
class UpgradeResponseReader {
 public:
  enum class State : std::uint8_t { NeedMore, Done, Failed };
  struct Progress {
    State state;
    std::size_t consumed;
  };

  /// `key` and `subprotocol` as they were sent; both are copied.
  UpgradeResponseReader(std::string_view key, std::string_view subprotocol);

  Progress feed(std::string_view bytes);

  /// The status of the answer; 0 until a well-formed one has come.
  int status() const { return status_; }
  /// Why it Failed; static storage.
  std::string_view reason() const { return reason_; }

 private:
  std::string_view find_fault();

  HeadBuffer head_;
  std::string accept_;
  std::string subprotocol_;
  std::string_view reason_;
  int status_ = 0;
};

}  // namespace sanjay::http
