// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of TLS: certificates made anew in each process, so that no private key lies in the
// repository, and a client of OpenSSL's own, which shares no code with what is tested.

#include "core/assert.h"
#include "runtime/tls/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::runtime {

/// A certificate and its key, both PEM.
struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

/// Issues certificates; its own is self-signed.
class TestAuthority {
 public:
  struct Terms {
    long good_from = -3600;  // seconds from now
    long good_until = 3600;
    int rsa_bits = 0;  // 0: P-256
  };

  TestAuthority() : key_(EVP_EC_gen("P-256")), own_(make("test authority", key_.get(), {}, true)) {}

  std::string certificate_pem() const { return pem_of(own_.get()); }
  /// Good for localhost and 127.0.0.1, for servers and clients.
  TestCertificate issue(const std::string& name = "localhost") const { return issue(name, {}); }
  TestCertificate issue(const std::string& name, const Terms& terms) const {
    const Key key(terms.rsa_bits == 0 ? EVP_EC_gen("P-256")
                                      : EVP_RSA_gen(static_cast<unsigned>(terms.rsa_bits)));
    const Bio out;
    ASSERT(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
    return {pem_of(make(name, key.get(), terms, false).get()), out.text()};
  }

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
  using Certificate = std::unique_ptr<X509, FreeCertificate>;

  class Bio {
   public:
    Bio() : bio_(BIO_new(BIO_s_mem())) {}
    ~Bio() { BIO_free(bio_); }
    Bio(const Bio&) = delete;
    Bio& operator=(const Bio&) = delete;
    BIO* get() const { return bio_; }
    std::string text() const {
      char* bytes = nullptr;
      const long size = BIO_get_mem_data(bio_, &bytes);
      return {bytes, static_cast<std::size_t>(size)};
    }

   private:
    BIO* bio_;
  };

  static std::string pem_of(X509* certificate) {
    const Bio out;
    ASSERT(PEM_write_bio_X509(out.get(), certificate) == 1);
    return out.text();
  }
  static void extend(X509* certificate, int id, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    ASSERT(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  Certificate make(const std::string& name, EVP_PKEY* key, const Terms& terms, bool is_own) const {
    Certificate made(X509_new());
    ASSERT(X509_set_version(made.get(), 2) == 1 && X509_set_pubkey(made.get(), key) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), is_own ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), terms.good_from);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), terms.good_until);
    X509_NAME* subject = X509_get_subject_name(made.get());
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    ASSERT(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1);
    X509_NAME* issuer = is_own ? subject : X509_get_subject_name(own_.get());
    ASSERT(X509_set_issuer_name(made.get(), issuer) == 1);
    if (is_own) {
      extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    } else {
      extend(made.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    }
    ASSERT(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
    return made;
  }

  Key key_;
  Certificate own_;
};

/// Certificates that most tests share: made once, since making them takes time.
inline const TestAuthority& test_authority() {
  static const TestAuthority authority;
  return authority;
}
inline const TestCertificate& test_certificate() {
  static const TestCertificate certificate = test_authority().issue();
  return certificate;
}
inline std::shared_ptr<const TlsContext> server_context(
    const std::function<void(TlsServerOptions&)>& adjust = [](TlsServerOptions&) {}) {
  TlsServerOptions options{test_certificate().certificate_pem, test_certificate().key_pem, "", {}};
  adjust(options);
  auto made = TlsContext::server(options);
  ASSERT(made.has_value());
  return *std::move(made);
}

/// The other end, in memory: the test carries the bytes.
class TestTlsClient {
 public:
  using Adjust = std::function<void(SSL_CTX*)>;

  explicit TestTlsClient(const Adjust& adjust = [](SSL_CTX*) {})
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    // Tickets come behind the handshake, and a session object that has seen one can be used again.
    SSL_CTX_set_session_cache_mode(context_.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      auto* self = static_cast<TestTlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      self->session_.reset(session);
      return 1;
    });
    adjust(context_.get());
    begin();
  }

  static Adjust version(int version) {
    return [version](SSL_CTX* context) {
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    };
  }
  static void show(SSL_CTX* context, const TestCertificate& own) {
    const auto bio = [](const std::string& pem) {
      return std::unique_ptr<BIO, decltype(&BIO_free)>(
          BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    };
    X509* certificate =
        PEM_read_bio_X509(bio(own.certificate_pem).get(), nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio(own.key_pem).get(), nullptr, nullptr, nullptr);
    ASSERT(SSL_CTX_use_certificate(context, certificate) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  /// Another connection of the same client, with the ticket it was given last.
  void begin() {
    if (ssl_) {
      // A ticket that replaces another during a short handshake is not announced in TLS 1.2.
      if (SSL_version(ssl_.get()) == TLS1_2_VERSION) session_.reset(SSL_get1_session(ssl_.get()));
      // A session that was torn off is not resumed.
      SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_connect_state(ssl_.get());
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);
    if (session_) SSL_set_session(ssl_.get(), session_.get());
  }

  /// Bytes of the server; goes on with the handshake, and reads what is there into `received`.
  void give(std::string_view bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    pump();
  }
  void write(std::string_view plaintext) {
    const int written = SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
    ASSERT(written == static_cast<int>(plaintext.size()));
  }
  void finish() { SSL_shutdown(ssl_.get()); }
  /// Bytes for the server.
  std::string take() {
    if (!established() && error.empty()) pump();
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out_, &bytes);
    std::string all(bytes, static_cast<std::size_t>(size));
    BIO_reset(out_);
    return all;
  }

  SSL* ssl() const { return ssl_.get(); }
  bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  bool has_ticket() const { return session_ != nullptr; }

  std::string received;
  bool server_finished = false;
  std::string error;  // of OpenSSL; empty: none

 private:
  void pump() {
    ERR_clear_error();
    int result = SSL_do_handshake(ssl_.get());
    char bytes[20'000];
    while (result == 1) {
      const int size = SSL_read(ssl_.get(), bytes, sizeof(bytes));
      if (size > 0) {
        received.append(bytes, static_cast<std::size_t>(size));
      } else {
        result = size;
      }
    }
    const int reason = SSL_get_error(ssl_.get(), result);
    if (reason == SSL_ERROR_ZERO_RETURN) server_finished = true;
    if (reason != SSL_ERROR_SSL) return;
    error = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session_{nullptr, SSL_SESSION_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

}  // namespace sanjay::runtime
