// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/failpoint.h"
#include "runtime/mailbox.h"
#include "server/shared_state.h"

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

namespace sanjay::server {

/// Commands that came to other shards over HTTP, for streams of this one; bounded in number and in
/// bytes. Separate from the other mail, which must always find room. Any thread pushes, one takes.
class CommandMailbox {
 public:
  static constexpr std::size_t kLettersMax = 1024;
  static constexpr std::size_t kBytesMax = 8 * 1024 * 1024;

  /// False when full.
  bool push(CommandMail&& mail) {
    const std::size_t bytes = mail.commands.size();
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    const bool fits = before + bytes <= kBytesMax || FAILPOINT("server.command_bytes");
    if (fits && letters_.push(std::move(mail))) return true;
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  bool has_mail() const { return letters_.has_mail(); }
  std::vector<CommandMail> take_all() {
    std::vector<CommandMail> taken = letters_.take_all();
    for (const CommandMail& mail : taken) {
      bytes_.fetch_sub(mail.commands.size(), std::memory_order_relaxed);
    }
    return taken;
  }

 private:
  runtime::ForeignMailbox<CommandMail> letters_{FAILPOINT("server.command_letters") ? SIZE_MAX
                                                                                    : kLettersMax};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace sanjay::server
