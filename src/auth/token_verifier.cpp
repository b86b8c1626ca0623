// SPDX-License-Identifier: Apache-2.0
#include "auth/token_verifier.h"

#include "auth/algorithm_name.h"
#include "auth/base64url.h"
#include "auth/json_members.h"
#include "core/failpoint.h"

#include <openssl/crypto.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sanjay::auth {
namespace {

using Kind = TokenError::Kind;

constexpr std::string_view kNotTheKeys = "algorithm is not one of the key's";
constexpr std::string_view kMismatch = "signature does not match";

std::unexpected<TokenError> invalid(std::string_view reason) {
  return std::unexpected(TokenError{Kind::Invalid, reason});
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

/// What of a JOSE header counts. Views live until the parser parses again.
struct Header {
  std::optional<Algorithm> algorithm;  // nothing: none that is served
  Member kid;
};

/// A JWT, or an access token (RFC 9068 §2.1). Media types are compared without regard to case, and
/// "application/" may be left out (RFC 7515 §4.1.9).
bool is_typ(std::string_view typ) {
  std::string lower(typ);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view type = lower;
  constexpr std::string_view kPrefix = "application/";
  if (type.starts_with(kPrefix)) type.remove_prefix(kPrefix.size());
  return type == "jwt" || type == "at+jwt" || FAILPOINT("auth.typ");
}

core::Result<Header, TokenError> read_header(simdjson::dom::parser& parser,
                                             std::string_view encoded, std::size_t depth_max) {
  const auto json = base64url_decode(encoded);
  if (!json) return invalid("header is not base64url");
  const auto object = parse_object(parser, *json, depth_max);
  if (!object) return invalid("header is not a JSON object");
  Member alg{"alg"};
  Member typ{"typ"};
  Member crit{"crit"};
  Header header{{}, {"kid"}};
  if (!collect(*object, std::array{&alg, &typ, &crit, &header.kid})) {
    return invalid("header repeats a member");
  }
  // We understand no extension, so that every critical one must be refused (RFC 7515 §4.1.11).
  if (crit.value && !FAILPOINT("auth.critical")) return invalid("header has critical extensions");
  if (typ.value && (!typ.text() || !is_typ(*typ.text()))) return invalid("typ is not JWT");
  header.algorithm = algorithm_named(alg.text().value_or(""));
  return header;
}

core::Result<std::shared_ptr<const re2::RE2>> compile(const std::string& pattern,
                                                      std::string_view name) {
  if (pattern.empty()) return nullptr;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kRegexMemoryMax);
  auto compiled = std::make_shared<const re2::RE2>(pattern, options);
  if (!compiled->ok()) {
    return core::failure(std::string(name) + ": not a regular expression: " + compiled->error());
  }
  return compiled;
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
  SANJAY_TRY(verifier.rules_.audience_regex, compile(options.audience_regex, "audience_regex"));
  SANJAY_TRY(verifier.rules_.issuer_regex, compile(options.issuer_regex, "issuer_regex"));
  verifier.rules_.audience = options.audience;
  verifier.rules_.issuer = options.issuer;
  verifier.rules_.user_id_claim = options.user_id_claim;
  verifier.rules_.leeway = options.leeway;
  verifier.rules_.ttl_max = options.ttl_max;
  verifier.rules_.json_depth_max = options.json_depth_max;
  verifier.options_ = std::move(options);
  return verifier;
}

/// The parts of a token that its signature is about, and the whole.
struct TokenVerifier::SignedText {
  std::string_view token;
  std::string_view message;
  std::string_view signature;  // decoded
};

void TokenVerifier::Recall::keep(const std::optional<core::WallTime>& expire_at,
                                 core::WallTime now) const {
  if (fresh) cache->remember(*fresh, expire_at.value_or(core::WallTime::max()), now);
}

bool TokenVerifier::serves(Algorithm algorithm) const {
  if (std::holds_alternative<HmacAlgorithm>(algorithm)) return !hmac_keys_.empty();
  return std::ranges::any_of(options_.public_keys, [&](const PublicKey& key) {
    return key.serves(std::get<SignatureAlgorithm>(algorithm));
  });
}

/// Every key is asked about in the cache before one is computed with: of two keys, the wrong one
/// would cost as much as the right one.
bool TokenVerifier::is_signed_by_one_of(const std::vector<const PublicKey*>& keys,
                                        SignatureAlgorithm algorithm, const SignedText& text,
                                        Recall& recall) {
  std::vector<std::optional<SignatureCache::Tag>> tags(keys.size());
  if (recall.cache != nullptr) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      tags[i] = recall.cache->tag(*keys[i], text.token);
      if (tags[i] && recall.cache->holds(*tags[i])) return true;
    }
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i]->verify(algorithm, text.message, text.signature)) continue;
    recall.fresh = tags[i];
    return true;
  }
  return false;
}

/// An HMAC is a hash of the token, as the tag of a cache is, so that none is asked about it.
bool TokenVerifier::is_signature_good(Algorithm algorithm, const SignedText& text,
                                      Recall& recall) const {
  if (const auto* hmac = std::get_if<HmacAlgorithm>(&algorithm)) {
    return std::ranges::any_of(hmac_keys_, [&](const HmacKey& key) {
      return key.verify(*hmac, text.message, text.signature);
    });
  }
  const auto wanted = std::get<SignatureAlgorithm>(algorithm);
  std::vector<const PublicKey*> candidates;
  for (const PublicKey& key : options_.public_keys) {
    if (key.serves(wanted)) candidates.push_back(&key);
  }
  return is_signed_by_one_of(candidates, wanted, text, recall);
}

core::Result<void, TokenError> TokenVerifier::check_with_fetched_keys(Algorithm algorithm,
                                                                      const Member& kid,
                                                                      const SignedText& text,
                                                                      Recall& recall) const {
  // Before any look-up: what no fetched key can serve must not make anybody fetch.
  const auto* wanted = std::get_if<SignatureAlgorithm>(&algorithm);
  if (wanted == nullptr) return invalid(kNotTheKeys);
  if (kid.value && !kid.text()) return invalid("kid is not a string");
  const std::string_view name = kid.text().value_or("");
  const KeyLookup found = options_.key_source->look_up(name);
  switch (found.state) {
    case KeyLookup::State::Known:
      break;
    case KeyLookup::State::Pending:
      return std::unexpected(
          TokenError{Kind::KeysPending, "the key is being fetched", found.retry_at});
    case KeyLookup::State::Unknown:
      return invalid("kid is not one of the issuer's");
    case KeyLookup::State::Unavailable:
      return std::unexpected(
          TokenError{Kind::Unavailable, "the issuer's keys cannot be had", found.retry_at});
  }
  std::vector<const PublicKey*> candidates;
  for (const Jwk* jwk : found.keys->candidates(name, *wanted)) candidates.push_back(&jwk->key);
  if (candidates.empty()) return invalid(kNotTheKeys);
  if (!is_signed_by_one_of(candidates, *wanted, text, recall) && !FAILPOINT("auth.signature")) {
    return invalid(kMismatch);
  }
  return {};
}

core::Result<simdjson::dom::object, TokenError> TokenVerifier::read(simdjson::dom::parser& parser,
                                                                    std::string_view token,
                                                                    Recall& recall) const {
  if (hmac_keys_.empty() && options_.public_keys.empty() && !options_.key_source &&
      !options_.insecure_skip_signature) {
    return invalid("no token key is configured");
  }
  if (token.size() > options_.token_bytes_max && !FAILPOINT("auth.token_bytes")) {
    return invalid("token is too long");
  }
  const auto parts = split(token);
  if (!parts) return invalid("token has not three parts");
  SANJAY_TRY(const Header header, read_header(parser, parts->header, options_.json_depth_max));
  if (!options_.insecure_skip_signature) {
    if (!header.algorithm) return invalid(kNotTheKeys);
    if (!options_.key_source && !serves(*header.algorithm)) return invalid(kNotTheKeys);
    const auto signature = base64url_decode(parts->signature);
    if (!signature) return invalid("signature is not base64url");
    const SignedText text{token, parts->signed_text, *signature};
    if (options_.key_source) {
      const auto checked = check_with_fetched_keys(*header.algorithm, header.kid, text, recall);
      if (!checked) return std::unexpected(checked.error());
    } else if (!is_signature_good(*header.algorithm, text, recall) &&
               !FAILPOINT("auth.signature")) {
      return invalid(kMismatch);
    }
  }
  const auto json = base64url_decode(parts->payload);
  if (!json) return invalid("claims are not base64url");
  const auto object = parse_object(parser, *json, options_.json_depth_max);
  if (!object) return invalid("claims are not a JSON object");
  return *object;
}

core::Result<ConnectClaims, TokenError> TokenVerifier::verify_connection(
    std::string_view token, core::WallTime now, SignatureCache* cache) const {
  simdjson::dom::parser parser;
  Recall recall{cache, {}};
  SANJAY_TRY(const auto object, read(parser, token, recall));
  auto claims = read_connect_claims(object, rules_, now);
  if (claims) recall.keep(claims->expire_at, now);
  return claims;
}

core::Result<SubscribeClaims, TokenError> TokenVerifier::verify_subscription(
    std::string_view token, core::WallTime now, SignatureCache* cache) const {
  simdjson::dom::parser parser;
  Recall recall{cache, {}};
  SANJAY_TRY(const auto object, read(parser, token, recall));
  auto claims = read_subscribe_claims(object, rules_, now);
  if (claims) recall.keep(claims->expire_at, now);
  return claims;
}

}  // namespace sanjay::auth
