// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/tls_context.h"

#include "core/assert.h"
#include "runtime/tls/openssl_error.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::runtime {
namespace {

using Part = TlsConfigError::Part;
template <class T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const { free(object); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;

// In the order of preference; a client without AES in hardware may put ChaCha20 first.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kProtocol = "\x08http/1.1";  // as ALPN writes it

std::unexpected<TlsConfigError> failed(Part part, std::string message) {
  return std::unexpected(TlsConfigError{part, std::move(message)});
}

// OpenSSL would ask on the terminal otherwise.
int no_passphrase(char*, int, int, void*) { return -1; }

class PemReader {
 public:
  explicit PemReader(std::string_view text)
      : bio_(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))) {
    ASSERT(bio_ != nullptr);
  }
  ~PemReader() { BIO_free(bio_); }
  PemReader(const PemReader&) = delete;
  PemReader& operator=(const PemReader&) = delete;

  BIO* get() const { return bio_; }

 private:
  BIO* const bio_;
};

core::Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
  ERR_clear_error();
  const PemReader reader(pem);
  std::vector<Certificate> all;
  while (X509* certificate = PEM_read_bio_X509_AUX(reader.get(), nullptr, no_passphrase, nullptr)) {
    all.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string error = take_openssl_error("unreadable");
  if (!at_end) return core::failure("a certificate cannot be read: " + error);
  if (all.empty()) return core::failure("expected a certificate in PEM, found none");
  return all;
}

core::WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return core::WallTime(std::chrono::seconds(timegm(&parts)));
}

core::Result<void, TlsConfigError> use_certificate(SSL_CTX* context, const std::string& pem) {
  auto chain = read_certificates(pem);
  if (!chain) return failed(Part::Certificate, std::move(chain).error().message);
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
    return failed(Part::Certificate, take_openssl_error("cannot be used"));
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return failed(Part::Certificate, take_openssl_error("cannot be used"));
    }
  }
  return {};
}

core::Result<void, TlsConfigError> use_key(SSL_CTX* context, const std::string& pem) {
  ERR_clear_error();
  const PemReader reader(pem);
  const PrivateKey key(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    const bool encrypted = pem.find("ENCRYPTED") != std::string::npos;
    const std::string error = take_openssl_error("unreadable");
    return failed(Part::Key, encrypted ? "the key is encrypted: expected one that is not"
                                       : "expected a private key in PEM: " + error);
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return failed(Part::Key,
                  "does not belong to the certificate: " + take_openssl_error("they do not match"));
  }
  return {};
}

core::Result<void, TlsConfigError> trust(SSL_CTX* context, const std::string& pem) {
  const auto authorities = read_certificates(pem);
  if (!authorities) return failed(Part::ClientCa, authorities.error().message);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Certificate& authority : *authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return failed(Part::ClientCa, take_openssl_error("cannot be used"));
    }
  }
  return {};
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
  unsigned char* selected = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kProtocol.data());
  const int result = SSL_select_next_proto(&selected, out_size, ours,
                                           static_cast<unsigned>(kProtocol.size()), in, in_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

bool set_ticket_key(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, const TicketKeys::Key& key,
                    const unsigned char* iv, int sealing) {
  std::array<unsigned char, 32> mac_key = key.mac;
  char digest[] = "SHA256";
  const std::array parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, sealing) ==
             1 &&
         EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

// 0: no ticket, or not one of ours; 1: good; 2: good, but give the client a new one. In TLS 1.3 a
// ticket is for one use.
int ticket_key(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int sealing) {
  auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
  if (sealing == 1) {
    const TicketKeys::Key key = keys->newest();
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::ranges::copy(key.name, name);
    return set_ticket_key(cipher, mac, key, iv, 1) ? 1 : -1;
  }
  const auto found = keys->find(std::span<const unsigned char, 16>(name, 16));
  if (!found) return 0;
  if (!set_ticket_key(cipher, mac, found->first, iv, 0)) return -1;
  return found->second && SSL_version(session) != TLS1_3_VERSION ? 1 : 2;
}

// A ticket is worth nothing where clients are asked for other certificates than where it was given.
void set_ticket_scope(SSL_CTX* context, const std::string& client_ca_pem) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int hashed = EVP_Digest(client_ca_pem.data(), client_ca_pem.size(), digest.data(), &size,
                                EVP_sha256(), nullptr);
  ASSERT(hashed == 1 && size <= SSL_MAX_SID_CTX_LENGTH);
  SSL_CTX_set_session_id_context(context, digest.data(), size);
}

void set_what_is_spoken(SSL_CTX* context) {
  const bool good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
                    SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1 &&
                    SSL_CTX_set_ciphersuites(context, kTls13Ciphers) == 1 &&
                    SSL_CTX_set1_groups_list(context, kGroups) == 1;
  ASSERT(good);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle session keeps no buffers, and a handshake no more than it needs.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

}  // namespace

TlsContext::TlsContext(Role role)
    : role_(role),
      context_(SSL_CTX_new(role == Role::Server ? TLS_server_method() : TLS_client_method())) {
  ASSERT(context_ != nullptr);
  set_what_is_spoken(context_);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

core::Result<std::shared_ptr<const TlsContext>, TlsConfigError> TlsContext::server(
    const TlsServerOptions& options) {
  const std::shared_ptr<TlsContext> made(new TlsContext(Role::Server));
  SSL_CTX* context = made->context_;
  if (auto used = use_certificate(context, options.certificate_pem); !used) {
    return std::unexpected(std::move(used).error());
  }
  if (auto used = use_key(context, options.key_pem); !used) {
    return std::unexpected(std::move(used).error());
  }
  if (!options.client_ca_pem.empty()) {
    if (auto used = trust(context, options.client_ca_pem); !used) {
      return std::unexpected(std::move(used).error());
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  const X509* own = SSL_CTX_get0_certificate(context);
  made->not_before_ = time_of(X509_get0_notBefore(own));
  made->not_after_ = time_of(X509_get0_notAfter(own));
  made->ticket_keys_ = options.ticket_keys ? options.ticket_keys : std::make_shared<TicketKeys>();
  SSL_CTX_set_app_data(context, made->ticket_keys_.get());
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
  SSL_CTX_set_timeout(
      context, std::chrono::duration_cast<std::chrono::seconds>(TicketKeys::kTicketLife).count());
  SSL_CTX_set_num_tickets(context, 1);  // each connection gets one for the next
  set_ticket_scope(context, options.client_ca_pem);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  return made;
}

core::Result<std::shared_ptr<const TlsContext>, TlsConfigError> TlsContext::client(
    const TlsClientOptions& options) {
  const std::shared_ptr<TlsContext> made(new TlsContext(Role::Client));
  SSL_CTX* context = made->context_;
  if (!options.certificate_pem.empty()) {
    if (auto used = use_certificate(context, options.certificate_pem); !used) {
      return std::unexpected(std::move(used).error());
    }
    if (auto used = use_key(context, options.key_pem); !used) {
      return std::unexpected(std::move(used).error());
    }
  }
  if (!options.ca_pem.empty()) {
    if (auto used = trust(context, options.ca_pem); !used) {
      return std::unexpected(std::move(used).error());
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  made->server_name_ = options.server_name;
  return made;
}

}  // namespace sanjay::runtime
