// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <string_view>

/// Between zlib and this module alone: its memory comes from operator new, so that it is counted
/// and given back like all other, and a lack of it ends the process like any other.
namespace sanjay::websocket {

inline z_stream zlib_stream() {
  z_stream stream{};
  stream.zalloc = [](voidpf, uInt items, uInt size) noexcept {
    return ::operator new(std::size_t{items} * size);
  };
  stream.zfree = [](voidpf, voidpf memory) noexcept { ::operator delete(memory); };
  return stream;
}

// zlib does not write to its input, but for reasons of age does not say so.
inline void set_input(z_stream& stream, std::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
}

/// Returns how much of the room zlib has been told of.
inline std::size_t set_output(z_stream& stream, std::span<char> room) {
  stream.next_out = reinterpret_cast<Bytef*>(room.data());
  stream.avail_out =
      static_cast<uInt>(std::min<std::size_t>(room.size(), std::numeric_limits<uInt>::max()));
  return stream.avail_out;
}

}  // namespace sanjay::websocket
