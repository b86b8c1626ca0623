// SPDX-License-Identifier: Apache-2.0
#include "auth/algorithm_name.h"

#include <algorithm>
#include <array>

namespace sanjay::auth {
namespace {

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

}  // namespace

std::optional<Algorithm> algorithm_named(std::string_view name) {
  const auto* known = std::ranges::find(kAlgorithms, name, &NamedAlgorithm::name);
  if (known == kAlgorithms.end()) return std::nullopt;
  return known->algorithm;
}

std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name) {
  const auto named = algorithm_named(name);
  const auto* algorithm = named ? std::get_if<SignatureAlgorithm>(&*named) : nullptr;
  if (algorithm == nullptr) return std::nullopt;
  return *algorithm;
}

}  // namespace sanjay::auth
