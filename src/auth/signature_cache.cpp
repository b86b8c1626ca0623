// SPDX-License-Identifier: Apache-2.0
#include "auth/signature_cache.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace sanjay::auth {

void SignatureCache::FreeDigest::operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
void SignatureCache::FreeDigest::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

SignatureCache::SignatureCache(const core::SipKey& secret, std::size_t entries_max)
    : secret_(secret), entries_max_(entries_max), random_(secret.k0 ^ secret.k1) {
  ASSERT(entries_max >= kWays && entries_max % kWays == 0 &&
         std::has_single_bit(entries_max / kWays));
}

std::optional<SignatureCache::Tag> SignatureCache::tag(const PublicKey& key,
                                                       std::string_view token) {
  if (!context_) {
    sha256_.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    context_.reset(EVP_MD_CTX_new());
  }
  // Each of the parts before the token has a length of its own, so that none runs into another.
  const std::array<std::uint64_t, 2> secret{secret_.k0, secret_.k1};
  const PublicKey::Thumbprint& thumbprint = key.thumbprint();
  const std::size_t last_dot = std::min(token.rfind('.'), token.size());
  if (FAILPOINT("signatures.payload")) token.remove_prefix(last_dot);
  if (FAILPOINT("signatures.signature")) token = token.substr(0, last_dot);
  Tag tag;
  const bool is_made =
      sha256_ && context_ && EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1 &&
      EVP_DigestUpdate(context_.get(), secret.data(), sizeof(secret)) == 1 &&
      (FAILPOINT("signatures.key") ||
       EVP_DigestUpdate(context_.get(), thumbprint.data(), thumbprint.size()) == 1) &&
      EVP_DigestUpdate(context_.get(), token.data(), token.size()) == 1 &&
      EVP_DigestFinal_ex(context_.get(), tag.data(), nullptr) == 1;
  if (is_made) return tag;
  ERR_clear_error();  // the queue is the thread's, and others read it
  context_.reset();   // the next call tries anew
  return std::nullopt;
}

std::size_t SignatureCache::set_of(const Tag& tag) const {
  std::uint64_t bits = 0;
  std::memcpy(&bits, tag.data(), sizeof(bits));
  return bits % (entries_max_ / kWays) * kWays;
}

bool SignatureCache::holds(const Tag& tag) const {
  if (!entries_) return false;
  const std::span<const Entry, kWays> set(&entries_[set_of(tag)], kWays);
  return std::ranges::any_of(set, [&](const Entry& entry) { return entry.tag == tag; });
}

void SignatureCache::remember(const Tag& tag, core::WallTime expire_at, core::WallTime now) {
  if (!entries_) entries_ = std::make_unique<Entry[]>(entries_max_);
  const std::span<Entry, kWays> set(&entries_[set_of(tag)], kWays);
  auto place =
      std::ranges::find_if(set, [now](const Entry& entry) { return entry.expire_at <= now; });
  if (place == set.end() || FAILPOINT("signatures.expired")) {
    place = set.begin() + static_cast<std::ptrdiff_t>(random_.below(kWays));
  }
  if (place->expire_at == core::WallTime::min()) ++size_;
  *place = {tag, expire_at};
}

}  // namespace sanjay::auth
