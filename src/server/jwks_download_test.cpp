// SPDX-License-Identifier: Apache-2.0
#include "server/jwks_download.h"

#include "server/jwks_issuer_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::AnyOf;
using testing::HasSubstr;
using After = TestIssuer::Answer::After;

core::Result<std::string> get(const JwksEndpoint& endpoint, const DownloadLimits& limits = {}) {
  return JwksDownload::create(endpoint, limits).value()->get();
}

std::string reason(const JwksEndpoint& endpoint, const DownloadLimits& limits = {}) {
  const auto body = get(endpoint, limits);
  return body ? "no error" : body.error().message;
}

std::string error_of(const JwksEndpoint& endpoint) {
  const auto good = check_endpoint(endpoint);
  return good ? "no error" : good.error().message;
}

TEST(JwksEndpointCheck, TakesHttpsAndWhatStaysOnThisMachine) {
  for (const char* url : {"https://id.example/keys", "https://id.example:8443/a/b?c=d&e=%20",
                          "https://[2001:db8::1]/keys", "http://127.0.0.1:1/keys",
                          "http://127.1.2.3/keys", "http://localhost/keys", "http://[::1]:80/"}) {
    EXPECT_EQ(error_of({url}), "no error") << url;
  }
  EXPECT_EQ(error_of({"http://id.example/keys", "", true}), "no error");
}

TEST(JwksEndpointCheck, RefusesEverythingElse) {
  for (const char* url : {"http://id.example/keys",
                          "http://127.0.0.1.example/keys",
                          "http://127.evil/",
                          "http://localhost.example/",
                          "http://0.0.0.0/",
                          "http://10.0.0.1/",
                          "file:///etc/passwd",
                          "ftp://id.example/keys",
                          "gopher://127.0.0.1/",
                          "id.example/keys",
                          "/keys",
                          "keys",
                          "",
                          "https://",

                          "https://user@id.example/",
                          "https://user:hush@id.example/",
                          "https://id.example/#keys",
                          "https://id.example:99999/",
                          "https://id .example/",
                          "javascript:1"}) {
    EXPECT_THAT(error_of({url}), testing::StartsWith("expected an https URL")) << url;
  }
  EXPECT_THAT(error_of({"file:///etc/passwd", "", true}), HasSubstr("expected an https URL"));
  EXPECT_THAT(error_of({"https://user:hush@id.example/"}), testing::Not(HasSubstr("hush")));
}

// GHSA-j77h-rr39-c552: what a token claimed was put into the URL before anybody had verified it.
TEST(Advisory, GhsaJ77hAUrlMadeOfClaimsIsRefused) {
  for (const char* url : {"https://id.example/{{tenant}}/keys", "https://{{iss}}/keys",
                          "https://id.example/{{", "{{url}}", "https://id.example/?a={{b}}"}) {
    EXPECT_THAT(error_of({url}), testing::StartsWith("expected one fixed URL, got ")) << url;
    EXPECT_THAT(error_of({url}), HasSubstr("GHSA-j77h-rr39-c552")) << url;
  }
}

TEST(JwksDownload, GetsTheBody) {
  TestIssuer issuer([](auto) { return TestIssuer::ok("the keys"); });
  const auto download = JwksDownload::create({issuer.url("/a?b=c")}, {}).value();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(download->get(), "the keys");
  ASSERT_EQ(issuer.requests().size(), 3U);
  for (const std::string& request : issuer.requests()) {
    EXPECT_THAT(request, testing::StartsWith("GET /a?b=c HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("User-Agent: sanjay\r\n"));
    EXPECT_THAT(request, testing::Not(HasSubstr("Accept-Encoding")));
  }
}

TEST(JwksDownload, TakesNoAnswerButTwoHundred) {
  std::string answer;
  TestIssuer issuer([&](auto) { return TestIssuer::Answer{answer}; });
  for (const char* status : {"201 Created", "204 No Content", "304 Not Modified", "400 Bad",
                             "401 Unauthorized", "404 Not Found", "429 Slow", "500 Oh"}) {
    answer = TestIssuer::response(status, "hush");
    EXPECT_EQ(reason({issuer.url()}), "the answer's status is " + std::string(status).substr(0, 3));
  }
  const std::pair<std::string, const char*> broken[] = {
      {"", "Empty reply"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/0.9"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhush", "bytes remaining"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ""},
  };
  for (const auto& [bytes, said] : broken) {
    answer = bytes;
    const std::string why = reason({issuer.url()});
    EXPECT_NE(why, "no error") << bytes;
    EXPECT_THAT(why, HasSubstr(said));
    EXPECT_THAT(why, testing::Not(HasSubstr("hush")));
  }
}

TEST(JwksDownload, ABodyHasItsBound) {
  std::string answer;
  TestIssuer issuer([&](auto) { return TestIssuer::Answer{answer}; });
  answer = TestIssuer::response("200 OK", std::string(auth::kJwksBytesMax, 'x'));
  EXPECT_EQ(get({issuer.url()})->size(), auth::kJwksBytesMax);
  answer = TestIssuer::response("200 OK", std::string(auth::kJwksBytesMax + 1, 'x'));
  EXPECT_EQ(reason({issuer.url()}), "the answer is too large");
  EXPECT_EQ(DownloadLimits().body_bytes_max, 1048576U);
}

TEST(JwksDownload, ABodyWithoutEndIsLeftAtTheBoundNotAtTheEndOfOurPatience) {
  TestIssuer issuer([](auto) {
    return TestIssuer::Answer{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                              After::Repeat};
  });
  EXPECT_EQ(reason({issuer.url()}), "the answer is too large");
}

TEST(JwksDownload, AHeadHasItsBound) {
  std::string answer;
  TestIssuer issuer([&](auto) { return TestIssuer::Answer{answer}; });
  std::string headers;
  while (headers.size() < 60000) headers += "X: " + std::string(100, 'y') + "\r\n";
  answer = TestIssuer::response("200 OK", "keys", headers);
  EXPECT_EQ(get({issuer.url()}), "keys");
  while (headers.size() < 66000) headers += "X: " + std::string(100, 'y') + "\r\n";
  answer = TestIssuer::response("200 OK", "keys", headers);
  EXPECT_EQ(reason({issuer.url()}), "the answer is too large");
}

TEST(JwksDownload, WhoTakesTooLongIsLeft) {
  std::string answer;
  TestIssuer issuer([&](auto) { return TestIssuer::Answer{answer, After::Hang}; });
  DownloadLimits limits;
  limits.total = 200ms;
  for (const char* begun : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", "HTTP/1.1 2"}) {
    answer = begun;
    const auto begin = steady_clock::now();
    EXPECT_THAT(reason({issuer.url()}, limits), HasSubstr("timed out")) << begun;
    EXPECT_GE(steady_clock::now() - begin, 199ms);
  }
  EXPECT_EQ(DownloadLimits().total, 5s);
  EXPECT_EQ(DownloadLimits().connect, 2s);
}

TEST(JwksDownload, NobodyThereIsAReason) {
  const int unused = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(unused, reinterpret_cast<sockaddr*>(&address), size), 0);  // and does not listen
  ASSERT_EQ(getsockname(unused, reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_THAT(reason({"http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/"}),
              HasSubstr("Failed to connect"));
  close(unused);
}

TEST(JwksDownload, FollowsRedirectsOnTheSpotOnly) {
  TestIssuer other([](auto) { return TestIssuer::ok("forged keys"); });
  std::string location;
  TestIssuer issuer([&](const std::string& path) {
    if (path == "/new") return TestIssuer::ok("keys");
    return TestIssuer::redirect(location);
  });
  const std::string port = std::to_string(issuer.port());
  for (const std::string& here : {std::string("/new"), issuer.url("/new"), std::string("new"),
                                  "//127.0.0.1:" + port + "/new"}) {
    location = here;
    EXPECT_EQ(get({issuer.url()}), "keys") << here;
  }
  for (const std::string& elsewhere :
       {other.url("/new"), "http://localhost:" + port + "/new",
        "https://127.0.0.1:" + port + "/new", "http://127.0.0.2:" + port + "/new",
        std::string("http://169.254.169.254/latest"), std::string("file:///etc/passwd"),
        std::string("//id.example/"), "http://127.0.0.1:" + port + "@id.example/",
        std::string("gopher://127.0.0.1/")}) {
    location = elsewhere;
    EXPECT_THAT(reason({issuer.url()}),
                AnyOf("the answer sends us to another host", HasSubstr("status is 302")))
        << elsewhere;
  }
  EXPECT_TRUE(other.requests().empty());
}

TEST(JwksDownload, FollowsThreeRedirectsAndNoMore) {
  int redirects = 0;
  TestIssuer issuer([&](const std::string& path) {
    const int taken = std::stoi(path.substr(1));
    return taken == redirects ? TestIssuer::ok("keys")
                              : TestIssuer::redirect("/" + std::to_string(taken + 1));
  });
  redirects = 3;
  EXPECT_EQ(get({issuer.url("/0")}), "keys");
  redirects = 4;
  EXPECT_EQ(reason({issuer.url("/0")}), "the answers send us on and on");
}

class JwksDownloadTls : public testing::Test {
 protected:
  ~JwksDownloadTls() override { std::filesystem::remove(path_); }

  std::string file_with(const std::string& pem) {
    std::ofstream(path_, std::ios::trunc) << pem;
    return path_;
  }

  const auth::TestKey key_ = auth::TestKey::p256();
  const std::string path_ =
      testing::TempDir() + "jwks_download_test_ca_" + std::to_string(getpid()) + ".pem";
};

TEST_F(JwksDownloadTls, TrustsTheCertificatesOfTheFile) {
  const std::string certificate = certificate_for(key_, "IP:127.0.0.1");
  TestIssuer issuer([](auto) { return TestIssuer::ok("keys"); }, &key_, certificate);
  const JwksEndpoint endpoint{issuer.url(), file_with(certificate)};
  EXPECT_EQ(get(endpoint), "keys") << reason(endpoint);
}

TEST_F(JwksDownloadTls, TrustsNobodyElse) {
  TestIssuer issuer([](auto) { return TestIssuer::ok("forged keys"); }, &key_,
                    certificate_for(key_, "IP:127.0.0.1"));
  EXPECT_THAT(reason({issuer.url()}), HasSubstr("certificate")) << "of the system";
  const auth::TestKey other = auth::TestKey::p256();
  EXPECT_THAT(reason({issuer.url(), file_with(certificate_for(other, "IP:127.0.0.1"))}),
              HasSubstr("certificate"));
  EXPECT_TRUE(issuer.requests().empty()) << "nothing was asked";
}

TEST_F(JwksDownloadTls, ACertificateIsGoodForItsOwnNameOnly) {
  for (const char* name : {"DNS:id.example", "IP:127.0.0.2", "DNS:127.0.0.1"}) {
    const std::string certificate = certificate_for(key_, name);
    TestIssuer issuer([](auto) { return TestIssuer::ok("forged keys"); }, &key_, certificate);
    EXPECT_THAT(reason({issuer.url(), file_with(certificate)}), HasSubstr("match")) << name;
    EXPECT_TRUE(issuer.requests().empty());
  }
}

TEST_F(JwksDownloadTls, ARedirectDoesNotLeaveTls) {
  const std::string certificate = certificate_for(key_, "IP:127.0.0.1");
  TestIssuer plain([](auto) { return TestIssuer::ok("forged keys"); });
  TestIssuer issuer([&](auto) { return TestIssuer::redirect(plain.url()); }, &key_, certificate);
  EXPECT_EQ(reason({issuer.url(), file_with(certificate)}), "the answer sends us to another host");
}

TEST(JwksDownload, StopEndsIt) {
  TestIssuer issuer([](auto) { return TestIssuer::Answer{"", After::Hang}; });
  const auto download = JwksDownload::create({issuer.url()}, {}).value();
  std::string why;
  std::thread fetcher([&] { why = download->get().error().message; });
  ASSERT_TRUE(issuer.wait_for_requests(1));
  const auto begin = steady_clock::now();
  download->stop();
  fetcher.join();
  EXPECT_LT(steady_clock::now() - begin, 1s);
  EXPECT_EQ(why, "the server is ending");
  EXPECT_EQ(download->get().error().message, "the server is ending") << "ever after";
}

}  // namespace
}  // namespace sanjay::server
