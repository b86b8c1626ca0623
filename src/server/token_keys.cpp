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
  std::string_view path;
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

}  // namespace

core::Result<std::shared_ptr<const auth::TokenVerifier>> make_token_verifier(
    const Config::Client::Token& token) {
  auth::VerifierOptions options;
  options.hmac_secret_key = token.hmac_secret_key;
  options.hmac_previous_secret_key = token.hmac_previous_secret_key;
  options.audience = token.audience;
  options.issuer = token.issuer;
  options.leeway = token.leeway;

  const std::array settings = std::to_array<KeySetting>({
      {"client.token.rsa_public_key", auth::KeyType::Rsa, token.rsa_public_key},
      {"client.token.ecdsa_public_key", auth::KeyType::Ecdsa, token.ecdsa_public_key},
      {"client.token.ed25519_public_key", auth::KeyType::Ed25519, token.ed25519_public_key},
  });
  std::vector<std::string> errors;
  for (const KeySetting& setting : settings) {
    if (setting.value.empty()) continue;
    const auto keys = read_keys(setting);
    if (!keys) {
      errors.push_back(keys.error().message);
      continue;
    }
    options.public_keys.insert(options.public_keys.end(), keys->begin(), keys->end());
  }
  if (!errors.empty()) return core::failure(fmt::format("{}", fmt::join(errors, "\n")));
  if (options.hmac_secret_key.empty() && options.public_keys.empty()) return nullptr;
  auto verifier = auth::TokenVerifier::create(std::move(options));
  if (!verifier) return core::failure("client.token: " + verifier.error().message);
  return std::make_shared<const auth::TokenVerifier>(*std::move(verifier));
}

}  // namespace sanjay::server
