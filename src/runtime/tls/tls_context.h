// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/tls/ticket_keys.h"

#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st;

namespace sanjay::runtime {

/// What a server shows and asks for; PEM texts, not paths.
struct TlsServerOptions {
  std::string certificate_pem;              // the server's own first, then those up to its issuer's
  std::string key_pem;                      // not encrypted
  std::string client_ca_pem;                // not empty: clients must show a certificate from these
  std::shared_ptr<TicketKeys> ticket_keys;  // null: keys of its own
};

struct TlsClientOptions {
  std::string ca_pem;           // of whom the server's certificate must come; empty: not verified
  std::string server_name;      // asked for (SNI) and, with ca_pem, verified; empty: neither
  std::string certificate_pem;  // our own, where the server asks for one
  std::string key_pem;
};

/// Which part of the options is wrong, and why.
struct TlsConfigError {
  enum class Part : std::uint8_t { Certificate, Key, ClientCa };
  Part part;
  std::string message;
};

/// What the sessions of one listener have in common: certificate, key, and what is spoken: TLS 1.2
/// and 1.3 with forward secrecy and authenticated ciphers, HTTP/1.1 by ALPN (RFC 7301), tickets
/// instead of a session cache, neither compression nor renegotiation. Immutable: a reload makes a
/// new one, and the old one goes with its last session. Any thread.
class TlsContext {
 public:
  enum class Role : std::uint8_t { Server, Client };

  static core::Result<std::shared_ptr<const TlsContext>, TlsConfigError> server(
      const TlsServerOptions& options);
  static core::Result<std::shared_ptr<const TlsContext>, TlsConfigError> client(
      const TlsClientOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Role role() const { return role_; }
  ssl_ctx_st* get() const { return context_; }
  const std::string& server_name() const { return server_name_; }
  TicketKeys& ticket_keys() const { return *ticket_keys_; }
  /// When the server's own certificate becomes good and when it expires.
  core::WallTime not_before() const { return not_before_; }
  core::WallTime not_after() const { return not_after_; }

 private:
  explicit TlsContext(Role role);

  const Role role_;
  ssl_ctx_st* const context_;
  std::shared_ptr<TicketKeys> ticket_keys_;
  std::string server_name_;
  core::WallTime not_before_{};
  core::WallTime not_after_{};
};

}  // namespace sanjay::runtime
