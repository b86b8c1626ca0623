// SPDX-License-Identifier: Apache-2.0
#include "transport/compression.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>

namespace sanjay::transport {
namespace {

using websocket::Context;
using websocket::Deflater;
using websocket::Inflater;

// Both contexts of a connection take 42 KiB: 4 KiB of history find most of what repeats in small
// messages (websocket/deflate_bench.cpp).
constexpr std::uint8_t kTakeoverWindowBits = 12;
constexpr std::uint8_t kTakeoverMemoryLevel = 4;

}  // namespace

KeptContexts::KeptContexts(Compression& compression, const websocket::DeflateTerms& terms)
    : compression_(compression) {
  ++compression_.takeover_connections_;
  if (terms.server_keeps_context) {
    deflater.emplace(Context::Keep,
                     Deflater::Options{compression.options().level, terms.server_window_bits,
                                       kTakeoverMemoryLevel});
  }
  if (terms.client_keeps_context) {
    // Who is told 8 and compresses with zlib uses 9.
    inflater.emplace(Context::Keep, std::max(terms.client_window_bits, websocket::kWindowBitsMin));
  }
}

KeptContexts::~KeptContexts() { --compression_.takeover_connections_; }

void Compression::set_options(const CompressionOptions& options) {
  if (options.level != options_.level) deflaters_ = {};
  options_ = options;
}

websocket::DeflatePolicy Compression::policy() const {
  const bool room = takeover_connections_ < options_.takeover_connections_max ||
                    FAILPOINT("compression.takeover_max");
  return {options_.context_takeover && room, kTakeoverWindowBits};
}

AgreedCompression Compression::begin(const websocket::DeflateTerms& terms) {
  return {terms, terms.keeps_context() ? std::make_unique<KeptContexts>(*this, terms) : nullptr};
}

std::optional<std::string_view> Compression::compress(std::string_view message,
                                                      std::uint8_t window_bits) {
  ASSERT(window_bits >= websocket::kWindowBitsMin && window_bits <= websocket::kWindowBitsMax);
  if (is_small(message)) return std::nullopt;
  auto& deflater = deflaters_[window_bits - websocket::kWindowBitsMin];
  if (!deflater) {
    deflater.emplace(Context::Reset,
                     Deflater::Options{.level = options_.level, .window_bits = window_bits});
  }
  const std::string_view payload = deflater->compress(message, compressed_);
  if (payload.size() >= message.size()) return std::nullopt;
  return payload;
}

std::optional<std::string_view> Compression::compress(std::string_view message,
                                                      KeptContexts& contexts) {
  if (is_small(message)) return std::nullopt;
  return contexts.deflater->compress(message, compressed_);
}

websocket::Event Compression::inflate(const websocket::Event& message, std::uint32_t bytes_max,
                                      KeptContexts* contexts) {
  Inflater& inflater = contexts != nullptr && contexts->inflater ? *contexts->inflater : inflater_;
  return websocket::inflated(message, inflater, bytes_max, decompressed_);
}

void Compression::trim() {
  compressed_.trim();
  decompressed_.trim();
}

}  // namespace sanjay::transport
