// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/public_key.h"
#include "core/random.h"
#include "core/siphash.h"
#include "core/time.h"

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace sanjay::auth {

inline constexpr std::size_t kRememberedSignaturesMax = 4096;

/// Remembers which tokens were found to be signed by which public key, so that a client who shows
/// the same token again does not cost the same computation again. That a text, a signature and a
/// key belong together is true for ever; whether the key still counts, what the claims say and
/// whether they are in force is not, and is no part of this: the verifier asks only about keys it
/// would verify with now, and reads the claims each time.
///
/// A pair is known by its tag: SHA-256 of a secret, the key's thumbprint and the whole token, each
/// character of it. To be taken for a token that was verified, another would have to collide with
/// it; the secret keeps others from finding where a token is kept.
///
/// Fixed memory, taken when the first token is remembered and kept: 40 bytes an entry. A tag has
/// one set of kWays entries to be in; a new one takes the place of an expired one there, else of
/// one drawn at random. At random, since clients who come back in turn, a few more of them than
/// there are entries, would find none if the oldest went. A shard owns one; one thread. Never
/// fails: without memory for a hash nothing is remembered.
class SignatureCache {
 public:
  using Tag = std::array<unsigned char, 32>;
  static constexpr std::size_t kWays = 8;

  /// `secret` is unknown outside. `entries_max` is kWays times a power of two.
  explicit SignatureCache(const core::SipKey& secret,
                          std::size_t entries_max = kRememberedSignaturesMax);

  /// What `token`, signed by `key`, is called here; nothing if OpenSSL is out of memory.
  std::optional<Tag> tag(const PublicKey& key, std::string_view token);
  bool holds(const Tag& tag) const;
  /// Of a token that was verified, signature and claims, and is not held yet. `expire_at` only
  /// says when its place may be taken first.
  void remember(const Tag& tag, core::WallTime expire_at, core::WallTime now);

  /// Entries in use, those of expired tokens included.
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    Tag tag{};
    core::WallTime expire_at = core::WallTime::min();  // never used: as if expired long ago
  };
  struct FreeDigest {
    void operator()(EVP_MD* digest) const;
    void operator()(EVP_MD_CTX* context) const;
  };

  std::size_t set_of(const Tag& tag) const;

  core::SipKey secret_;
  std::size_t entries_max_;
  std::unique_ptr<EVP_MD, FreeDigest> sha256_;  // fetched once: looking it up costs as much again
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context_;
  std::unique_ptr<Entry[]> entries_;  // none yet: nothing was remembered
  std::size_t size_ = 0;
  core::Random random_;
};

}  // namespace sanjay::auth
