// SPDX-License-Identifier: Apache-2.0
#include "auth/token_verifier.h"

#include "auth/base64url.h"
#include "core/failpoint.h"

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

using Algorithm = std::variant<HmacAlgorithm, SignatureAlgorithm>;

constexpr std::int64_t kLatestSecond = 9'000'000'000;   // year 2255; nanoseconds end in 2262
constexpr std::int64_t kLastOfDates = 253'402'300'799;  // the end of the year 9999

constexpr std::string_view kNotTheKeys = "algorithm is not one of the key's";

struct NamedAlgorithm {
  std::string_view name;
  Algorithm algorithm;
};

constexpr std::array<NamedAlgorithm, 14> kAlgorithms{{
    {"HS256", HmacAlgorithm::Hs256},
    {"HS384", HmacAlgorithm::Hs384},
    {"HS512", HmacAlgorithm::Hs512},
    {"RS256", SignatureAlgorithm::Rs256},
    {"RS384", SignatureAlgorithm::Rs384},
    {"RS512", SignatureAlgorithm::Rs512},
    {"PS256", SignatureAlgorithm::Ps256},
    {"PS384", SignatureAlgorithm::Ps384},
    {"PS512", SignatureAlgorithm::Ps512},
    {"ES256", SignatureAlgorithm::Es256},
    {"ES384", SignatureAlgorithm::Es384},
    {"ES512", SignatureAlgorithm::Es512},
    {"EdDSA", SignatureAlgorithm::EdDsa},
    {"Ed25519", SignatureAlgorithm::EdDsa},  // its name since RFC 9864
}};

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

bool has_repeated_name(const simdjson::dom::object& object) {
  constexpr std::size_t kPairwiseMax = 16;  // names; up to there comparing beats sorting
  if (object.size() <= kPairwiseMax) {
    for (auto field = object.begin(); field != object.end(); ++field) {
      for (auto before = object.begin(); before != field; ++before) {
        if (before.key() == field.key()) return true;
      }
    }
    return false;
  }
  std::vector<std::string_view> names;
  for (const auto& field : object) names.push_back(field.key);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

/// Fills the wanted members. False when any name occurs twice.
bool collect(const simdjson::dom::object& object, std::span<Member* const> wanted) {
  if (has_repeated_name(object) && !FAILPOINT("auth.duplicates")) return false;
  for (const auto& field : object) {
    for (Member* member : wanted) {
      if (field.key == member->name) member->value = field.value;
    }
  }
  return true;
}

/// The parts of a compact JWS (RFC 7515 §3.1), all but `signed_text` in base64url.
struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first_dot = token.find('.');
  const std::size_t last_dot = token.rfind('.');
  if (first_dot == last_dot || token.find('.', first_dot + 1) != last_dot) return std::nullopt;
  return Parts{token.substr(0, first_dot), token.substr(first_dot + 1, last_dot - first_dot - 1),
               token.substr(last_dot + 1), token.substr(0, last_dot)};
}

/// The parser must have been given its depth; what it gives lives until it parses again.
core::Result<simdjson::dom::object, TokenError> parse_object(simdjson::dom::parser& parser,
                                                             const std::string& json,
                                                             std::string_view reason) {
  simdjson::dom::object object;
  if (parser.parse(json).get(object) != simdjson::SUCCESS) return invalid(reason);
  return object;
}

core::Result<Algorithm, TokenError> read_header(simdjson::dom::parser& parser,
                                                std::string_view encoded) {
  const auto json = base64url_decode(encoded);
  if (!json) return invalid("header is not base64url");
  SANJAY_TRY(const auto object, parse_object(parser, *json, "header is not a JSON object"));
  Member alg{"alg", {}};
  Member typ{"typ", {}};
  Member crit{"crit", {}};
  if (!collect(object, std::array{&alg, &typ, &crit})) return invalid("header repeats a member");
  // We understand no extension, so that every critical one must be refused (RFC 7515 §4.1.11).
  if (crit.value && !FAILPOINT("auth.critical")) return invalid("header has critical extensions");
  if (typ.value && typ.text() != "JWT" && typ.text() != "jwt") return invalid("typ is not JWT");
  const auto* known =
      std::ranges::find(kAlgorithms, alg.text().value_or(""), &NamedAlgorithm::name);
  if (known == kAlgorithms.end()) return invalid(kNotTheKeys);
  return known->algorithm;
}

/// NumericDate (RFC 7519 §2). Dates beyond what nanoseconds can tell are drawn to kLatestSecond.
std::optional<core::WallTime> numeric_date(const element& value) {
  std::int64_t whole = 0;
  if (value.get(whole) == simdjson::SUCCESS) {
    if (whole < 0 || whole > kLastOfDates) return std::nullopt;
    return core::WallTime(std::chrono::seconds(std::min(whole, kLatestSecond)));
  }
  double seconds = 0;
  // Written so that no comparison lets a NaN pass.
  if (value.type() != element_type::DOUBLE || value.get(seconds) != simdjson::SUCCESS ||
      !(seconds >= 0 && seconds <= static_cast<double>(kLastOfDates))) {
    return std::nullopt;
  }
  seconds = std::min(seconds, static_cast<double>(kLatestSecond));
  return core::WallTime(core::Duration(static_cast<std::int64_t>(seconds * 1e9)));
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
  Member iat{"iat", {}};
  Member aud{"aud", {}};
  Member iss{"iss", {}};
  Member expire_at{"expire_at", {}};
  Member info{"info", {}};
  Member b64info{"b64info", {}};
  Member channels{"channels", {}};
  Member channel{"channel", {}};

  bool collect_from(const simdjson::dom::object& object) {
    return collect(object, std::array{&sub, &exp, &nbf, &iat, &aud, &iss, &expire_at, &info,
                                      &b64info, &channels, &channel});
  }
};

/// The moment the connection expires (nothing: never), or why the token is not in force now.
core::Result<std::optional<core::WallTime>, TokenError> check_times(const Claims& claims,
                                                                    const VerifierOptions& options,
                                                                    core::WallTime now) {
  std::optional<core::WallTime> expire_at;
  if (claims.iat.value) {
    const auto iat = numeric_date(*claims.iat.value);
    if (!iat) return invalid("iat is not a date");
    if (now + std::max(options.leeway, kIssuedAheadMax) < *iat && !FAILPOINT("auth.issued_at")) {
      return invalid("token was issued in the future");
    }
  }
  if (claims.nbf.value) {
    const auto nbf = numeric_date(*claims.nbf.value);
    if (!nbf) return invalid("nbf is not a date");
    if (now + options.leeway < *nbf && !FAILPOINT("auth.not_before")) {
      return expired("token is not valid yet");
    }
  }
  if (claims.exp.value) {
    const auto exp = numeric_date(*claims.exp.value);
    if (!exp) return invalid("exp is not a date");
    if (now - options.leeway >= *exp && !FAILPOINT("auth.expiry")) {
      return expired("token has expired");
    }
    expire_at = *exp + options.leeway;
  }
  if (claims.expire_at.value) {
    const auto date = numeric_date(*claims.expire_at.value);
    if (!date) return invalid("expire_at is not a date");
    std::int64_t seconds = 0;
    const bool never = claims.expire_at.value->get(seconds) == simdjson::SUCCESS && seconds == 0;
    if (!never && now - options.leeway >= *date && !FAILPOINT("auth.expire_at")) {
      return expired("expire_at has passed");
    }
    expire_at = never ? std::nullopt : std::optional(*date + options.leeway);
  }
  if (expire_at && !FAILPOINT("auth.ttl_max")) {
    expire_at = std::min(*expire_at, now + options.ttl_max);
  }
  return expire_at;
}

/// `b64info`, which wins, or `info`, as JSON on one line. Connections speak JSON only, so that what
/// `b64info` holds must be JSON as well.
core::Result<std::string, TokenError> read_info(const Claims& claims, std::size_t depth_max) {
  if (claims.b64info.value) {
    const auto text = claims.b64info.text();
    const auto json = text ? base64_decode(*text) : std::nullopt;
    if (!json) return invalid("b64info is not base64");
    if (!json->empty()) {
      simdjson::dom::parser parser;
      element info;
      if (parser.allocate(json->size() + 1, depth_max) != simdjson::SUCCESS ||
          parser.parse(*json).get(info) != simdjson::SUCCESS) {
        return invalid("b64info is not JSON");
      }
      return simdjson::minify(info);
    }
  }
  return claims.info.value ? simdjson::minify(*claims.info.value) : std::string();
}

core::Result<ConnectClaims, TokenError> read_connect_claims(const Claims& claims,
                                                            const VerifierOptions& options,
                                                            core::WallTime now) {
  // A subscription token must not open a connection.
  if (claims.channel.value && !FAILPOINT("auth.purpose")) {
    return invalid("token is for a subscription");
  }
  if (claims.sub.value && !claims.sub.text()) return invalid("sub is not a string");
  if (!options.audience.empty() && !is_for_audience(claims.aud, options.audience) &&
      !FAILPOINT("auth.audience")) {
    return invalid("token is for another audience");
  }
  if (!options.issuer.empty() && claims.iss.text() != options.issuer && !FAILPOINT("auth.issuer")) {
    return invalid("token is from another issuer");
  }

  ConnectClaims result;
  SANJAY_TRY(result.expire_at, check_times(claims, options, now));
  result.user = claims.sub.text().value_or("");
  SANJAY_TRY(result.info, read_info(claims, options.json_depth_max));
  if (claims.channels.value) {
    auto channels = text_list(*claims.channels.value);
    if (!channels) return invalid("channels is not a list of strings");
    result.channels = *std::move(channels);
  }
  return result;
}

}  // namespace

core::Result<TokenVerifier> TokenVerifier::create(VerifierOptions options) {
  TokenVerifier verifier;
  if (options.hmac_secret_key.empty() && !options.hmac_previous_secret_key.empty()) {
    return core::failure("a previous HMAC secret needs a present one");
  }
  for (std::string* secret : {&options.hmac_secret_key, &options.hmac_previous_secret_key}) {
    if (secret->empty()) continue;
    if (secret->find("-----BEGIN ") != secret->npos && !FAILPOINT("auth.pem_secret")) {
      return core::failure("an HMAC secret must not be a key in PEM");
    }
    SANJAY_TRY(HmacKey key, HmacKey::create(*secret));
    verifier.hmac_keys_.push_back(std::move(key));
    OPENSSL_cleanse(secret->data(), secret->size());
    secret->clear();
  }
  verifier.options_ = std::move(options);
  return verifier;
}

bool TokenVerifier::serves(Algorithm algorithm) const {
  if (std::holds_alternative<HmacAlgorithm>(algorithm)) return !hmac_keys_.empty();
  return std::ranges::any_of(options_.public_keys, [&](const PublicKey& key) {
    return key.serves(std::get<SignatureAlgorithm>(algorithm));
  });
}

bool TokenVerifier::is_signature_good(Algorithm algorithm, std::string_view message,
                                      std::string_view signature) const {
  if (const auto* hmac = std::get_if<HmacAlgorithm>(&algorithm)) {
    return std::ranges::any_of(
        hmac_keys_, [&](const HmacKey& key) { return key.verify(*hmac, message, signature); });
  }
  return std::ranges::any_of(options_.public_keys, [&](const PublicKey& key) {
    return key.verify(std::get<SignatureAlgorithm>(algorithm), message, signature);
  });
}

core::Result<ConnectClaims, TokenError> TokenVerifier::verify_connection(std::string_view token,
                                                                         core::WallTime now) const {
  if (hmac_keys_.empty() && options_.public_keys.empty()) {
    return invalid("no token key is configured");
  }
  if (token.size() > options_.token_bytes_max && !FAILPOINT("auth.token_bytes")) {
    return invalid("token is too long");
  }
  const auto parts = split(token);
  if (!parts) return invalid("token has not three parts");

  simdjson::dom::parser parser;
  if (parser.allocate(token.size() + 1, options_.json_depth_max) != simdjson::SUCCESS) {
    return invalid("no memory to read the token");
  }
  SANJAY_TRY(const Algorithm algorithm, read_header(parser, parts->header));
  if (!serves(algorithm)) return invalid(kNotTheKeys);
  const auto signature = base64url_decode(parts->signature);
  if (!signature) return invalid("signature is not base64url");
  if (!is_signature_good(algorithm, parts->signed_text, *signature) &&
      !FAILPOINT("auth.signature")) {
    return invalid("signature does not match");
  }

  const auto json = base64url_decode(parts->payload);
  if (!json) return invalid("claims are not base64url");
  SANJAY_TRY(const auto object, parse_object(parser, *json, "claims are not a JSON object"));
  Claims claims;
  if (!claims.collect_from(object)) return invalid("a claim is repeated");
  return read_connect_claims(claims, options_, now);
}

}  // namespace sanjay::auth
