// SPDX-License-Identifier: Apache-2.0
#include "transport/end_log.h"

#include "core/failpoint.h"
#include "protocol/codes.h"

#include <utility>

namespace sanjay::transport {
namespace {

bool is_ordinary(std::uint16_t code) {
  return code == protocol::kDisconnectConnectionClosed.code ||
         code == protocol::kDisconnectShutdown.code || code == protocol::kDisconnectExpired.code ||
         code == protocol::kDisconnectForced.code || code >= 4000;
}

}  // namespace

std::size_t EndLog::place_of(std::uint16_t code) {
  for (std::size_t i = 0; i < kFirstCodes.size(); ++i) {
    if (code >= kFirstCodes[i] && code < kFirstCodes[i] + kCodesEach) {
      return i * kCodesEach + (code - kFirstCodes[i]);
    }
  }
  return kOther;
}

std::string EndLog::name_of(std::size_t place) {
  if (place == kOther) return "other";
  return std::to_string(kFirstCodes[place / kCodesEach] + place % kCodesEach);
}

void EndLog::record(const EndRecord& end, core::Instant now) {
  counters_[std::to_underlying(end.transport)][place_of(end.code)].add();
  const auto level = is_ordinary(end.code) ? telemetry::Level::Debug : telemetry::Level::Info;
  if (!log_.enabled(level)) return;
  if (level == telemetry::Level::Info && !bucket_.take(kRate, 1, now) &&
      !FAILPOINT("transport.log_rate")) {
    ++suppressed_;
    return;
  }
  const std::string connection = std::to_string(end.connection.shard) + "-" +
                                 std::to_string(end.connection.slot) + "-" +
                                 std::to_string(end.connection.generation);
  const std::string peer = end.peer.to_string();
  log_.log(level, "connection ended",
           {{"connection", connection},
            {"transport", transport::name_of(end.transport)},
            {"peer", peer},
            {"client", end.client},
            {"user", end.user},
            {"code", std::uint64_t{end.code}},
            {"reason", end.reason},
            {"suppressed", std::exchange(suppressed_, 0)}});
}

}  // namespace sanjay::transport
