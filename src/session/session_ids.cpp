// SPDX-License-Identifier: Apache-2.0
#include "session/session_ids.h"

#include "auth/base64url.h"
#include "core/failpoint.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace sanjay::session {
namespace {

constexpr std::size_t kPlaceBytes = 10;
constexpr std::size_t kMacBytes = 32;
constexpr auto kAlgorithm = auth::HmacAlgorithm::Hs256;

void append_number(std::string& out, std::uint32_t number, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes) & 0xff);
}

std::uint32_t take_number(std::string_view& bytes, unsigned count) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < count; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  bytes.remove_prefix(count);
  return number;
}

}  // namespace

core::Result<SessionIds> SessionIds::create(std::string_view secret) {
  SANJAY_TRY(auto key, auth::HmacKey::create(secret));
  return SessionIds(std::move(key));
}

std::string SessionIds::name_of(core::ConnectionId connection) const {
  std::string bytes;
  append_number(bytes, connection.shard, 2);
  append_number(bytes, connection.slot, 4);
  append_number(bytes, connection.generation, 4);
  const auto mac = key_.sign(kAlgorithm, bytes);
  if (!mac) return {};  // out of memory: a name nobody has
  return auth::base64url_encode(bytes.append(mac->view()));
}

std::optional<core::ConnectionId> SessionIds::find(std::string_view name) const {
  const auto decoded = auth::base64url_decode(name);
  if (!decoded || decoded->size() != kPlaceBytes + kMacBytes) return std::nullopt;
  std::string_view place = std::string_view(*decoded).substr(0, kPlaceBytes);
  const std::string_view mac = std::string_view(*decoded).substr(kPlaceBytes);
  if (!key_.verify(kAlgorithm, place, mac) && !FAILPOINT("session.id_mac")) return std::nullopt;
  core::ConnectionId connection;
  connection.shard = static_cast<core::ShardIndex>(take_number(place, 2));
  connection.slot = take_number(place, 4);
  connection.generation = take_number(place, 4);
  return connection;
}

}  // namespace sanjay::session
