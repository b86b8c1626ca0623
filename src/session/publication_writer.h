// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"
#include "protocol/delta_data.h"
#include "protocol/replies.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::session {

/// Publications as clients are told of them. Keeps its memory from call to call; one thread.
class PublicationWriter {
 public:
  /// What a subscriber of differences received last.
  struct Base {
    std::string_view data{};
    bool is_json = true;
  };

  /// Nothing: an encoding that carries no binary data cannot carry this. What is written points
  /// into `from` and into this, until the next call.
  std::optional<protocol::Publication> write(const hub::Publication& from, bool carries_binary);
  /// For those who take differences; no base: whole.
  std::optional<protocol::Publication> write_delta(const hub::Publication& from,
                                                   bool carries_binary,
                                                   const std::optional<Base>& base);

 private:
  std::string compacted_;
  std::string compacted_base_;
  protocol::DeltaData delta_;
};

}  // namespace sanjay::session
