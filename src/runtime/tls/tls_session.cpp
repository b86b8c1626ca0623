// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/tls_session.h"

#include "core/assert.h"
#include "runtime/tls/openssl_error.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sanjay::runtime {

/// Lets OpenSSL read from and write to the session's own strings: a pair of memory BIOs would keep
/// a buffer for every connection and copy once more.
struct SessionBio {
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, std::size_t size, std::size_t* taken) {
    std::string_view& input = session_of(bio).input_;
    BIO_clear_retry_flags(bio);
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *taken = std::min(size, input.size());
    std::memcpy(into, input.data(), *taken);
    input.remove_prefix(*taken);
    return 1;
  }
  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
    BIO_clear_retry_flags(bio);
    session_of(bio).output_.append(bytes, size);
    *taken = size;
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session");
    const bool good = method != nullptr && BIO_meth_set_read_ex(method, read) == 1 &&
                      BIO_meth_set_write_ex(method, write) == 1 &&
                      BIO_meth_set_ctrl(method, control) == 1;
    ASSERT(good);
    return method;
  }
  static BIO* make(TlsSession& session) {
    static const BIO_METHOD* const kMethod = make_method();
    BIO* bio = BIO_new(kMethod);
    ASSERT(bio != nullptr);
    BIO_set_data(bio, &session);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
  ASSERT(ssl_ != nullptr);
  BIO* bio = SessionBio::make(*this);
  SSL_set_bio(ssl_, bio, bio);
  if (context_->role() == TlsContext::Role::Server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  const std::string& name = context_->server_name();
  if (!name.empty()) {
    SSL_set_tlsext_host_name(ssl_, name.c_str());
    SSL_set1_host(ssl_, name.c_str());
  }
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::fail() {
  failed_ = true;
  const long verified = SSL_get_verify_result(ssl_);
  error_ = take_openssl_error("the peer broke off");
  if (verified != X509_V_OK) {
    error_.append(": ").append(X509_verify_cert_error_string(verified));
  }
}

TlsSession::Handshake TlsSession::handshake() {
  if (failed_) return Handshake::Failed;
  begun_ = true;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    established_ = true;
    return Handshake::Done;
  }
  if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) return Handshake::NeedsMore;
  fail();
  return Handshake::Failed;
}

bool TlsSession::resumed() const { return SSL_session_reused(ssl_) == 1; }

TlsSession::ReadResult TlsSession::read(std::span<char> into) {
  ASSERT(established_);
  if (failed_) return {Read::Failed};
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
  if (result == 1) return {Read::Bytes, bytes};
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {Read::NeedsMore};
    case SSL_ERROR_ZERO_RETURN:
      return {Read::PeerFinished};
    default:
      fail();
      return {Read::Failed};
  }
}

bool TlsSession::write(std::string_view plaintext) {
  ASSERT(established_);
  if (failed_) return false;
  ERR_clear_error();
  std::size_t taken = 0;
  if (SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &taken) == 1) {
    ASSERT(taken == plaintext.size());
    return true;
  }
  fail();
  return false;
}

void TlsSession::finish() {
  if (failed_ || !established_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace sanjay::runtime
