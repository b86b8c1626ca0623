// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/tls_session.h"

#include "core/chunking.h"
#include "core/random.h"
#include "runtime/tls/openssl_error.h"
#include "runtime/tls/tls_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sanjay::runtime {
namespace {

using testing::HasSubstr;
using Handshake = TlsSession::Handshake;
using Read = TlsSession::Read;

/// A server's end that takes what it is given as a stream does.
struct Server {
  explicit Server(std::shared_ptr<const TlsContext> context = server_context())
      : session(std::move(context)) {}

  void give(std::string_view bytes) {
    session.give(bytes);
    if (!session.established()) {
      result = session.handshake();
      if (result != Handshake::Done) return;
    }
    char buffer[TlsSession::kRecordBytes];
    while (true) {
      const auto read = session.read(buffer);
      end = read.end;
      if (end != Read::Bytes) break;
      received.append(buffer, read.bytes);
    }
    session.give({});
  }
  std::string take() { return std::exchange(session.output(), {}); }

  TlsSession session;
  Handshake result = Handshake::NeedsMore;
  Read end = Read::NeedsMore;
  std::string received;
};

/// Carries bytes between the two, in pieces of so many, until neither has anything to say.
void carry(TestTlsClient& client, Server& server, std::size_t piece = SIZE_MAX) {
  const auto in_pieces = [piece](const std::string& bytes, auto&& give) {
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
      give(std::string_view(bytes).substr(at, piece));
    }
  };
  for (int round = 0; round < 20; ++round) {
    in_pieces(client.take(), [&](std::string_view bytes) { server.give(bytes); });
    in_pieces(server.take(), [&](std::string_view bytes) { client.give(bytes); });
  }
}

class TlsSessionTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, TlsSessionTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(TlsSessionTest, TalksHoweverTheBytesAreCut) {
  const std::string question(40'000, 'q');
  const std::string answer(TlsSession::kRecordBytes, 'a');
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{101},
                                  std::size_t{1460}, std::size_t{SIZE_MAX}}) {
    SCOPED_TRACE(piece);
    TestTlsClient client(TestTlsClient::version(GetParam()));
    Server server;
    carry(client, server, piece);
    ASSERT_TRUE(client.established()) << client.error;
    ASSERT_TRUE(server.session.established()) << server.session.error();
    EXPECT_FALSE(server.session.resumed());
    client.write(question);
    ASSERT_TRUE(server.session.write(answer));
    ASSERT_TRUE(server.session.write("!"));
    carry(client, server, piece);
    EXPECT_EQ(server.received, question);
    EXPECT_EQ(client.received, answer + "!");
    server.session.finish();
    client.finish();
    carry(client, server, piece);
    EXPECT_TRUE(client.server_finished);
    EXPECT_EQ(server.end, Read::PeerFinished);
    EXPECT_EQ(client.error, "");
  }
}

TEST_P(TlsSessionTest, AFirstFlightIsUnderstoodAtEveryCut) {
  TestTlsClient client(TestTlsClient::version(GetParam()));
  const std::string hello = client.take();
  const auto context = server_context();
  std::size_t cuts = 0;
  core::for_each_split(hello, 20, [&](std::span<const std::string_view> pieces) {
    Server server(context);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      server.give(pieces[i]);
      ASSERT_EQ(server.result, Handshake::NeedsMore) << server.session.error();
      ASSERT_EQ(server.session.output().empty(), i + 1 < pieces.size());
    }
    ++cuts;
  });
  EXPECT_GT(cuts, 100U);
}

TEST_P(TlsSessionTest, ARecordIsUnderstoodAtEveryCut) {
  const auto context = server_context();
  for (std::size_t cut = 0; cut < 40; ++cut) {
    TestTlsClient client(TestTlsClient::version(GetParam()));
    Server server(context);
    carry(client, server);
    client.write("hello");
    const std::string record = client.take();
    ASSERT_GT(record.size(), 20U);
    if (cut >= record.size()) break;
    server.give(std::string_view(record).substr(0, cut));
    EXPECT_EQ(server.received, "");
    EXPECT_EQ(server.end, Read::NeedsMore);
    server.give(std::string_view(record).substr(cut));
    EXPECT_EQ(server.received, "hello");
  }
}

TEST_P(TlsSessionTest, DataBehindTheHandshakeIsNotLost) {
  TestTlsClient client(TestTlsClient::version(GetParam()));
  Server server;
  while (!client.established()) {
    const std::string said = client.take();
    if (client.established()) break;
    server.give(said);
    client.give(server.take());
  }
  client.write("early");
  server.give(client.take());
  carry(client, server);
  EXPECT_EQ(server.received, "early");
}

// --- What goes wrong is answered by an alert and named ---

TEST_P(TlsSessionTest, AChangedByteIsABadRecord) {
  TestTlsClient client(TestTlsClient::version(GetParam()));
  Server server;
  carry(client, server);
  client.write("hello");
  std::string record = client.take();
  record.back() = static_cast<char>(record.back() ^ 1);
  server.give(record);
  EXPECT_EQ(server.end, Read::Failed);
  EXPECT_EQ(server.received, "");
  EXPECT_EQ(server.session.error(), "decryption failed or bad record mac");
  EXPECT_FALSE(server.session.write("more")) << "a broken session says nothing more";
  client.give(server.take());
  EXPECT_THAT(client.error, HasSubstr("bad record mac"));
  EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left for the next call to find";
}

TEST_P(TlsSessionTest, ARecordThatNeverEndsIsNoRecord) {
  TestTlsClient client(TestTlsClient::version(GetParam()));
  Server server;
  carry(client, server);
  client.write("hello");
  std::string record = client.take();
  record.pop_back();
  server.give(record);
  EXPECT_EQ(server.end, Read::NeedsMore);
  EXPECT_EQ(server.received, "");
}

TEST_P(TlsSessionTest, ACertificateThatIsMissingOrOfOthersIsRefused) {
  const auto context = server_context([](TlsServerOptions& options) {
    options.client_ca_pem = test_authority().certificate_pem();
  });
  const TestAuthority stranger;
  const TestCertificate good = test_authority().issue("a client");
  const TestCertificate strange = stranger.issue("a stranger");
  const auto attempt = [&](const TestCertificate* own) {
    TestTlsClient client([&](SSL_CTX* c) {
      TestTlsClient::version(GetParam())(c);
      if (own != nullptr) TestTlsClient::show(c, *own);
    });
    Server server(context);
    carry(client, server);
    if (server.session.established()) return std::string("good");
    EXPECT_EQ(server.result, Handshake::Failed);
    EXPECT_NE(client.error, "");
    return server.session.error();
  };
  EXPECT_EQ(attempt(nullptr), "peer did not return a certificate");
  EXPECT_THAT(attempt(&strange), HasSubstr("certificate verify failed: "));
  EXPECT_EQ(attempt(&good), "good");
}

TEST_P(TlsSessionTest, OtherApplicationProtocolsThanHttp1AreRefused) {
  const auto attempt = [&](std::string_view offered) {
    TestTlsClient client([&](SSL_CTX* c) {
      TestTlsClient::version(GetParam())(c);
      SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(offered.data()),
                              static_cast<unsigned>(offered.size()));
    });
    Server server;
    carry(client, server);
    if (!client.established() || !server.session.established()) return server.session.error();
    const unsigned char* selected = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &selected, &size);
    return std::string(reinterpret_cast<const char*>(selected), size);
  };
  EXPECT_EQ(attempt("\x02h2\x08http/1.1"), "http/1.1");
  EXPECT_EQ(attempt("\x02h2"), "no application protocol");
}

TEST(TlsSession, OlderVersionsAreRefused) {
  TestTlsClient client([](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_cipher_list(context, "ALL@SECLEVEL=0");
    TestTlsClient::version(TLS1_1_VERSION)(context);
  });
  Server server;
  carry(client, server);
  EXPECT_EQ(server.result, Handshake::Failed);
  EXPECT_EQ(server.session.error(), "unsupported protocol");
  EXPECT_THAT(client.error, HasSubstr("alert protocol version"));
}

TEST(TlsSession, CiphersWithoutForwardSecrecyAreRefused) {
  TestTlsClient client([](SSL_CTX* context) {
    TestTlsClient::version(TLS1_2_VERSION)(context);
    SSL_CTX_set_cipher_list(context, "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA");
  });
  Server server;
  carry(client, server);
  EXPECT_EQ(server.result, Handshake::Failed);
  EXPECT_EQ(server.session.error(), "no shared cipher");
  EXPECT_NE(client.error, "");
}

TEST(TlsSession, NoiseIsRefused) {
  core::Random random(7);
  for (int i = 0; i < 200; ++i) {
    Server server;
    std::string noise(5 + random.below(100), '\0');
    for (char& c : noise) c = static_cast<char>(random.below(256));
    noise[0] = static_cast<char>(0x30 + i % 64);  // no record
    server.give(noise);
    EXPECT_EQ(server.result, Handshake::Failed);
    EXPECT_NE(server.session.error(), "");
    server.give(noise);
    EXPECT_EQ(server.result, Handshake::Failed) << "and stays so";
  }
}

TEST(TlsSession, ARenegotiationIsRefused) {
  TestTlsClient client(TestTlsClient::version(TLS1_2_VERSION));
  Server server;
  carry(client, server);
  ASSERT_TRUE(server.session.established());
  SSL_renegotiate(client.ssl());
  client.give("");
  server.give(client.take());
  const std::string answer = server.take();
  ASSERT_GT(answer.size(), 5U);
  EXPECT_EQ(answer[0], 21) << "an alert, no handshake";
  client.give(answer);
  EXPECT_THAT(client.error, HasSubstr("no renegotiation"));
}

// --- Resumption ---

TEST_P(TlsSessionTest, ATicketMakesTheNextHandshakeShort) {
  const auto keys = std::make_shared<TicketKeys>();
  const auto with_keys = [&](TlsServerOptions& options) { options.ticket_keys = keys; };
  TestTlsClient client(TestTlsClient::version(GetParam()));
  const auto attempt = [&](std::shared_ptr<const TlsContext> context) {
    client.begin();
    Server server(std::move(context));
    carry(client, server);
    EXPECT_TRUE(server.session.established());
    EXPECT_EQ(server.session.resumed(), client.resumed());
    return server.session.resumed();
  };
  EXPECT_FALSE(attempt(server_context(with_keys)));
  ASSERT_TRUE(client.has_ticket());
  EXPECT_TRUE(attempt(server_context(with_keys))) << "another context, as after a reload";
  core::Instant now{};
  for (std::size_t i = 0; i < TicketKeys::kKeys; ++i) {
    keys->rotate(now += TicketKeys::kRotateEvery);  // the first only begins to count
    EXPECT_TRUE(attempt(server_context(with_keys))) << i;
  }
  for (std::size_t i = 0; i < TicketKeys::kKeys; ++i) keys->rotate(now += TicketKeys::kRotateEvery);
  EXPECT_FALSE(attempt(server_context(with_keys))) << "its key is gone";
  EXPECT_FALSE(attempt(server_context())) << "other keys";
}

TEST_P(TlsSessionTest, ATicketIsNoWayAroundAClientCertificate) {
  const auto keys = std::make_shared<TicketKeys>();
  const TestCertificate own = test_authority().issue("a client");
  TestTlsClient client([&](SSL_CTX* context) {
    TestTlsClient::version(GetParam())(context);
    TestTlsClient::show(context, own);
  });
  Server open(server_context([&](TlsServerOptions& options) { options.ticket_keys = keys; }));
  carry(client, open);
  ASSERT_TRUE(client.has_ticket());
  client.begin();
  Server asking(server_context([&](TlsServerOptions& options) {
    options.ticket_keys = keys;
    options.client_ca_pem = test_authority().certificate_pem();
  }));
  carry(client, asking);
  EXPECT_TRUE(asking.session.established()) << asking.session.error();
  EXPECT_FALSE(asking.session.resumed());
}

TEST(TicketKeys, RotateOnceAnHourAndKeepThree) {
  TicketKeys keys;
  core::Instant now{std::chrono::hours(5)};
  keys.rotate(now);
  const auto first = keys.newest();
  keys.rotate(now + TicketKeys::kRotateEvery - std::chrono::nanoseconds(1));
  EXPECT_EQ(keys.newest().name, first.name);
  for (std::size_t i = 1; i <= TicketKeys::kKeys; ++i) {
    keys.rotate(now += TicketKeys::kRotateEvery);
    EXPECT_NE(keys.newest().name, first.name);
    const auto found = keys.find(first.name);
    ASSERT_EQ(found.has_value(), i < TicketKeys::kKeys);
    if (found) {
      EXPECT_FALSE(found->second);
    }
  }
  EXPECT_TRUE(keys.find(keys.newest().name)->second);
}

// --- Contexts ---

TEST(TlsContext, SaysWhichPartIsWrong) {
  using Part = TlsConfigError::Part;
  const TestCertificate& good = test_certificate();
  const TestCertificate other = test_authority().issue();
  const auto attempt = [](const TlsServerOptions& options) {
    const auto made = TlsContext::server(options);
    return made ? TlsConfigError{Part::Certificate, "good"} : made.error();
  };
  EXPECT_EQ(attempt({good.certificate_pem, good.key_pem, "", {}}).message, "good");

  auto error = attempt({"", good.key_pem, "", {}});
  EXPECT_EQ(error.part, Part::Certificate);
  EXPECT_EQ(error.message, "expected a certificate in PEM, found none");
  error = attempt({good.certificate_pem.substr(0, 200) + "\n", good.key_pem, "", {}});
  EXPECT_EQ(error.part, Part::Certificate);
  EXPECT_THAT(error.message, HasSubstr("a certificate cannot be read: "));
  error = attempt({good.certificate_pem, "-----BEGIN NONSENSE-----\n", "", {}});
  EXPECT_EQ(error.part, Part::Key);
  EXPECT_THAT(error.message, HasSubstr("expected a private key in PEM: "));
  error = attempt({good.certificate_pem, other.key_pem, "", {}});
  EXPECT_EQ(error.part, Part::Key);
  EXPECT_THAT(error.message, HasSubstr("does not belong to the certificate: "));
  error = attempt({good.certificate_pem, good.key_pem, good.key_pem, {}});
  EXPECT_EQ(error.part, Part::ClientCa);
  EXPECT_EQ(error.message, "expected a certificate in PEM, found none");
  TestAuthority::Terms weak;
  weak.rsa_bits = 1024;
  const TestCertificate small = test_authority().issue("localhost", weak);
  error = attempt({small.certificate_pem, small.key_pem, "", {}});
  EXPECT_EQ(error.part, Part::Certificate);
  EXPECT_EQ(error.message, "ee key too small");
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(TlsContext, RefusesAnEncryptedKeyInsteadOfAsking) {
  const TestCertificate& good = test_certificate();
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(good.key_pem.data(), static_cast<int>(good.key_pem.size())), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr);
  unsigned char passphrase[] = "secret";
  PEM_write_bio_PrivateKey(out.get(), key, EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr);
  EVP_PKEY_free(key);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  const auto made = TlsContext::server(
      {good.certificate_pem, std::string(text, static_cast<std::size_t>(size)), "", {}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "the key is encrypted: expected one that is not");
}

TEST(TlsContext, KnowsWhenItsCertificateExpires) {
  TestAuthority::Terms terms;
  terms.good_from = -7200;
  terms.good_until = -3600;
  const TestCertificate old = test_authority().issue("localhost", terms);
  const auto made = TlsContext::server({old.certificate_pem, old.key_pem, "", {}});
  ASSERT_TRUE(made) << "it is for the operator to decide";
  EXPECT_EQ((*made)->not_after() - (*made)->not_before(), std::chrono::hours(1));
}

TEST(TlsSession, OurOwnClientVerifiesTheServer) {
  const auto attempt = [](const TlsClientOptions& options) {
    const auto context = TlsContext::client(options);
    TlsSession client(*context);
    Server server;
    for (int i = 0; i < 5; ++i) {
      const auto result = client.handshake();
      server.give(std::exchange(client.output(), {}));
      if (result == Handshake::Failed) return client.error();
      if (result == Handshake::Done && server.session.established()) return std::string("good");
      static std::string answer;  // stays while it is read
      answer = server.take();
      client.give(answer);
    }
    return std::string("never done");
  };
  const std::string ca = test_authority().certificate_pem();
  EXPECT_EQ(attempt({"", "", "", ""}), "good") << "verifies nothing, as it was told to";
  EXPECT_EQ(attempt({ca, "localhost", "", ""}), "good");
  EXPECT_THAT(attempt({ca, "elsewhere", "", ""}), HasSubstr("hostname mismatch"));
  EXPECT_THAT(attempt({TestAuthority().certificate_pem(), "localhost", "", ""}),
              HasSubstr("certificate verify failed"));
}

}  // namespace
}  // namespace sanjay::runtime
