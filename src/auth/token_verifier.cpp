// SPDX-License-Identifier: Apache-2.0
#include "auth/token_verifier.h"

#include "auth/base64url.h"

#include <openssl/crypto.h>
#include <simdjson.h>

#include <algorithm>
#include <span>
#include <utility>

namespace sanjay::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using Kind = TokenError::Kind;

constexpr std::int64_t kLatestSecond = 9'000'000'000;  // year 2255; nanoseconds end in 2262

std::unexpected<TokenError> invalid(std::string_view reason) {
  return std::unexpected(TokenError{Kind::Invalid, reason});
}

std::unexpected<TokenError> expired(std::string_view reason) {
  return std::unexpected(TokenError{Kind::Expired, reason});
}

/// A member looked for in an object; stays empty when absent.
struct Member {
  std::string_view name;
  std::optional<element> value;

  std::optional<std::string_view> text() const {
    std::string_view text;
    if (!value || value->get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
  }
};

/// Fills the wanted members. False when one of them occurs twice: which of the two counts is where
/// two readers of one token would disagree.
bool collect(const simdjson::dom::object& object, std::span<Member* const> wanted) {
  for (const auto& field : object) {
    for (Member* member : wanted) {
      if (field.key != member->name) continue;
      if (member->value) return false;
      member->value = field.value;
    }
  }
  return true;
}

core::Result<simdjson::dom::object, TokenError> parse_object(simdjson::dom::parser& parser,
                                                             const std::string& json,
                                                             std::size_t depth_max,
                                                             std::string_view reason) {
  simdjson::dom::object object;
  if (parser.allocate(json.size() + 1, depth_max) != simdjson::SUCCESS ||
      parser.parse(json).get(object) != simdjson::SUCCESS) {
    return invalid(reason);
  }
  return object;
}

core::Result<HmacAlgorithm, TokenError> read_header(std::string_view encoded,
                                                    std::size_t depth_max) {
  const auto json = base64url_decode(encoded);
  if (!json) return invalid("header is not base64url");
  simdjson::dom::parser parser;
  SANJAY_TRY(const auto object,
             parse_object(parser, *json, depth_max, "header is not a JSON object"));
  Member alg{"alg", {}};
  Member typ{"typ", {}};
  Member crit{"crit", {}};
  if (!collect(object, std::array{&alg, &typ, &crit})) return invalid("header repeats a member");
  // We understand no extension, so that every critical one must be refused (RFC 7515 §4.1.11).
  if (crit.value) return invalid("header has critical extensions");
  if (typ.value && typ.text() != "JWT" && typ.text() != "jwt") return invalid("typ is not JWT");
  if (alg.text() == "HS256") return HmacAlgorithm::Hs256;
  if (alg.text() == "HS384") return HmacAlgorithm::Hs384;
  if (alg.text() == "HS512") return HmacAlgorithm::Hs512;
  return invalid("algorithm is not one of the key's");
}

/// NumericDate (RFC 7519 §2): seconds since 1970, whole or not. What cannot be a date of ours is
/// drawn to the nearest end, so that neither 1e300 nor a negative number overflows anything.
std::optional<core::WallTime> numeric_date(const element& value) {
  switch (value.type()) {
    case element_type::INT64: {
      const auto seconds =
          std::clamp<std::int64_t>(value.get_int64().value_unsafe(), 0, kLatestSecond);
      return core::WallTime(std::chrono::seconds(seconds));
    }
    case element_type::UINT64:  // only those beyond int64
      return core::WallTime(std::chrono::seconds(kLatestSecond));
    case element_type::DOUBLE: {
      const double seconds =
          std::clamp(value.get_double().value_unsafe(), 0.0, static_cast<double>(kLatestSecond));
      return core::WallTime(core::Duration(static_cast<std::int64_t>(seconds * 1e9)));
    }
    default:
      return std::nullopt;
  }
}

/// Nothing unless `value` is an array of strings.
std::optional<std::vector<std::string>> text_list(const element& value) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string> texts;
  for (const element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return std::nullopt;
    texts.emplace_back(text);
  }
  return texts;
}

bool is_for_audience(const Member& aud, const std::string& audience) {
  if (const auto text = aud.text()) return *text == audience;
  if (!aud.value) return false;
  const auto texts = text_list(*aud.value);
  return texts && std::ranges::find(*texts, audience) != texts->end();
}

struct Claims {
  Member sub{"sub", {}};
  Member exp{"exp", {}};
  Member nbf{"nbf", {}};
  Member aud{"aud", {}};
  Member iss{"iss", {}};
  Member expire_at{"expire_at", {}};
  Member info{"info", {}};
  Member channels{"channels", {}};
  Member channel{"channel", {}};

  bool collect_from(const simdjson::dom::object& object) {
    return collect(
        object, std::array{&sub, &exp, &nbf, &aud, &iss, &expire_at, &info, &channels, &channel});
  }
};

/// The moment the connection expires (nothing: never), or why the token is not in force now.
core::Result<std::optional<core::WallTime>, TokenError> check_times(const Claims& claims,
                                                                    const VerifierOptions& options,
                                                                    core::WallTime now) {
  std::optional<core::WallTime> expire_at;
  if (claims.nbf.value) {
    const auto nbf = numeric_date(*claims.nbf.value);
    if (!nbf) return invalid("nbf is not a number");
    if (now + options.leeway < *nbf) return expired("token is not valid yet");
  }
  if (claims.exp.value) {
    const auto exp = numeric_date(*claims.exp.value);
    if (!exp) return invalid("exp is not a number");
    if (now - options.leeway >= *exp) return expired("token has expired");
    expire_at = *exp + options.leeway;
  }
  if (claims.expire_at.value) {
    const auto date = numeric_date(*claims.expire_at.value);
    if (!date) return invalid("expire_at is not a number");
    std::int64_t seconds = 0;
    const bool never = claims.expire_at.value->get(seconds) == simdjson::SUCCESS && seconds == 0;
    if (!never && now - options.leeway >= *date) return expired("expire_at has passed");
    expire_at = never ? std::nullopt : std::optional(*date + options.leeway);
  }
  if (expire_at) expire_at = std::min(*expire_at, now + options.ttl_max);
  return expire_at;
}

}  // namespace

core::Result<TokenVerifier> TokenVerifier::create(VerifierOptions options) {
  TokenVerifier verifier;
  for (std::string* secret : {&options.hmac_secret_key, &options.hmac_previous_secret_key}) {
    if (secret->empty()) continue;
    SANJAY_TRY(HmacKey key, HmacKey::create(*secret));
    verifier.keys_.push_back(std::move(key));
    OPENSSL_cleanse(secret->data(), secret->size());
    secret->clear();
  }
  verifier.options_ = std::move(options);
  return verifier;
}

bool TokenVerifier::is_signature_good(HmacAlgorithm algorithm, std::string_view message,
                                      std::string_view signature) const {
  return std::ranges::any_of(
      keys_, [&](const HmacKey& key) { return key.verify(algorithm, message, signature); });
}

/// The claims' JSON of a token whose signature is good.
core::Result<std::string, TokenError> TokenVerifier::verified_payload(
    std::string_view token) const {
  if (keys_.empty()) return invalid("no token key is configured");
  if (token.size() > options_.token_bytes_max) return invalid("token is too long");
  const std::size_t first_dot = token.find('.');
  const std::size_t last_dot = token.rfind('.');
  if (first_dot == last_dot || token.find('.', first_dot + 1) != last_dot) {
    return invalid("token has not three parts");
  }
  SANJAY_TRY(const HmacAlgorithm algorithm,
             read_header(token.substr(0, first_dot), options_.json_depth_max));
  const auto signature = base64url_decode(token.substr(last_dot + 1));
  if (!signature) return invalid("signature is not base64url");
  if (!is_signature_good(algorithm, token.substr(0, last_dot), *signature)) {
    return invalid("signature does not match");
  }
  auto payload = base64url_decode(token.substr(first_dot + 1, last_dot - first_dot - 1));
  if (!payload) return invalid("claims are not base64url");
  return *std::move(payload);
}

core::Result<ConnectClaims, TokenError> TokenVerifier::verify_connection(std::string_view token,
                                                                         core::WallTime now) const {
  SANJAY_TRY(const std::string json, verified_payload(token));
  simdjson::dom::parser parser;
  SANJAY_TRY(const auto object,
             parse_object(parser, json, options_.json_depth_max, "claims are not a JSON object"));
  Claims claims;
  if (!claims.collect_from(object)) return invalid("a claim is repeated");
  // A subscription token must not open a connection.
  if (claims.channel.value) return invalid("token is for a subscription");
  if (claims.sub.value && !claims.sub.text()) return invalid("sub is not a string");
  if (!options_.audience.empty() && !is_for_audience(claims.aud, options_.audience)) {
    return invalid("token is for another audience");
  }
  if (!options_.issuer.empty() && claims.iss.text() != options_.issuer) {
    return invalid("token is from another issuer");
  }

  ConnectClaims result;
  SANJAY_TRY(result.expire_at, check_times(claims, options_, now));
  result.user = claims.sub.text().value_or("");
  if (claims.info.value) result.info = simdjson::minify(*claims.info.value);
  if (claims.channels.value) {
    auto channels = text_list(*claims.channels.value);
    if (!channels) return invalid("channels is not a list of strings");
    result.channels = *std::move(channels);
  }
  return result;
}

}  // namespace sanjay::auth
