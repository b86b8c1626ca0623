// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace sanjay::server {

/// One file inside the binary. The views live as long as the process.
struct EmbeddedFile {
  std::string_view path;          // relative, e.g. "index.html"
  std::string_view content_type;  // ready for the Content-Type header
  std::string_view bytes;
};

/// Those of web/dist, and those of server/centrifugo: sorted by path. The definitions are generated
/// by cmake/embed.cmake at build time.
std::span<const EmbeddedFile> embedded_files();
std::span<const EmbeddedFile> centrifugo_files();

}  // namespace sanjay::server
