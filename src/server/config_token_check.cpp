// SPDX-License-Identifier: Apache-2.0
#include "server/config_token_check.h"

#include "core/failpoint.h"
#include "server/json_text.h"
#include "server/jwks_download.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace sanjay::server {
namespace {

using Token = Config::Client::Token;

// RFC 7518 §3.2: a key at least as long as the hash's output.
constexpr std::size_t kSecretBytesMin = 32;

bool is_claim_name(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; });
}

void check_secrets(const Token& token, std::string_view section, std::vector<std::string>& errors) {
  if (token.hmac_secret_key.empty() && !token.hmac_previous_secret_key.empty()) {
    errors.push_back(
        fmt::format("{0}.hmac_previous_secret_key: expected {0}.hmac_secret_key to be set too; the "
                    "one secret there is belongs there",
                    section));
  }
  for (const auto& [name, secret] :
       {std::pair("hmac_secret_key", &token.hmac_secret_key),
        std::pair("hmac_previous_secret_key", &token.hmac_previous_secret_key)}) {
    if (secret->find("-----BEGIN ") == secret->npos) continue;
    errors.push_back(
        fmt::format("{0}.{1}: expected a secret, got a key in PEM; a public key belongs in "
                    "{0}.rsa_public_key, ecdsa_public_key or ed25519_public_key",
                    section, name));
  }
}

void check_token(const Token& token, std::string_view section, std::vector<std::string>& errors) {
  check_secrets(token, section, errors);
  if (!token.jwks_public_endpoint.empty()) {
    const auto good =
        check_endpoint({token.jwks_public_endpoint, token.jwks_ca_file, token.insecure_jwks_http});
    if (!good) {
      errors.push_back(fmt::format("{}.jwks_public_endpoint: {}", section, good.error().message));
    }
  }
  if (!is_claim_name(token.user_id_claim)) {
    errors.push_back(fmt::format("{}.user_id_claim: expected letters and underscores, got {}",
                                 section, json_string(token.user_id_claim)));
  }
  for (const auto& [name, text, regex] :
       {std::tuple("audience", &token.audience, &token.audience_regex),
        std::tuple("issuer", &token.issuer, &token.issuer_regex)}) {
    if (text->empty() || regex->empty()) continue;
    errors.push_back(
        fmt::format("{0}.{1}_regex: expected {0}.{1} not to be set as well", section, name));
  }
}

void warn_of_keys(const Token& token, std::string_view section,
                  std::vector<std::string>& warnings) {
  if (!token.hmac_secret_key.empty() && token.hmac_secret_key.size() < kSecretBytesMin) {
    warnings.push_back(fmt::format(
        "{}.hmac_secret_key is shorter than 32 bytes and can be guessed offline", section));
  }
  if (token.insecure_skip_token_signature_verify && !FAILPOINT("config.skip_warning")) {
    warnings.push_back(
        fmt::format("{}.insecure_skip_token_signature_verify is on: SIGNATURES ARE NOT VERIFIED, "
                    "whoever can reach this server is believed to be any user he names",
                    section));
  }
  if (token.jwks_public_endpoint.empty()) return;
  if (token.has_key()) {
    warnings.push_back(fmt::format(
        "{0}.jwks_public_endpoint is set: the other keys of {0} are not used", section));
  }
  if (token.insecure_jwks_http && token.jwks_public_endpoint.starts_with("http:")) {
    warnings.push_back(
        fmt::format("{}.jwks_public_endpoint is fetched without encryption: whoever is on the way "
                    "can replace the keys",
                    section));
  }
  if (token.audience.empty() && token.issuer.empty() && token.audience_regex.empty() &&
      token.issuer_regex.empty()) {
    warnings.push_back(
        fmt::format("{0}.jwks_public_endpoint without {0}.audience or {0}.issuer: a token that the "
                    "issuer made for any other service is accepted here, too",
                    section));
  }
}

bool takes_tokens(const Token& token) {
  return token.has_key() || !token.jwks_public_endpoint.empty() ||
         token.insecure_skip_token_signature_verify;
}

}  // namespace

void check_tokens(const Config& config, std::vector<std::string>& errors) {
  check_token(config.client.token, "client.token", errors);
  check_token(config.client.subscription_token, "client.subscription_token", errors);
}

void warn_of_tokens(const Config& config, std::vector<std::string>& warnings) {
  const Config::Client& client = config.client;
  if (!client.insecure && !takes_tokens(client.token) &&
      !client.allow_anonymous_connect_without_token) {
    warnings.emplace_back(
        "no client can connect: set client.token.hmac_secret_key or a public key beside it, "
        "client.allow_anonymous_connect_without_token or client.insecure");
  }
  warn_of_keys(client.token, "client.token", warnings);
  const auto& subscription = client.subscription_token;
  if (subscription.enabled && !takes_tokens(subscription)) {
    warnings.emplace_back(
        "client.subscription_token is enabled without a key: no subscription token is accepted");
  }
  if (!subscription.enabled && takes_tokens(subscription)) {
    warnings.emplace_back(
        "client.subscription_token is not enabled: its keys are not used, those of client.token "
        "are");
  }
  if (subscription.enabled) {
    warn_of_keys(subscription, "client.subscription_token", warnings);
  }
}

}  // namespace sanjay::server
