// SPDX-License-Identifier: Apache-2.0
// Clients that take differences, and clients that filter, over seeded schedules: whatever is
// published, dropped and recovered, each ends up with the payloads that were published, in order.
#include "protocol/fossil_delta.h"
#include "session/session_fixture.h"

#include <google/protobuf/io/coded_stream.h>
#include <protocol/client.pb.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::session {
namespace {

/// What one push or one recovered publication says.
struct Heard {
  std::string data;
  bool is_patch = false;
  std::uint64_t offset = 0;
};

struct Follower {
  Client* client = nullptr;
  bool delta = false;
  bool filtered = false;
  bool subscribed = false;
  std::uint64_t offset = 0;  // where it stands: of the last publication it was told of
  std::string base{};        // the payload it has
  bool has_base = false;
  std::size_t heard = 0;
};

class DeltaSimulation : public SessionFixture {
 public:
  explicit DeltaSimulation(std::uint64_t seed) : random_source_(seed) {
    options_.insecure = true;
    channels::ChannelOptions& news = add_namespace("news");
    news.history = {20, seconds(600), {}};
    news.force_recovery = true;
    news.allowed_delta_types = {channels::DeltaType::Fossil};
    news.allow_tags_filter = true;
    const bool alone = random_source_.below(2) == 0;
    start(alone ? 1 : 2);
    name_ = channel(alone || random_source_.below(2) == 0, "news:");
    for (int i = 0; i < 4; ++i) {
      const auto encoding =
          i % 2 == 0 ? hub::Encoding::JsonWebSocket : hub::Encoding::ProtobufWebSocket;
      followers_.push_back({&connect(encoding), i < 3, i == 3 || random_source_.below(4) == 0});
      followers_.back().client->take();
    }
  }

  int run() {
    for (int step = 0; step < 150 && !HasFailure(); ++step) {
      const auto what = below(10);
      Follower& follower = followers_[below(followers_.size())];
      if (what < 5) {
        publish();
      } else if (what < 7) {
        turn();
      } else if (what == 7 && !follower.subscribed) {
        settle();
        subscribe(follower);
      } else if (what == 8 && follower.subscribed) {
        unsubscribe(follower);
      } else {
        settle();
        for (Follower& one : followers_) hear(one);
      }
    }
    settle();
    for (Follower& one : followers_) {
      hear(one);
      if (!one.subscribed || one.filtered || one.heard == 0) continue;
      EXPECT_EQ(one.offset, published_.size()) << "it missed the last ones";
    }
    return patches_;
  }

 private:
  void TestBody() override {}

  std::uint64_t below(std::uint64_t n) { return random_source_.below(n); }

  std::string next_payload() {
    constexpr std::string_view kLetters[] = {"а", "б", "п", "😀", "😁", "x", "7", " "};
    if (text_.empty() || below(8) == 0) {
      text_.clear();
      for (std::uint64_t i = below(120); i > 0; --i) text_ += kLetters[below(8)];
    } else {
      std::size_t at = below(text_.size() + 1);
      while (at < text_.size() && (text_[at] & 0xC0) == 0x80) ++at;
      text_.insert(at, kLetters[below(8)]);
    }
    return "{\"text\":\"" + text_ + "\"}";
  }

  void publish() {
    const std::string payload = next_payload();
    const bool red = below(2) == 0;
    const bool kept = below(6) != 0;
    const hub::Tag tag{"color", red ? "red" : "blue"};
    hub::Publication publication{
        .data = payload, .tags = {&tag, 1}, .data_is_json = below(2) == 0, .delta = below(5) != 0};
    hub::PublishOptions how;
    if (kept) how.history = {20, seconds(600), seconds(6000)};
    hub::Hub& home = *shards_[hub().home_of(name_)].hub;
    const auto answer = home.publish(name_, publication, how, {});
    ASSERT_TRUE(answer && std::holds_alternative<hub::Published>(*answer));
    if (!kept) {
      transients_.push_back(payload);
      return;
    }
    published_.push_back({payload, red});
  }

  void subscribe(Follower& follower) {
    std::string more;
    if (follower.delta) more += R"(,"delta":"fossil")";
    if (follower.filtered) more += R"(,"tf":{"key":"color","cmp":"eq","val":"red"})";
    const bool recovers = follower.heard > 0;
    if (recovers) {
      more += R"(,"recover":true,"epoch":"","offset":)" + std::to_string(follower.offset);
    }
    say(*follower.client, R"({"id":9,"subscribe":{"channel":")" + name_ + "\"" + more + "}}");
    // What it had it lost with the subscription, as applications do that keep a position only.
    follower.has_base = false;
    follower.subscribed = true;
  }

  void unsubscribe(Follower& follower) {
    settle();  // it says nothing while it waits
    hear(follower);
    say(*follower.client, R"({"id":8,"unsubscribe":{"channel":")" + name_ + "\"}}");
    settle();
    hear(follower);
    follower.subscribed = false;
  }

  static Heard from_json(simdjson::dom::element publication, bool negotiated) {
    Heard heard;
    simdjson::dom::element data = publication["data"];
    if (negotiated) {
      EXPECT_TRUE(data.is_string()) << "always a string where delta was negotiated";
      heard.data = std::string(data.get_string().value());
    } else {
      heard.data = simdjson::minify(data);
    }
    bool delta = false;
    if (publication["delta"].get(delta) == simdjson::SUCCESS) heard.is_patch = delta;
    std::uint64_t offset = 0;
    if (publication["offset"].get(offset) == simdjson::SUCCESS) heard.offset = offset;
    return heard;
  }
  template <class Message>
  static Heard from_protobuf(const Message& publication) {
    return {publication.data(), publication.delta(), publication.offset()};
  }

  /// Takes in what the client was sent.
  void hear(Follower& follower) {
    const bool negotiated = follower.delta && !follower.filtered;
    for (const std::string& text : std::exchange(follower.client->received, {})) {
      if (text.find("\"error\"") != text.npos) ADD_FAILURE() << text;
    }
    for (const std::string& message : std::exchange(follower.client->wire, {})) {
      if (follower.client->encoding == hub::Encoding::JsonWebSocket) {
        simdjson::dom::parser parser;
        const simdjson::padded_string padded(message);
        for (auto reply : parser.parse_many(padded)) {
          simdjson::dom::element found;
          if (reply["push"]["pub"].get(found) == simdjson::SUCCESS) {
            take(follower, from_json(found, negotiated));
          } else if (reply["subscribe"].get(found) == simdjson::SUCCESS) {
            simdjson::dom::array list;
            bool recovered = false;
            if (found["recovered"].get(recovered) != simdjson::SUCCESS) recovered = false;
            std::uint64_t offset = 0;
            if (found["offset"].get(offset) != simdjson::SUCCESS) offset = 0;
            follower.offset = offset;
            if (found["publications"].get(list) != simdjson::SUCCESS) continue;
            for (auto publication : list) take(follower, from_json(publication, negotiated));
          }
        }
        continue;
      }
      google::protobuf::io::CodedInputStream in(
          reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
      std::uint32_t size = 0;
      while (in.ReadVarint32(&size)) {
        const auto limit = in.PushLimit(static_cast<int>(size));
        protocol::wire::Reply reply;
        ASSERT_TRUE(reply.ParseFromCodedStream(&in));
        in.PopLimit(limit);
        if (reply.push().has_pub()) take(follower, from_protobuf(reply.push().pub()));
        if (!reply.has_subscribe()) continue;
        follower.offset = reply.subscribe().offset();
        for (const auto& one : reply.subscribe().publications()) {
          take(follower, from_protobuf(one));
        }
      }
    }
  }

  void take(Follower& follower, const Heard& heard) {
    std::string payload = heard.data;
    if (heard.is_patch) {
      ASSERT_TRUE(follower.has_base) << "a difference from nothing";
      const auto made = protocol::apply_fossil_delta(follower.base, heard.data, 1 << 20);
      ASSERT_TRUE(made) << "a difference from something else";
      payload = *made;
      ++patches_;
    }
    follower.base = payload;
    follower.has_base = true;
    ++follower.heard;
    if (heard.offset == 0) {
      EXPECT_TRUE(std::ranges::count(transients_, payload) > 0);
      return;
    }
    ASSERT_LE(heard.offset, published_.size());
    const auto& [expected, red] = published_[heard.offset - 1];
    EXPECT_EQ(payload, expected);
    EXPECT_TRUE(red || !follower.filtered);
    EXPECT_GT(heard.offset, follower.offset);
    EXPECT_TRUE(follower.filtered || heard.offset == follower.offset + 1);
    for (std::uint64_t left_out = follower.offset + 1; left_out < heard.offset; ++left_out) {
      EXPECT_FALSE(published_[left_out - 1].second) << "left out without reason";
    }
    follower.offset = heard.offset;
  }

  core::Random random_source_;
  std::string name_;
  std::string text_;
  std::vector<std::pair<std::string, bool>> published_;  // payload, red; by offset
  std::vector<std::string> transients_;
  std::vector<Follower> followers_;
  int patches_ = 0;
};

TEST(DeltaSimulationTest, EveryStateIsThePublishedOne) {
  const char* wanted = std::getenv("SANJAY_SEEDS");
  const int seeds = wanted == nullptr ? 300 : std::atoi(wanted);
  int patches = 0;
  for (int seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DeltaSimulation simulation(static_cast<std::uint64_t>(seed));
    patches += simulation.run();
  }
  EXPECT_GT(patches, seeds * 10) << "differences were hardly ever sent";
}

}  // namespace
}  // namespace sanjay::session
