// SPDX-License-Identifier: Apache-2.0
#include "server/jwks_fetcher.h"

#include "auth/token_verifier.h"
#include "server/jwks_endpoints.h"
#include "server/jwks_issuer_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::Contains;
using testing::HasSubstr;
using After = TestIssuer::Answer::After;
using State = auth::KeyLookup::State;

/// Keeps what is logged, one line a record.
class TestLog final : public telemetry::Logger {
 public:
  bool enabled(telemetry::Level) const override { return true; }
  void log(telemetry::Level level, std::string_view message,
           std::initializer_list<telemetry::Field> fields) override {
    std::string line(level == telemetry::Level::Warn ? "warn: " : "");
    line += message;
    for (const telemetry::Field& field : fields) {
      const auto* text = std::get_if<std::string_view>(&field.value);
      line.append(" ").append(field.key).append("=").append(text != nullptr ? *text : "…");
    }
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Counts the calls of the hook and lets a test wait for them.
class Fetches {
 public:
  void on_keys_changed() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

const auth::TestKey& key_pair(int number) {
  static const auth::TestKey pairs[] = {auth::TestKey::p256(), auth::TestKey::p256()};
  return pairs[number];
}

std::string kid(const char* name) { return R"("kid":")" + std::string(name) + "\","; }
std::string set_of(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }
std::string token(const auth::TestKey& key, const char* name) {
  return key.token(auth::SignatureAlgorithm::Es256, "{" + kid(name) + R"("alg":"ES256"})", "{}");
}

/// An issuer whose answer may be exchanged, and a fetcher of its keys.
class JwksFetcherTest : public testing::Test {
 protected:
  void answer_with(TestIssuer::Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::unique_ptr<JwksFetcher> start(const auth::KeyCacheOptions& cache = {},
                                     const DownloadLimits& limits = {}) {
    return JwksFetcher::start({{issuer_.url()}, cache, limits}, log_,
                              [this] { fetches_.on_keys_changed(); })
        .value();
  }

  std::mutex mutex_;
  TestIssuer::Answer answer_ = TestIssuer::ok(set_of(key_pair(0).jwk(kid("1"))));
  TestLog log_;
  Fetches fetches_;
  TestIssuer issuer_{[this](auto) {
    const std::lock_guard lock(mutex_);
    return answer_;
  }};
};

TEST_F(JwksFetcherTest, FetchesAtOnceAndTheKeysVerifyTokens) {
  const auto fetcher = start();
  ASSERT_TRUE(fetches_.wait_for(1));
  const auto verifier = auth::TokenVerifier::create({.key_source = fetcher->keys()}).value();
  const core::WallTime now{1'700'000'000s};
  EXPECT_TRUE(verifier.verify_connection(token(key_pair(0), "1"), now));
  EXPECT_EQ(verifier.verify_connection(token(key_pair(1), "1"), now).error().reason,
            "signature does not match");
  EXPECT_EQ(verifier.verify_connection(token(key_pair(1), "2"), now).error().reason,
            "kid is not one of the issuer's");
  EXPECT_EQ(issuer_.requests().size(), 1U);
  EXPECT_THAT(log_.lines(), Contains(HasSubstr("token keys fetched endpoint=" + issuer_.url())));
}

TEST_F(JwksFetcherTest, ARotatedKeyIsFetchedWhenATokenNamesIt) {
  const auto fetcher = start({.unknown_kid_interval = 0s});
  ASSERT_TRUE(fetches_.wait_for(1));
  answer_with(TestIssuer::ok(set_of(key_pair(0).jwk(kid("1")) + "," + key_pair(1).jwk(kid("2")))));
  EXPECT_EQ(fetcher->keys()->look_up("2").state, State::Pending);
  ASSERT_TRUE(fetches_.wait_for(2));
  EXPECT_EQ(fetcher->keys()->look_up("2").state, State::Known);
  EXPECT_EQ(fetcher->keys()->look_up("1").state, State::Known);
}

TEST_F(JwksFetcherTest, KeysAreRenewedWithoutBeingAskedFor) {
  const auto fetcher = start({.refresh_interval = 20ms});
  ASSERT_TRUE(fetches_.wait_for(1));
  answer_with(TestIssuer::ok(set_of(key_pair(1).jwk(kid("2")))));
  const auto deadline = steady_clock::now() + 10s;
  for (std::size_t i = 2; fetcher->keys()->look_up("2").state != State::Known; ++i) {
    ASSERT_TRUE(fetches_.wait_for(i));
    ASSERT_LT(steady_clock::now(), deadline);
  }
}

TEST_F(JwksFetcherTest, AFloodOfUnknownKidsReachesTheIssuerOnce) {
  const auto fetcher = start();
  ASSERT_TRUE(fetches_.wait_for(1));
  std::atomic<int> unknown{0};
  std::vector<std::thread> shards;
  for (int shard = 0; shard < 4; ++shard) {
    shards.emplace_back([&, shard] {
      for (int i = 0; i < 2'500; ++i) {
        const std::string name = std::to_string(shard) + "-" + std::to_string(i);
        if (fetcher->keys()->look_up(name).state == State::Unknown) ++unknown;
      }
    });
  }
  for (std::thread& shard : shards) shard.join();
  EXPECT_EQ(unknown, 10'000) << "the keys are not 30 s old";
  EXPECT_EQ(issuer_.requests().size(), 1U);
  EXPECT_EQ(fetcher->keys()->status().fetches, 1U);
}

TEST_F(JwksFetcherTest, LastGoodKeysAreServedWhateverTheIssuerAnswers) {
  DownloadLimits limits;
  limits.total = 200ms;
  const auto fetcher =
      start({.unknown_kid_interval = 0s, .backoff_min = 1ms, .backoff_max = 1ms}, limits);
  ASSERT_TRUE(fetches_.wait_for(1));
  std::size_t fetches = 1;
  const std::pair<TestIssuer::Answer, const char*> answers[] = {
      {{TestIssuer::response("503 Busy", "hush")}, "the answer's status is 503"},
      {TestIssuer::ok(""), "the key set is not a JSON object"},
      {TestIssuer::ok("<html>hush</html>"), "the key set is not a JSON object"},
      {TestIssuer::ok("\x1f\x8b\x08hush"), "the key set is not a JSON object"},
      {TestIssuer::ok(set_of(key_pair(1).jwk(kid("2"))).substr(0, 50)),
       "the key set is not a JSON object"},
      {TestIssuer::ok(R"({"error":"hush"})"), "the key set has no list of keys"},
      {TestIssuer::ok(R"({"keys":[]})"), "the key set has no key that can be used"},
      {TestIssuer::ok(R"({"keys":[{"kty":"oct","kid":"2","k":"aHVzaA"}]})"),
       "the key set has no key that can be used"},
      {TestIssuer::ok(std::string(auth::kJwksBytesMax + 1, ' ')), "the answer is too large"},
      {{"", After::Hang}, "timed out"},
      {{"hush\r\n"}, ""},
      {TestIssuer::redirect("http://id.example/"), "the answer sends us to another host"},
  };
  for (const auto& [answer, why] : answers) {
    answer_with(answer);
    ASSERT_EQ(fetcher->keys()->look_up("2").state, State::Pending) << why;
    ASSERT_TRUE(fetches_.wait_for(++fetches)) << why;
    EXPECT_EQ(fetcher->keys()->look_up("1").state, State::Known) << why;
    const std::string last = log_.lines().back();
    EXPECT_THAT(last, testing::StartsWith("warn: token keys not fetched")) << why;
    EXPECT_THAT(last, HasSubstr(why));
    EXPECT_THAT(last, HasSubstr("last_good_keys=served"));
    EXPECT_THAT(last, testing::Not(HasSubstr("hush")));
  }
  answer_with(TestIssuer::ok(set_of(key_pair(1).jwk(kid("2")))));
  ASSERT_EQ(fetcher->keys()->look_up("2").state, State::Pending);
  ASSERT_TRUE(fetches_.wait_for(++fetches));
  EXPECT_EQ(fetcher->keys()->look_up("2").state, State::Known) << "the outage is over";
  EXPECT_EQ(fetcher->keys()->look_up("1").state, State::Pending) << "and the old key gone";
}

TEST_F(JwksFetcherTest, AnIssuerThatIsDownAtTheStartIsAskedAgain) {
  answer_with({TestIssuer::response("500 Oh", "")});
  const auto fetcher = start({.backoff_min = 1ms, .backoff_max = 2ms});
  ASSERT_TRUE(fetches_.wait_for(3)) << "with nobody asking";
  EXPECT_NE(fetcher->keys()->look_up("1").state, State::Known);
  EXPECT_NE(fetcher->keys()->look_up("1").state, State::Unknown);
  answer_with(TestIssuer::ok(set_of(key_pair(0).jwk(kid("1")))));
  const auto deadline = steady_clock::now() + 10s;
  for (std::size_t i = 4; fetcher->keys()->look_up("1").state != State::Known; ++i) {
    ASSERT_TRUE(fetches_.wait_for(i));
    ASSERT_LT(steady_clock::now(), deadline);
  }
}

TEST_F(JwksFetcherTest, EndsWithinASecondWhateverItIsDoing) {
  answer_with({"", After::Hang});
  auto fetching = start();
  ASSERT_TRUE(issuer_.wait_for_requests(1));
  auto begin = steady_clock::now();
  fetching.reset();
  EXPECT_LT(steady_clock::now() - begin, 1s);

  answer_with({TestIssuer::response("500 Oh", "")});
  auto waiting = start({.backoff_min = 1h, .backoff_max = 1h});
  ASSERT_TRUE(fetches_.wait_for(2));
  begin = steady_clock::now();
  waiting.reset();
  EXPECT_LT(steady_clock::now() - begin, 1s);
}

TEST_F(JwksFetcherTest, ItsKeysMayOutliveIt) {
  auto fetcher = start();
  ASSERT_TRUE(fetches_.wait_for(1));
  const std::shared_ptr<auth::KeySource> keys = fetcher->keys();
  fetcher.reset();
  EXPECT_EQ(keys->look_up("1").state, State::Known);
}

TEST(JwksFetcher, RefusesAnEndpointThatMustNotBeUsed) {
  TestLog log;
  for (const char* url : {"http://id.example/", "https://{{iss}}/", "file:///etc/passwd"}) {
    EXPECT_FALSE(JwksFetcher::start({{url}}, log, {})) << url;
  }
}

TEST_F(JwksFetcherTest, EndpointsKeepTheKeysOfAnUnchangedOne) {
  JwksEndpoints endpoints(log_);
  endpoints.set_on_keys_changed([this] { fetches_.on_keys_changed(); });
  const JwksEndpoint endpoint{issuer_.url()};
  const auto first = endpoints.source(endpoint, 1h).value();
  endpoints.keep_new();
  ASSERT_TRUE(fetches_.wait_for(1));
  EXPECT_EQ(first->look_up("1").state, State::Known);

  // A reload asks again; meanwhile the issuer is down.
  answer_with({TestIssuer::response("500 Oh", "")});
  const auto again = endpoints.source(endpoint, 2h).value();
  EXPECT_EQ(again, first);
  endpoints.keep_new();
  EXPECT_EQ(endpoints.size(), 1U);
  EXPECT_EQ(again->look_up("1").state, State::Known);
  EXPECT_EQ(issuer_.requests().size(), 1U);

  const auto other = endpoints.source({issuer_.url("/other")}, 1h).value();
  EXPECT_NE(other, again) << "another endpoint, other keys";
  EXPECT_EQ(endpoints.size(), 2U);
  ASSERT_TRUE(fetches_.wait_for(2));
  EXPECT_NE(other->look_up("1").state, State::Known);
}

TEST_F(JwksFetcherTest, EndpointsEndTheFetchersThatAReloadLeavesOut) {
  JwksEndpoints endpoints(log_);
  const auto a = endpoints.source({issuer_.url("/a")}, 1h).value();
  const auto b = endpoints.source({issuer_.url("/b")}, 1h).value();
  endpoints.keep_new();
  EXPECT_EQ(endpoints.size(), 2U);
  EXPECT_EQ(endpoints.source({issuer_.url("/b")}, 1h).value(), b);
  endpoints.keep_new();
  EXPECT_EQ(endpoints.size(), 1U) << "though somebody holds the other's keys still";
  EXPECT_NE(endpoints.source({issuer_.url("/a")}, 1h).value(), a) << "begun anew";
  endpoints.keep_new();
  endpoints.keep_new();
  EXPECT_EQ(endpoints.size(), 0U);
}

TEST_F(JwksFetcherTest, AReloadThatFailsLeavesTheEndpointsAsTheyWere) {
  JwksEndpoints endpoints(log_);
  const auto a = endpoints.source({issuer_.url("/a")}, 1h).value();
  endpoints.keep_new();
  EXPECT_TRUE(endpoints.source({issuer_.url("/b")}, 1h));
  EXPECT_EQ(endpoints.size(), 2U);
  endpoints.keep_old();
  EXPECT_EQ(endpoints.size(), 1U);
  EXPECT_EQ(endpoints.source({issuer_.url("/a")}, 1h).value(), a);
}

TEST_F(JwksFetcherTest, AHookThatWasTakenAwayIsNotCalled) {
  JwksEndpoints endpoints(log_);
  std::atomic<int> calls{0};
  endpoints.set_on_keys_changed([&] { ++calls; });
  endpoints.set_on_keys_changed([this] { fetches_.on_keys_changed(); });
  const auto source = endpoints.source({issuer_.url()}, 1h).value();
  ASSERT_TRUE(fetches_.wait_for(1));
  endpoints.set_on_keys_changed({});
  EXPECT_EQ(calls, 0);
}

// GHSA-g6vg-wj8f-48cj: the cache is the endpoint's, so that a kid means one issuer's key only.
TEST(Advisory, GhsaG6vgTwoEndpointsNeverShareAKey) {
  TestLog log;
  Fetches fetches;
  TestIssuer first([](auto) { return TestIssuer::ok(set_of(key_pair(0).jwk(kid("1")))); });
  TestIssuer second([](auto) { return TestIssuer::ok(set_of(key_pair(1).jwk(kid("1")))); });
  JwksEndpoints endpoints(log);
  endpoints.set_on_keys_changed([&] { fetches.on_keys_changed(); });
  const auto firsts_keys = endpoints.source({first.url()}, 1h).value();
  const auto seconds_keys = endpoints.source({second.url()}, 1h).value();
  ASSERT_NE(firsts_keys, seconds_keys);
  const auto of_first = auth::TokenVerifier::create({.key_source = firsts_keys}).value();
  const auto of_second = auth::TokenVerifier::create({.key_source = seconds_keys}).value();
  ASSERT_TRUE(fetches.wait_for(2));
  const core::WallTime now{1'700'000'000s};
  EXPECT_TRUE(of_first.verify_connection(token(key_pair(0), "1"), now));
  EXPECT_TRUE(of_second.verify_connection(token(key_pair(1), "1"), now));
  EXPECT_FALSE(of_first.verify_connection(token(key_pair(1), "1"), now));
  EXPECT_FALSE(of_second.verify_connection(token(key_pair(0), "1"), now));
  endpoints.set_on_keys_changed({});
}

}  // namespace
}  // namespace sanjay::server
