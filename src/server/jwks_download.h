// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/jwks.h"
#include "core/result.h"
#include "core/time.h"

#include <cstddef>
#include <memory>
#include <string>

namespace sanjay::server {

/// Where an issuer publishes its keys, as the operator wrote it; never made of anything a client
/// sends (GHSA-j77h-rr39-c552).
struct JwksEndpoint {
  std::string url;
  std::string ca_file{};  // PEM certificates to trust instead of the system's; empty: the system's
  bool allow_http = false;  // without encryption, to another host too

  bool operator==(const JwksEndpoint&) const = default;
};

/// Whether keys may be fetched from there: an absolute https URL, or http to a loopback address or
/// with allow_http; without user, password and fragment. Fails with `expected …, got …`.
core::Status check_endpoint(const JwksEndpoint& endpoint);

struct DownloadLimits {
  core::Duration total = std::chrono::seconds(5);  // redirects included
  core::Duration connect = std::chrono::seconds(2);
  std::size_t body_bytes_max = auth::kJwksBytesMax;
  std::size_t head_bytes_max = 65536;
  int redirects_max = 3;  // within the endpoint's own scheme, host and port
};

/// GET requests to one endpoint, by libcurl. TLS 1.2 or later, and the peer's certificate must be
/// good for its name. Redirects to anywhere else are refused; no cookies, no compression, no user
/// of a URL or netrc. Proxies of the environment (https_proxy, no_proxy) are honoured, but not to a
/// loopback address.
class JwksDownload {
 public:
  /// `endpoint` has passed check_endpoint(). Fails when libcurl has no memory.
  static core::Result<std::unique_ptr<JwksDownload>> create(JwksEndpoint endpoint,
                                                            const DownloadLimits& limits);
  ~JwksDownload();
  JwksDownload(const JwksDownload&) = delete;
  JwksDownload& operator=(const JwksDownload&) = delete;

  /// The body of an answer with status 200. Blocks, no longer than limits.total or until stop().
  /// One thread at a time. The reason of a failure quotes nothing of the answer.
  core::Result<std::string> get();
  /// Any thread: get() fails at once, now and ever after.
  void stop();

 private:
  struct Transfer;
  struct Handles;

  JwksDownload(JwksEndpoint endpoint, const DownloadLimits& limits,
               std::unique_ptr<Handles> handles);
  core::Status prepare(Transfer& transfer, const std::string& url, core::Duration left);
  core::Status perform(Transfer& transfer);

  const JwksEndpoint endpoint_;
  const DownloadLimits limits_;
  const std::unique_ptr<Handles> handles_;
};

}  // namespace sanjay::server
