// SPDX-License-Identifier: Apache-2.0
#include "websocket/deflater.h"

#include "core/assert.h"
#include "websocket/zlib_memory.h"

#include <limits>

namespace sanjay::websocket {
namespace {

// An empty stored block, without its 00 00 ff ff (RFC 7692 §7.2.3.6). It adds nothing to a context.
constexpr std::string_view kEmptyMessage{"\0", 1};

// What ends a flush (RFC 7692 §7.2.1 step 3), and a few bytes for the flush itself.
constexpr std::size_t kTailBytes = 4;
constexpr std::size_t kFlushBytes = 16;

}  // namespace

struct Deflater::Stream {
  explicit Stream(const Options& options) : zlib(zlib_stream()) {
    const int result = deflateInit2(&zlib, options.level, Z_DEFLATED, -options.window_bits,
                                    options.memory_level, Z_DEFAULT_STRATEGY);
    ASSERT(result == Z_OK);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { deflateEnd(&zlib); }

  z_stream zlib;
};

Deflater::Deflater(Context context, const Options& options)
    : options_(options), context_(context) {}
Deflater::Deflater(Deflater&&) noexcept = default;
Deflater& Deflater::operator=(Deflater&&) noexcept = default;
Deflater::~Deflater() = default;

std::string_view Deflater::compress(std::string_view message, ScratchBuffer& scratch) {
  ASSERT(message.size() <= std::numeric_limits<uInt>::max());
  if (message.empty()) return kEmptyMessage;
  if (stream_ == nullptr) {
    stream_ = std::make_unique<Stream>(options_);
  } else if (context_ == Context::Reset) {
    deflateReset(&stream_->zlib);
  }
  z_stream& zlib = stream_->zlib;
  set_input(zlib, message);
  std::size_t written = 0;
  std::span<char> out = scratch.grow(deflateBound(&zlib, message.size()) + kFlushBytes, 0);
  for (;;) {
    const std::size_t given = set_output(zlib, out.subspan(written));
    const int result = deflate(&zlib, Z_SYNC_FLUSH);
    ASSERT(result == Z_OK || result == Z_BUF_ERROR);
    written += given - zlib.avail_out;
    if (zlib.avail_out > 0) break;  // else there may be more to come
    if (written == out.size()) out = scratch.grow(2 * out.size(), written);
  }
  ASSERT(written > kTailBytes && zlib.avail_in == 0);
  return {out.data(), written - kTailBytes};
}

}  // namespace sanjay::websocket
