// SPDX-License-Identifier: Apache-2.0
#include "auth/base64url.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"
#include "core/assert.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::auth {
namespace {

constexpr std::string_view kSecret = "fuzz secret of thirty-two bytes!!";
constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

void check_claims(const ConnectClaims& claims) {
  ASSERT(!claims.expire_at ||
         (*claims.expire_at > kNow && *claims.expire_at <= kNow + std::chrono::days(365)));
  ASSERT(claims.info.find('\n') == std::string::npos);
}

}  // namespace

/// The input once as a whole token, once as a header, once as the claims of a genuine token: the
/// first two must never pass, the third only with sane claims.
void fuzz_token(const std::uint8_t* data, std::size_t size) {
  static const auto verifier =
      TokenVerifier::create({.hmac_secret_key = std::string(kSecret), .audience = ""});
  ASSERT(verifier.has_value());
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  ASSERT(!verifier->verify_connection(input, kNow));
  const std::string as_header = base64url_encode(input) + ".e30.AAAA";
  ASSERT(!verifier->verify_connection(as_header, kNow));
  const auto genuine = sign_hs256(input, kSecret);
  ASSERT(genuine.has_value());
  if (const auto claims = verifier->verify_connection(*genuine, kNow)) check_claims(*claims);
}

}  // namespace sanjay::auth

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sanjay::auth::fuzz_token(data, size);
  return 0;
}
#endif
