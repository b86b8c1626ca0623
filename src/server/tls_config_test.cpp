// SPDX-License-Identifier: Apache-2.0
#include "server/tls_config.h"

#include "runtime/tls/tls_fixture.h"
#include "server/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace sanjay::server {
namespace {

using runtime::test_authority;
using runtime::test_certificate;
using runtime::TestAuthority;
using runtime::TestCertificate;
using runtime::TestTlsClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class TlsConfigTest : public testing::Test {
 protected:
  TlsConfigTest() {
    config_.tls.enabled = true;
    config_.tls.cert_pem = test_certificate().certificate_pem;
    config_.tls.key_pem = test_certificate().key_pem;
  }
  ~TlsConfigTest() override {
    for (const std::string& path : files_) std::remove(path.c_str());
  }

  std::string file(const std::string& name, const std::string& text) {
    std::string path = testing::TempDir() + "tls_config_" + name;
    std::ofstream(path) << text;
    files_.push_back(path);
    return path;
  }
  std::string error() const {
    const auto made = make_tls(config_);
    return made ? "" : made.error().message;
  }

  Config::HttpServer config_;

 private:
  std::vector<std::string> files_;
};

TEST_F(TlsConfigTest, WhichPortSpeaksItIsAsWithCentrifugo) {
  config_.tls.enabled = false;
  EXPECT_EQ(make_tls(config_)->external, nullptr);
  config_.tls.enabled = true;
  auto tls = make_tls(config_).value();
  EXPECT_NE(tls.external, nullptr);
  EXPECT_EQ(tls.internal, nullptr) << "there is no such port";
  config_.internal_port = 9000;
  tls = make_tls(config_).value();
  EXPECT_EQ(tls.internal, tls.external);
  config_.tls_external = true;
  EXPECT_EQ(make_tls(config_)->internal, nullptr);
  config_.internal_tls = config_.tls;
  tls = make_tls(config_).value();
  EXPECT_NE(tls.internal, nullptr);
  EXPECT_NE(tls.internal, tls.external);
  config_.tls.enabled = false;
  tls = make_tls(config_).value();
  EXPECT_EQ(tls.external, nullptr);
  EXPECT_NE(tls.internal, nullptr);
}

TEST_F(TlsConfigTest, PemStandsInPlaceOrInAFileNamedEitherWay) {
  const std::string certificate = file("cert.pem", test_certificate().certificate_pem);
  const std::string key = file("key.pem", test_certificate().key_pem);
  config_.tls.cert_pem = certificate;
  config_.tls.key_pem = key;
  EXPECT_EQ(error(), "");
  config_.tls.cert_pem = config_.tls.key_pem = "";
  config_.tls.cert_pem_file = certificate;
  config_.tls.key_pem_file = key;
  EXPECT_EQ(error(), "");
  config_.tls.client_ca_pem_file = file("ca.pem", test_authority().certificate_pem());
  EXPECT_EQ(error(), "");
  config_.tls.cert_pem = certificate;
  EXPECT_EQ(error(),
            "http_server.tls.cert_pem_file: expected nothing, since http_server.tls.cert_pem is "
            "set");
}

TEST_F(TlsConfigTest, SaysWhichSettingAndWhichFileIsWrong) {
  config_.tls.cert_pem = config_.tls.key_pem = "";
  EXPECT_EQ(error(),
            "http_server.tls.cert_pem: expected a PEM text or a path, got nothing\n"
            "http_server.tls.key_pem: expected a PEM text or a path, got nothing");
  config_.tls.cert_pem_file = "/no/such.pem";
  config_.tls.key_pem_file = "/no/key.pem";
  EXPECT_EQ(error(),
            "http_server.tls.cert_pem_file: /no/such.pem: No such file or directory\n"
            "http_server.tls.key_pem_file: /no/key.pem: No such file or directory");
  config_.tls.cert_pem_file = file("cert.pem", test_certificate().certificate_pem);
  config_.tls.key_pem_file = file("other.pem", test_authority().issue().key_pem);
  EXPECT_THAT(error(), StartsWith("http_server.tls.key_pem_file: " + config_.tls.key_pem_file +
                                  ": does not belong to the certificate: "));
  config_.tls.cert_pem_file = file("empty.pem", "");
  EXPECT_EQ(error(), "http_server.tls.cert_pem_file: " + config_.tls.cert_pem_file +
                         ": expected a certificate in PEM, found none");
  config_.tls.enabled = false;
  config_.internal_port = 9000;
  config_.internal_tls = config_.tls;
  config_.internal_tls.enabled = true;
  EXPECT_THAT(error(), StartsWith("http_server.internal_tls.cert_pem_file: "));
}

TEST_F(TlsConfigTest, NeverQuotesAKey) {
  const std::string body = test_certificate().key_pem.substr(40, 60);
  config_.tls.key_pem = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIB";
  EXPECT_EQ(error(),
            "http_server.tls.key_pem: not PEM, and no file with it: No such file or directory");
  config_.tls.key_pem = body + "\n" + body;
  EXPECT_THAT(error(), testing::Not(HasSubstr(body.substr(0, 10))));
  EXPECT_THAT(error(), StartsWith("http_server.tls.key_pem: expected PEM or the path"));
}

TEST_F(TlsConfigTest, WarnsOfCertificatesThatAreNotGood) {
  EXPECT_THAT(tls_warnings({}, {}), IsEmpty());
  config_.internal_port = 9000;
  const auto tls = make_tls(config_).value();
  const auto until = tls.external->not_after();
  const auto warnings = [&](core::WallTime now) { return tls_warnings(tls, now); };
  using std::chrono::hours;
  EXPECT_THAT(warnings(until - hours(24 * 15)),
              ElementsAre(StartsWith("the certificate of http_server.tls is not good before 2")));
  EXPECT_THAT(warnings(until - std::chrono::minutes(1)),
              ElementsAre(StartsWith("the certificate of http_server.tls expires soon: 2")));
  EXPECT_THAT(warnings(until),
              ElementsAre(StartsWith("the certificate of http_server.tls has expired: 2")));
}

/// A whole server in memory, spoken to over TLS.
class TlsServerTest : public testing::Test {
 protected:
  static void use(Config& config, const TestCertificate& own) {
    config.http_server.tls.enabled = true;
    config.http_server.tls.cert_pem = own.certificate_pem;
    config.http_server.tls.key_pem = own.key_pem;
  }
  static void carry(MemoryServer& server, MemoryServer::Peer& peer, TestTlsClient& client) {
    for (int round = 0; round < 10; ++round) client.give(server.say(peer, client.take()));
  }
  static std::string name_shown_to(const TestTlsClient& client) {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(client.ssl()),
                                                            X509_free);
    char name[100] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, 100);
    return name;
  }
  static constexpr std::string_view kHealth = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
};

TEST_F(TlsServerTest, AReloadIsForNewHandshakesAndDropsNobody) {
  MemoryServer server(2, [](Config& config) { use(config, test_authority().issue("old")); });
  auto& peer = server.connect(0);
  TestTlsClient client;
  carry(server, peer, client);
  EXPECT_EQ(name_shown_to(client), "old");
  auto& half_way = server.connect(1);
  TestTlsClient slow;
  slow.give(server.say(half_way, slow.take()));

  Config config;
  config.runtime.shards = 2;
  config.client.insecure = true;
  use(config, test_authority().issue("new"));
  server.shared().reload(std::make_shared<const Wiring>(wire(config, 4096).value()));
  server.turns();

  client.write(kHealth);
  carry(server, peer, client);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200"));
  carry(server, half_way, slow);
  EXPECT_TRUE(slow.established()) << slow.error;
  EXPECT_EQ(name_shown_to(slow), "old") << "its handshake had begun";
  auto& next = server.connect(1);
  TestTlsClient newcomer;
  carry(server, next, newcomer);
  EXPECT_EQ(name_shown_to(newcomer), "new");
}

TEST_F(TlsServerTest, AProxyHeaderStandsBeforeIt) {
  MemoryServer server(1, [](Config& config) {
    use(config, test_certificate());
    config.http_server.trusted_proxies = {"192.0.2.0/24"};
    config.http_server.proxy_protocol = true;
  });
  auto& peer = server.connect(0);
  TestTlsClient client;
  client.give(
      server.say(peer, "PROXY TCP4 198.51.100.7 198.51.100.1 5000 443\r\n" + client.take()));
  carry(server, peer, client);
  ASSERT_TRUE(client.established()) << client.error;
  client.write(kHealth);
  carry(server, peer, client);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200"));
}

TEST_F(TlsServerTest, WhoIsRefusedGetsNoPlaintext) {
  MemoryServer server(1, [](Config& config) {
    use(config, test_certificate());
    config.client.connection_limit_per_address = 1;
  });
  server.turns();
  server.connect(0);
  auto& second = server.connect(0);
  server.turns();
  EXPECT_EQ(second.from_shard, "");
  EXPECT_TRUE(second.shard_finished);
}

}  // namespace
}  // namespace sanjay::server
