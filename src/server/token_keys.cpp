// SPDX-License-Identifier: Apache-2.0
#include "server/token_keys.h"

#include "auth/public_key.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {
namespace {

constexpr std::string_view kPemBegin = "-----BEGIN ";

struct KeySetting {
  std::string path;
  auth::KeyType type;
  const std::string& value;
};

core::Result<std::vector<auth::PublicKey>> read_keys(const KeySetting& setting) {
  const auto named = [&](const core::Error& error) {
    return core::failure(fmt::format("{}: {}", setting.path, error.message));
  };
  if (setting.value.find(kPemBegin) != std::string::npos) {
    auto keys = auth::PublicKey::read_pem(setting.type, setting.value);
    if (!keys) return named(keys.error());
    return keys;
  }
  // A key without its first line would be a path, and is not for the log.
  if (setting.value.find('\n') != std::string::npos) {
    return named(
        {"expected a public key in PEM or the path of a file with one, got several lines "
         "without -----BEGIN PUBLIC KEY-----"});
  }
  const auto file = read_config_file(setting.value);
  if (!file) return named(file.error());
  auto keys = auth::PublicKey::read_pem(setting.type, file->text);
  if (!keys) return named({fmt::format("{}: {}", setting.value, keys.error().message)});
  return keys;
}

std::vector<auth::PublicKey> read_all_keys(const Config::Client::Token& token,
                                           std::string_view section,
                                           std::vector<std::string>& errors) {
  const auto path = [&](std::string_view name) { return fmt::format("{}.{}", section, name); };
  const std::array settings = std::to_array<KeySetting>({
      {path("rsa_public_key"), auth::KeyType::Rsa, token.rsa_public_key},
      {path("ecdsa_public_key"), auth::KeyType::Ecdsa, token.ecdsa_public_key},
      {path("ed25519_public_key"), auth::KeyType::Ed25519, token.ed25519_public_key},
  });
  std::vector<auth::PublicKey> all;
  for (const KeySetting& setting : settings) {
    if (setting.value.empty()) continue;
    const auto keys = read_keys(setting);
    if (!keys) {
      errors.push_back(keys.error().message);
      continue;
    }
    all.insert(all.end(), keys->begin(), keys->end());
  }
  return all;
}

/// libcurl would say so at the first fetch only.
core::Status check_ca_file(const std::string& path) {
  if (path.empty()) return {};
  const auto file = read_config_file(path);
  if (!file) return std::unexpected(file.error());
  if (file->text.find("-----BEGIN CERTIFICATE-----") != std::string::npos) return {};
  return core::failure(path + ": expected certificates in PEM, got something else");
}

/// All but the source of fetched keys.
core::Result<auth::VerifierOptions> read_options(const Config::Client::Token& token,
                                                 std::string_view section) {
  auth::VerifierOptions options;
  options.hmac_secret_key = token.hmac_secret_key;
  options.hmac_previous_secret_key = token.hmac_previous_secret_key;
  options.audience = token.audience;
  options.issuer = token.issuer;
  options.audience_regex = token.audience_regex;
  options.issuer_regex = token.issuer_regex;
  options.user_id_claim = token.user_id_claim;
  options.leeway = token.leeway;
  options.insecure_skip_signature = token.insecure_skip_token_signature_verify;
  std::vector<std::string> errors;
  options.public_keys = read_all_keys(token, section, errors);
  if (!token.jwks_public_endpoint.empty()) {
    if (const auto good = check_ca_file(token.jwks_ca_file); !good) {
      errors.push_back(fmt::format("{}.jwks_ca_file: {}", section, good.error().message));
    }
  }
  if (!errors.empty()) return core::failure(fmt::format("{}", fmt::join(errors, "\n")));
  return options;
}

core::Result<auth::TokenVerifier> create_verifier(auth::VerifierOptions options,
                                                  std::string_view section) {
  auto verifier = auth::TokenVerifier::create(std::move(options));
  if (!verifier) return core::failure(fmt::format("{}: {}", section, verifier.error().message));
  return verifier;
}

}  // namespace

core::Result<std::shared_ptr<const auth::TokenVerifier>> make_token_verifier(
    const Config::Client::Token& token, std::string_view section, JwksEndpoints* endpoints) {
  SANJAY_TRY(auto options, read_options(token, section));
  if (!token.jwks_public_endpoint.empty()) {
    const auto failed = [&](std::string_view reason) {
      return core::failure(fmt::format("{}.jwks_public_endpoint: {}", section, reason));
    };
    if (endpoints == nullptr) return failed("nobody fetches keys here");
    auto source = endpoints->source(
        {token.jwks_public_endpoint, token.jwks_ca_file, token.insecure_jwks_http},
        token.jwks_refresh_interval);
    if (!source) return failed(source.error().message);
    options.key_source = *std::move(source);
  }
  if (!token.has_key() && !options.key_source && !options.insecure_skip_signature &&
      token.hmac_previous_secret_key.empty()) {
    return nullptr;
  }
  SANJAY_TRY(auto verifier, create_verifier(std::move(options), section));
  return std::make_shared<const auth::TokenVerifier>(std::move(verifier));
}

core::Result<TokenVerifiers> make_token_verifiers(const Config::Client& client,
                                                  JwksEndpoints* endpoints) {
  TokenVerifiers verifiers;
  SANJAY_TRY(verifiers.connection, make_token_verifier(client.token, "client.token", endpoints));
  verifiers.subscription = verifiers.connection;
  if (client.subscription_token.enabled) {
    SANJAY_TRY(verifiers.subscription, make_token_verifier(client.subscription_token,
                                                           "client.subscription_token", endpoints));
  }
  return verifiers;
}

core::Status check_token_keys(const Config::Client& client) {
  const auto check = [](const Config::Client::Token& token, std::string_view section) {
    auto options = read_options(token, section);
    if (!options) return core::Status(std::unexpected(options.error()));
    const auto verifier = create_verifier(*std::move(options), section);
    return verifier ? core::Status() : core::Status(std::unexpected(verifier.error()));
  };
  if (auto good = check(client.token, "client.token"); !good) return good;
  if (!client.subscription_token.enabled) return {};
  return check(client.subscription_token, "client.subscription_token");
}

}  // namespace sanjay::server
