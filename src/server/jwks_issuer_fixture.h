// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/signing_test.h"
#include "core/assert.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sanjay::server {

/// For tests: a certificate that its own key signed, good for one name, such as "IP:127.0.0.1".
inline std::string certificate_for(const auth::TestKey& key, const char* alternative_name) {
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  ASSERT(X509_set_version(made.get(), 2) == 1 && X509_set_pubkey(made.get(), key.get()) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_NAME* name = X509_get_subject_name(made.get());
  ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>("issuer"), -1, -1,
                                    0) == 1);
  ASSERT(X509_set_issuer_name(made.get(), name) == 1);
  for (const auto& [id, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE"),
                                  std::pair(NID_subject_alt_name, alternative_name)}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    ASSERT(extension != nullptr && X509_add_ext(made.get(), extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  ASSERT(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  ASSERT(PEM_write_bio_X509(out.get(), made.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// For tests: an issuer on a free port of 127.0.0.1, one connection after the other, on a thread of
/// its own. What it answers is the test's; it may be anything.
class TestIssuer {
 public:
  struct Answer {
    std::string bytes{};
    enum class After : std::uint8_t { Close, Hang, Repeat } after = After::Close;
  };
  using Handler = std::function<Answer(const std::string& path)>;

  explicit TestIssuer(Handler handler) : TestIssuer(std::move(handler), nullptr, "") {}
  /// With TLS.
  TestIssuer(Handler handler, const auth::TestKey* key, const std::string& certificate)
      : handler_(std::move(handler)) {
    std::signal(SIGPIPE, SIG_IGN);
    if (key != nullptr) use_tls(*key, certificate);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    ASSERT(bind(listener_, any, size) == 0 && listen(listener_, 64) == 0);
    ASSERT(getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TestIssuer() {
    const std::uint64_t one = 1;
    ASSERT(write(stop_, &one, sizeof(one)) == sizeof(one));
    thread_.join();
    close(listener_);
    close(stop_);
  }
  TestIssuer(const TestIssuer&) = delete;
  TestIssuer& operator=(const TestIssuer&) = delete;

  std::string url(const std::string& path = "/keys") const {
    return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::uint16_t port() const { return port_; }

  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// False when there are not so many after ten seconds.
  bool wait_for_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return requests_.size() >= count; });
  }

  static std::string response(std::string_view status, std::string_view body,
                              std::string_view headers = "") {
    std::string text = "HTTP/1.1 ";
    text.append(status).append("\r\nContent-Length: ").append(std::to_string(body.size()));
    return text.append("\r\n").append(headers).append("\r\n").append(body);
  }
  static Answer ok(std::string_view body) { return {response("200 OK", body)}; }
  static Answer redirect(const std::string& location) {
    return {response("302 Found", "", "Location: " + location + "\r\n")};
  }

 private:
  struct Peer {
    int socket = -1;
    SSL* tls = nullptr;

    long read(char* bytes, std::size_t size) const {
      return tls != nullptr ? SSL_read(tls, bytes, static_cast<int>(size))
                            : recv(socket, bytes, size, 0);
    }
    bool write(std::string_view bytes) const {
      while (!bytes.empty()) {
        const long sent = tls != nullptr
                              ? SSL_write(tls, bytes.data(), static_cast<int>(bytes.size()))
                              : send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
  };

  void use_tls(const auth::TestKey& key, const std::string& certificate) {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())), BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> parsed(
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    ASSERT(tls_ && parsed && SSL_CTX_use_certificate(tls_.get(), parsed.get()) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(tls_.get(), key.get()) == 1);
  }

  /// Until there is something to read or the other end has closed; false: this one is to stop.
  bool wait_for(int socket) const {
    pollfd descriptors[] = {{socket, POLLIN, 0}, {stop_, POLLIN, 0}};
    while (poll(descriptors, 2, -1) < 0) {
    }
    return descriptors[1].revents == 0;
  }

  void run() {
    while (wait_for(listener_)) {
      Peer peer{accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)};
      if (peer.socket < 0) continue;
      if (tls_) {
        peer.tls = SSL_new(tls_.get());
        SSL_set_fd(peer.tls, peer.socket);
      }
      if (peer.tls == nullptr || SSL_accept(peer.tls) == 1) serve(peer);
      SSL_free(peer.tls);
      close(peer.socket);
    }
  }

  void serve(const Peer& peer) {
    std::string request;
    while (request.find("\r\n\r\n") == request.npos) {
      char bytes[4096];
      if (!wait_for(peer.socket)) return;
      const long size = peer.read(bytes, sizeof(bytes));
      if (size <= 0) return;
      request.append(bytes, static_cast<std::size_t>(size));
    }
    const std::size_t path = request.find(' ') + 1;
    const std::string asked = request.substr(path, request.find(' ', path) - path);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      changed_.notify_all();
    }
    const Answer answer = handler_(asked);
    bool taken = peer.write(answer.bytes);
    while (taken && answer.after == Answer::After::Repeat) {
      taken = peer.write("4000\r\n" + std::string(0x4000, ' ') + "\r\n");
    }
    char ignored[4096];
    while (taken && answer.after == Answer::After::Hang && wait_for(peer.socket) &&
           peer.read(ignored, sizeof(ignored)) > 0) {
    }
  }

  const Handler handler_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls_{nullptr, SSL_CTX_free};
  int listener_ = -1;
  const int stop_ = eventfd(0, EFD_CLOEXEC);
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace sanjay::server
