// SPDX-License-Identifier: Apache-2.0
#include "auth/jwks.h"

#include "auth/algorithm_name.h"
#include "auth/base64url.h"
#include "auth/json_members.h"
#include "core/failpoint.h"

#include <algorithm>
#include <array>

namespace sanjay::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kDepthMax = 32;

struct Members {
  Member kty{"kty"};
  Member kid{"kid"};
  Member alg{"alg"};
  Member use{"use"};
  Member key_ops{"key_ops"};
  Member crv{"crv"};
  Member n{"n"};
  Member e{"e"};
  Member x{"x"};
  Member y{"y"};
  Member d{"d"};

  bool collect_from(const object& jwk) {
    return collect(jwk, std::array{&kty, &kid, &alg, &use, &key_ops, &crv, &n, &e, &x, &y, &d});
  }
};

/// Whether the key says, if anything, that it verifies signatures.
bool is_for_signatures(const Members& members) {
  if (members.use.value && members.use.text() != "sig") return false;
  if (!members.key_ops.value) return true;
  const auto operations = text_list(*members.key_ops.value);
  return operations && std::ranges::find(*operations, "verify") != operations->end();
}

/// Nothing unless the member is there and base64url.
std::optional<std::string> octets_of(const Member& member) {
  const auto text = member.text();
  return text ? base64url_decode(*text) : std::nullopt;
}

std::optional<PublicKey> read_key(const Members& members) {
  const auto first = [](core::Result<PublicKey> key) {
    return key ? std::optional(*std::move(key)) : std::nullopt;
  };
  const auto kty = members.kty.text();
  if (kty == "RSA") {
    const auto n = octets_of(members.n);
    const auto e = octets_of(members.e);
    return n && e ? first(PublicKey::rsa(*n, *e)) : std::nullopt;
  }
  const auto x = octets_of(members.x);
  if (kty == "OKP") {
    return x && members.crv.text() == "Ed25519" ? first(PublicKey::ed25519(*x)) : std::nullopt;
  }
  const auto y = octets_of(members.y);
  if (kty != "EC" || !x || !y) return std::nullopt;
  return first(PublicKey::ecdsa(members.crv.text().value_or(""), *x, *y));
}

/// Nothing when the key cannot be used.
std::optional<Jwk> read_jwk(const element& value) {
  object jwk;
  Members members;
  if (value.get(jwk) != simdjson::SUCCESS || !members.collect_from(jwk)) return std::nullopt;
  if (!is_for_signatures(members) && !FAILPOINT("jwks.use")) return std::nullopt;
  if (members.d.value && !FAILPOINT("jwks.private")) return std::nullopt;
  if (members.kid.value && !members.kid.text()) return std::nullopt;
  auto key = read_key(members);
  if (!key) return std::nullopt;
  Jwk result{std::string(members.kid.text().value_or("")), {}, *std::move(key)};
  if (members.alg.value) {
    result.algorithm = signature_algorithm(members.alg.text().value_or(""));
    if (!result.algorithm || !result.serves(*result.algorithm)) return std::nullopt;
  }
  return result;
}

}  // namespace

bool KeySet::has(std::string_view kid) const {
  return std::ranges::any_of(keys, [&](const Jwk& jwk) { return jwk.kid == kid; });
}

std::vector<const Jwk*> KeySet::candidates(std::string_view kid,
                                           SignatureAlgorithm algorithm) const {
  std::vector<const Jwk*> found;
  for (const Jwk& jwk : keys) {
    const bool named = kid.empty() || jwk.kid == kid || FAILPOINT("jwks.kid");
    if (!named || !jwk.serves(algorithm)) continue;
    if (found.size() == kJwksKeysOfOneKidMax && !FAILPOINT("jwks.tried")) break;
    found.push_back(&jwk);
  }
  return found;
}

core::Result<KeySet> parse_jwks(const std::string& json) {
  if (json.size() > kJwksBytesMax && !FAILPOINT("jwks.bytes")) {
    return core::failure("the key set is larger than 1 MiB");
  }
  simdjson::dom::parser parser;
  const auto document = parse_object(parser, json, kDepthMax);
  if (!document) return core::failure("the key set is not a JSON object");
  Member keys{"keys"};
  if (!collect(*document, std::array{&keys})) return core::failure("the key set repeats a member");
  simdjson::dom::array list;
  if (!keys.value || keys.value->get(list) != simdjson::SUCCESS) {
    return core::failure("the key set has no list of keys");
  }
  if (list.size() > kJwksKeysMax && !FAILPOINT("jwks.keys")) {
    return core::failure("the key set has more than 256 keys");
  }
  KeySet set;
  for (const element value : list) {
    object jwk;
    if (value.get(jwk) != simdjson::SUCCESS) return core::failure("a key is not a JSON object");
    auto read = read_jwk(value);
    if (!read) continue;
    const auto of_the_name = std::ranges::count(set.keys, read->kid, &Jwk::kid);
    if (!read->kid.empty() && static_cast<std::size_t>(of_the_name) >= kJwksKeysOfOneKidMax) {
      continue;
    }
    set.keys.push_back(*std::move(read));
  }
  if (set.keys.empty()) return core::failure("the key set has no key that can be used");
  return set;
}

}  // namespace sanjay::auth
