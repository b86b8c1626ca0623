// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "runtime/tls/tls_fixture.h"
#include "runtime/tls/tls_session.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::runtime {
namespace {

/// The first byte of an input.
enum Mode : std::uint8_t { Established = 1, Tls12 = 2, AsksForCertificate = 4, Overlay = 8 };

/// Takes everything as a stream does. False: the session has come to its end.
bool give(TlsSession& server, std::string_view bytes) {
  server.give(bytes);
  if (!server.established()) {
    switch (server.handshake()) {
      case TlsSession::Handshake::NeedsMore:
        ASSERT(server.input().empty());
        return true;
      case TlsSession::Handshake::Failed:
        ASSERT(!server.error().empty());
        return false;
      case TlsSession::Handshake::Done:
        break;
    }
  }
  char plaintext[TlsSession::kRecordBytes];
  while (true) {
    const auto read = server.read(plaintext);
    if (read.end == TlsSession::Read::Bytes) {
      ASSERT(read.bytes > 0 && read.bytes <= sizeof(plaintext));
      continue;
    }
    ASSERT(read.end != TlsSession::Read::NeedsMore || server.input().empty());
    return read.end == TlsSession::Read::NeedsMore;
  }
}

bool establish(TlsSession& server, TestTlsClient& client) {
  for (int round = 0; round < 5 && !server.established(); ++round) {
    if (!give(server, client.take())) return false;
    client.give(std::exchange(server.output(), {}));
  }
  return server.established();
}

}  // namespace

/// A server's session takes whatever bytes, before and behind a handshake, in pieces of any size:
/// it needs more, or it fails for good with a reason and leaves no error behind. The bytes stand
/// for themselves or are laid over what a client says: pairs of a place and a change.
void fuzz_tls_session(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return;
  static const auto open = server_context();
  static const auto asking = server_context([](TlsServerOptions& options) {
    options.client_ca_pem = test_authority().certificate_pem();
  });
  const std::uint8_t mode = data[0];
  const std::size_t piece = data[1] == 0 ? size : data[1];
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);

  TlsSession server((mode & AsksForCertificate) != 0 ? asking : open);
  TestTlsClient client((mode & Tls12) != 0 ? TestTlsClient::version(TLS1_2_VERSION)
                                           : TestTlsClient::version(TLS1_3_VERSION));
  if ((mode & Established) != 0 && (mode & AsksForCertificate) == 0) {
    ASSERT(establish(server, client));
  }
  std::string bytes(input);
  if ((mode & Overlay) != 0) {
    if (client.established()) client.write("a message of the client's");
    bytes = client.take();
    for (std::size_t i = 0; i + 1 < input.size() && !bytes.empty(); i += 2) {
      char& changed = bytes[static_cast<std::uint8_t>(input[i]) % bytes.size()];
      changed = static_cast<char>(changed ^ input[i + 1]);
    }
  }
  bool goes_on = true;
  for (std::size_t at = 0; at < bytes.size() && goes_on; at += piece) {
    goes_on = give(server, std::string_view(bytes).substr(at, piece));
  }
  ASSERT(ERR_peek_error() == 0);
  if (server.established() && goes_on) ASSERT(server.write("answer"));
  server.finish();
  ASSERT(ERR_peek_error() == 0);
}

}  // namespace sanjay::runtime

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::runtime::fuzz_tls_session(data, size);
  return 0;
}
#endif
