// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/channels.h"
#include "channels/namespaces.h"
#include "hub/hub.h"

#include <optional>
#include <string_view>

namespace sanjay::api {

/// The channels as one shard's hub has them, by the rules of their namespaces.
class HubChannels final : public Channels {
 public:
  /// Both outlive this, `namespaces` until others are set.
  HubChannels(hub::Hub& hub, const channels::Namespaces& namespaces)
      : hub_(hub), namespaces_(&namespaces) {}
  void set_namespaces(const channels::Namespaces& namespaces) { namespaces_ = &namespaces; }

  std::optional<ChannelSettings> find(std::string_view channel) const override;
  std::optional<protocol::Error> check_data(channels::DataFormat format, std::string_view data,
                                            bool is_json) const override;
  std::optional<hub::Answer> publish(std::string_view channel, const hub::Publication& publication,
                                     const hub::PublishOptions& options,
                                     const hub::ReplyTo& reply_to) override;
  std::optional<hub::Answer> history(std::string_view channel, const hub::HistoryQuery& query,
                                     const hub::ReplyTo& reply_to) override;
  std::optional<hub::Answer> remove_history(std::string_view channel,
                                            const hub::ReplyTo& reply_to) override;
  std::optional<hub::Answer> presence(std::string_view channel,
                                      const hub::ReplyTo& reply_to) override;
  std::optional<hub::Answer> presence_stats(std::string_view channel,
                                            const hub::ReplyTo& reply_to) override;

 private:
  hub::Hub& hub_;
  const channels::Namespaces* namespaces_;
};

}  // namespace sanjay::api
