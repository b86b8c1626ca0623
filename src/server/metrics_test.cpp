// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include "core/result.h"
#include "server/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {
namespace {

using testing::HasSubstr;

struct Family {
  std::string type;
  std::set<std::string> labels;              // that its samples carry, "le" aside
  std::map<std::string, double> samples;     // by what stands before the value
  std::vector<std::pair<double, double>> buckets;  // bound and count, in their order
};

/// Reads the text exposition format, version 0.0.4, and takes nothing that is only tolerated: each
/// family once, with help and type before its samples, each sample once, histograms whole.
class Exposition {
 public:
  static core::Result<Exposition> parse(std::string_view text) {
    Exposition exposition;
    if (!text.ends_with('\n')) return core::failure("the last line is cut");
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end + 1);
      if (const std::string wrong = exposition.read(line); !wrong.empty()) {
        return core::failure(wrong + ": " + std::string(line));
      }
    }
    if (const std::string wrong = exposition.end_family(); !wrong.empty()) {
      return core::failure(wrong);
    }
    return exposition;
  }

  const std::map<std::string, Family>& families() const { return families_; }
  /// The value of a sample by what stands before it.
  double value(const std::string& sample) const {
    const std::string family = sample.substr(0, sample.find('{'));
    return families_.contains(family) && families_.at(family).samples.contains(sample)
               ? families_.at(family).samples.at(sample)
               : NAN;
  }

 private:
  std::string read(std::string_view line) {
    if (line.starts_with("# HELP ")) return read_help(line.substr(7));
    if (line.starts_with("# TYPE ")) return read_type(line.substr(7));
    if (line.empty() || line[0] == '#') return "neither help, type nor sample";
    return read_sample(line);
  }
  static bool is_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos;
  }
  std::string read_help(std::string_view rest) {
    if (auto wrong = end_family(); !wrong.empty()) return wrong;
    name_ = std::string(rest.substr(0, rest.find(' ')));
    if (!is_name(name_)) return "bad name";
    if (rest.size() < name_.size() + 2) return "no help";
    if (families_.contains(name_)) return "family twice";
    family_ = &families_[name_];
    return {};
  }
  std::string read_type(std::string_view rest) {
    if (family_ == nullptr || !family_->type.empty()) return "type without help, or twice";
    if (rest.substr(0, rest.find(' ')) != name_) return "type of another family";
    family_->type = std::string(rest.substr(std::min(rest.size(), name_.size() + 1)));
    static const std::set<std::string> kTypes{"counter", "gauge", "histogram"};
    if (!kTypes.contains(family_->type)) return "unknown type";
    const bool total = name_.ends_with("_total");
    return total == (family_->type == "counter") ? "" : "only counters end in _total, and all do";
  }
  std::string read_sample(std::string_view line) {
    if (family_ == nullptr || family_->type.empty()) return "sample before its type";
    const std::size_t name_end = line.find_first_of("{ ");
    if (name_end == line.npos) return "no value";
    const std::string_view name = line.substr(0, name_end);
    std::map<std::string, std::string> labels;
    std::string_view rest = line.substr(name_end);
    if (auto wrong = read_labels(rest, labels); !wrong.empty()) return wrong;
    if (!rest.starts_with(' ')) return "no space before the value";
    rest.remove_prefix(1);
    double value = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (read.ec != std::errc{} || read.ptr != rest.data() + rest.size()) return "bad value";
    if (family_->type != "gauge" && !(value >= 0)) return "negative count";
    if (auto wrong = check_name(name, labels, value); !wrong.empty()) return wrong;
    for (const auto& [label, text] : labels) {
      if (label != "le") family_->labels.insert(label);
    }
    const std::string key(line.substr(0, line.size() - rest.size() - 1));
    return family_->samples.emplace(key, value).second ? "" : "sample twice";
  }
  std::string check_name(std::string_view name, const std::map<std::string, std::string>& labels,
                         double value) {
    if (family_->type != "histogram") return name == name_ ? "" : "sample of another family";
    if (name == name_ + "_sum" || name == name_ + "_count") return "";
    if (name != name_ + "_bucket" || !labels.contains("le")) return "no part of a histogram";
    const std::string& text = labels.at("le");
    double bound = INFINITY;
    if (text != "+Inf") {
      const auto read = std::from_chars(text.data(), text.data() + text.size(), bound);
      if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return "bad bound";
    }
    family_->buckets.emplace_back(bound, value);
    return "";
  }
  static std::string read_labels(std::string_view& rest,
                                 std::map<std::string, std::string>& labels) {
    if (!rest.starts_with('{')) return {};
    do {
      rest.remove_prefix(1);
      const std::size_t equals = rest.find("=\"");
      if (equals == rest.npos) return "bad label";
      const std::string name(rest.substr(0, equals));
      if (!is_name(name)) return "bad label name";
      rest.remove_prefix(equals + 2);
      std::string value;
      while (!rest.empty() && rest[0] != '"') {
        if (rest[0] == '\\') {
          rest.remove_prefix(1);
          if (rest.empty() || std::string_view("\\\"n").find(rest[0]) == std::string_view::npos) {
            return "bad escape";
          }
        }
        value += rest[0];
        rest.remove_prefix(1);
      }
      if (rest.empty()) return "label without end";
      rest.remove_prefix(1);
      if (!labels.emplace(name, value).second) return "label twice";
    } while (rest.starts_with(','));
    if (!rest.starts_with('}')) return "labels without end";
    rest.remove_prefix(1);
    return {};
  }
  /// What can only be judged once a family is whole.
  std::string end_family() {
    if (family_ == nullptr) return {};
    if (family_->type.empty()) return "family without type: " + name_;
    if (family_->type != "histogram") return {};
    const auto& buckets = family_->buckets;
    if (buckets.empty() || !std::isinf(buckets.back().first)) return "no last bucket: " + name_;
    for (std::size_t i = 1; i < buckets.size(); ++i) {
      if (buckets[i].first <= buckets[i - 1].first) return "bounds out of order: " + name_;
      if (buckets[i].second < buckets[i - 1].second) return "buckets not cumulative: " + name_;
    }
    if (!family_->samples.contains(name_ + "_sum")) return "no sum: " + name_;
    if (!family_->samples.contains(name_ + "_count")) return "no count: " + name_;
    if (family_->samples.at(name_ + "_count") != buckets.back().second) {
      return "the count is not the last bucket: " + name_;
    }
    return {};
  }

  std::map<std::string, Family> families_;
  std::string name_;
  Family* family_ = nullptr;
};

TEST(Exposition, TheParserOfTheseTestsIsStrict) {
  const std::string good = "# HELP a A.\n# TYPE a gauge\na{x=\"1\\\\\\\"\\n\",y=\"\"} 1\na 2.5\n";
  const auto parsed = Exposition::parse(good);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->value("a"), 2.5);
  const std::string head = "# HELP a A.\n# TYPE a gauge\n";
  const std::string histogram = "# HELP h H.\n# TYPE h histogram\n";
  const std::string buckets = "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n";
  EXPECT_TRUE(Exposition::parse(histogram + buckets + "h_sum 1\nh_count 3\n"));
  for (const std::string& bad : {
           std::string("a 1\n"),
           std::string("# TYPE a gauge\na 1\n"),
           std::string("# HELP a A.\na 1\n"),
           std::string("# HELP a A.\n"),
           std::string("# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n"),
           std::string("# HELP a A.\n# TYPE a counter\na 1\n"),
           std::string("# HELP a_total A.\n# TYPE a_total counter\na_total -1\n"),
           head + "a 1",
           head + "a 1\n\n",
           head + "a 1\na 1\n",
           head + "b 1\n",
           head + "a\n",
           head + "a x\n",
           head + "a 1 x\n",
           head + "a{x=1} 1\n",
           head + "a{x=\"1} 1\n",
           head + "a{x=\"\\t\"} 1\n",
           head + "a{x=\"1\",x=\"1\"} 1\n",
           head + "a 1\n" + head,
           histogram + buckets + "h_sum 1\nh_count 4\n",
           histogram + buckets + "h_count 3\n",
           histogram + "h_bucket{le=\"1\"} 2\nh_sum 1\nh_count 2\n",
           histogram + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
           histogram + "h_bucket{le=\"2\"} 1\n" + buckets + "h_sum 1\nh_count 3\n",
       }) {
    EXPECT_FALSE(Exposition::parse(bad)) << bad;
  }
}

/// Two shards with clients, subscriptions, publications, refusals and errors, some of each.
class MetricsTest : public testing::Test {
 protected:
  Exposition read() {
    auto parsed = Exposition::parse(write_metrics(server_.shared(), server_.clock().now()));
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *std::move(parsed) : Exposition{};
  }
  MemoryServer::Peer& client(core::ShardIndex shard, std::string_view channel) {
    MemoryServer::Peer& peer = server_.upgrade(shard);
    server_.say(peer, MemoryServer::message(R"({"id":1,"connect":{}})"));
    server_.say(peer, MemoryServer::message("{\"id\":2,\"subscribe\":{\"channel\":\"" +
                                            std::string(channel) + "\"}}"));
    return peer;
  }
  void work() {
    client(0, "news");
    client(1, "news");
    client(1, "chat");
    client(1, "no:such");  // error 102
    server_.say(server_.connect(0), "nonsense\r\n\r\n");
    server_.call(0, "publish", R"({"channel":"news","data":1})");
    server_.call(1, "broadcast", R"({"channels":["news","chat","empty"],"data":1})");
  }

  MemoryServer server_{2};
};

TEST_F(MetricsTest, AreWellFormedBeforeAndAfterWork) {
  read();
  work();
  const Exposition metrics = read();
  EXPECT_GT(metrics.families().size(), 40U);
  for (const auto& [name, family] : metrics.families()) {
    EXPECT_FALSE(family.samples.empty()) << name;
  }
}

TEST_F(MetricsTest, SumOverTheShardsWhatWasDone) {
  work();
  const Exposition metrics = read();
  EXPECT_EQ(metrics.value("sanjay_shards"), 2);
  EXPECT_EQ(metrics.value("sanjay_io_driver_info{driver=\"simulated\"}"), 1);
  EXPECT_EQ(metrics.value("sanjay_clients"), 4);
  EXPECT_EQ(metrics.value("sanjay_users"), 2);  // the anonymous one, on each shard
  EXPECT_EQ(metrics.value("sanjay_transport_connections{transport=\"websocket\"}"), 4);
  EXPECT_EQ(metrics.value("sanjay_upgrades_total"), 4);
  EXPECT_EQ(metrics.value("sanjay_connections_accepted_total"), 7);
  EXPECT_EQ(metrics.value("sanjay_commands_total{command=\"connect\"}"), 4);
  EXPECT_EQ(metrics.value("sanjay_commands_total{command=\"subscribe\"}"), 4);
  EXPECT_EQ(metrics.value("sanjay_commands_total{command=\"publish\"}"), 0);
  EXPECT_EQ(metrics.value("sanjay_command_errors_total{code=\"102\"}"), 1);
  EXPECT_EQ(metrics.value("sanjay_subscriptions"), 3);
  EXPECT_EQ(metrics.value("sanjay_channels"), 2);
  EXPECT_EQ(metrics.value("sanjay_publications_total"), 4);
  EXPECT_EQ(metrics.value("sanjay_deliveries_total"), 5);  // twice to two, once to one, never
  EXPECT_EQ(metrics.value("sanjay_refusals_total{reason=\"malformed\"}"), 1);
  EXPECT_EQ(metrics.value("sanjay_refusals_total{reason=\"origin\"}"), 0);
  EXPECT_EQ(metrics.value("sanjay_api_calls_total{method=\"publish\"}"), 1);
  EXPECT_EQ(metrics.value("sanjay_api_calls_total{method=\"broadcast\"}"), 1);
  EXPECT_EQ(metrics.value("sanjay_connections_max"), server_.shared().wiring->connections_max);
  EXPECT_GT(metrics.value("sanjay_received_bytes_total"), 500);
  EXPECT_GT(metrics.value("sanjay_sent_bytes_total"), 500);
  EXPECT_EQ(metrics.value("sanjay_write_queue_bytes"), 0);
  EXPECT_EQ(metrics.value("sanjay_pending_publication_bytes"), 0);
  server_.clock().advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(read().value("sanjay_uptime_seconds"), 1.5);
}

TEST_F(MetricsTest, AreServedAsPrometheusAsksForThem) {
  const std::string response =
      server_.say(server_.connect(1), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(response, testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_TRUE(Exposition::parse(response.substr(response.find("\r\n\r\n") + 4)));
  EXPECT_THAT(server_.say(server_.connect(1), "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
              testing::StartsWith("HTTP/1.1 405 "));
}

/// name → type and labels, from the rows "| `name` | type | `label` … | meaning |".
std::map<std::string, std::string> documented_metrics() {
  std::ifstream file(std::string(SANJAY_CORPUS_DIR) + "/../../../docs/metrics.md");
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line.substr(2));
    for (std::string cell; std::getline(row, cell, '|');) {
      std::erase_if(cell, [](char c) { return c == '`' || c == ' '; });
      cells.push_back(cell);
    }
    if (cells.size() < 4) continue;
    EXPECT_TRUE(found.emplace(cells[0], cells[1] + " " + cells[2]).second) << cells[0];
  }
  return found;
}

TEST_F(MetricsTest, AreThoseThatTheDocumentationNames) {
  work();
  std::map<std::string, std::string> served;
  const Exposition metrics = read();
  for (const auto& [name, family] : metrics.families()) {
    std::string labels;
    for (const std::string& label : family.labels) labels += (labels.empty() ? "" : ",") + label;
    served[name] = family.type + " " + labels;
  }
  EXPECT_EQ(served, documented_metrics());
}

}  // namespace
}  // namespace sanjay::server
