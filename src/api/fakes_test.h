// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/channels.h"
#include "api/node.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::api {

/// For tests only: the shards' work, done when the test says so.
class FakeNode final : public Node {
 public:
  std::size_t ask_shards(ShardTask task, std::uint32_t number) override {
    if (answers == 0 || asked.size() - answered >= tasks_max) return 0;
    asked.emplace_back(std::move(task), number);
    return answers;
  }
  NodeInfo info() const override {
    return {"uid-1", "node \"one\"", "1.2.3", 10, 7, 4, 20, 3600, 123456};
  }

  std::size_t answers = 2;
  std::size_t tasks_max = 16;
  std::size_t answered = 0;  // so many of those asked are done with
  std::vector<std::pair<ShardTask, std::uint32_t>> asked;
};

/// For tests only: channels whose answers come at once, or when the test says so. Those that begin
/// with "h" have history, those with "p" presence; "b" takes any data, "d" may be sent as
/// differences; those that begin with "x" or have a namespace do not exist.
class FakeChannels final : public Channels {
 public:
  /// One call, its views copied.
  struct Asked {
    std::string_view what;
    std::string channel;
    hub::ReplyTo reply_to;
    std::string data{};
    bool data_is_json = true;
    std::string tags{};  // key=value; and so on
    std::string idempotency_key{};
    std::string version{};  // and its epoch
    bool history = false;
    bool delta = false;
    hub::HistoryQuery query{};
  };

  std::optional<ChannelSettings> find(std::string_view channel) const override {
    if (channel.starts_with('x') || channel.find(':') != channel.npos) return std::nullopt;
    ChannelSettings settings;
    if (channel.starts_with('h')) {
      settings.history = {10, std::chrono::seconds(60), std::chrono::hours(1)};
    }
    settings.presence = channel.starts_with('p');
    settings.delta_publish = channel.starts_with('d');
    if (channel.starts_with('b')) settings.data_format = channels::DataFormat::Binary;
    return settings;
  }
  std::optional<protocol::Error> check_data(channels::DataFormat format, std::string_view data,
                                            bool) const override {
    ++data_checks;
    if (data.empty() && format != channels::DataFormat::Binary) return protocol::kErrorBadRequest;
    return std::nullopt;
  }

  std::optional<hub::Answer> publish(std::string_view channel, const hub::Publication& publication,
                                     const hub::PublishOptions& options,
                                     const hub::ReplyTo& reply_to) override {
    Asked one{"publish", std::string(channel), reply_to};
    one.data = publication.data;
    one.data_is_json = publication.data_is_json;
    for (const hub::Tag& tag : publication.tags) {
      one.tags.append(tag.key).append("=").append(tag.value).append(";");
    }
    one.idempotency_key = options.idempotency_key;
    one.version = std::to_string(options.version).append(options.version_epoch);
    one.history = options.history.enabled();
    one.delta = publication.delta;
    return take(std::move(one));
  }
  std::optional<hub::Answer> history(std::string_view channel, const hub::HistoryQuery& query,
                                     const hub::ReplyTo& reply_to) override {
    Asked one{"history", std::string(channel), reply_to};
    one.query = query;
    return take(std::move(one));
  }
  std::optional<hub::Answer> remove_history(std::string_view channel,
                                            const hub::ReplyTo& reply_to) override {
    return take({"remove_history", std::string(channel), reply_to});
  }
  std::optional<hub::Answer> presence(std::string_view channel,
                                      const hub::ReplyTo& reply_to) override {
    return take({"presence", std::string(channel), reply_to});
  }
  std::optional<hub::Answer> presence_stats(std::string_view channel,
                                            const hub::ReplyTo& reply_to) override {
    return take({"presence_stats", std::string(channel), reply_to});
  }

  /// What the next calls are answered at once, each once.
  std::deque<hub::Answer> at_once;
  /// What the others are answered, unless their channel begins with "t": those wait in `asked`.
  std::optional<hub::Answer> otherwise;
  std::deque<Asked> asked;
  std::vector<std::string> all;  // "publish a" and so on, in their order
  mutable int data_checks = 0;
  Asked last;  // of those that were answered at once

 private:
  std::optional<hub::Answer> take(Asked&& one) {
    all.push_back(std::string(one.what) + " " + one.channel);
    if (at_once.empty() && (!otherwise || one.channel.starts_with('t'))) {
      asked.push_back(std::move(one));
      return std::nullopt;
    }
    last = std::move(one);
    if (at_once.empty()) return otherwise;
    hub::Answer answer = std::move(at_once.front());
    at_once.pop_front();
    return answer;
  }
};

/// For tests only: a stored publication of JSON data.
inline hub::PublicationRef stored(std::string_view data, std::uint64_t offset) {
  hub::Publication publication;
  publication.data = data;
  publication.offset = offset;
  return std::make_shared<const hub::StoredPublication>(publication);
}

}  // namespace sanjay::api
