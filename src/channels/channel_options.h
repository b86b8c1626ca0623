// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace re2 {
class RE2;
}

namespace sanjay::channels {

/// What a client that comes back is given of what it missed: all of it, or the newest publication.
enum class RecoveryMode : std::uint8_t { Stream, Cache };

/// What the payload of a publication must be. NotEmpty is anything of at least one byte; Binary is
/// anything at all.
enum class DataFormat : std::uint8_t { NotEmpty, Json, JsonObject, Binary };

/// How publications may be written as differences from the ones before them.
enum class DeltaType : std::uint8_t { Fossil };

/// How much of a channel's publications is kept, and how long. Whole seconds.
struct HistorySettings {
  std::uint32_t size = 0;  // publications
  core::Duration ttl{0};
  /// Of epoch and offset, which outlive the publications. In a configuration 0 stands for the
  /// value of all namespaces; in a Namespaces it is never 0.
  core::Duration meta_ttl{0};

  bool enabled() const { return size > 0 && ttl > core::Duration::zero(); }

  friend bool operator==(const HistorySettings&, const HistorySettings&) = default;
};

/// What holds for the channels of one namespace. Names and meaning are Centrifugo's, everything is
/// off by default. A `_for_anonymous` modifies the options beside it and allows nothing alone. Of
/// Centrifugo's options those are left out that this server does not offer: proxies, map and
/// shared-poll subscriptions.
struct ChannelOptions {
  bool presence = false;    // who is subscribed is kept
  bool join_leave = false;  // coming and going is published
  bool force_push_join_leave = false;

  HistorySettings history;

  bool force_positioning = false;
  bool allow_positioning = false;
  bool force_recovery = false;
  bool allow_recovery = false;
  RecoveryMode force_recovery_mode = RecoveryMode::Stream;
  bool auto_cache_recover = false;  // every subscriber gets the newest publication at once

  std::vector<DeltaType> allowed_delta_types;  // that subscribers may ask for
  bool delta_publish = false;                  // all publications may be sent so
  bool allow_tags_filter = false;              // subscribers may leave publications out

  bool allow_subscribe_for_client = false;
  bool allow_subscribe_for_anonymous = false;

  bool allow_publish_for_subscriber = false;
  bool allow_publish_for_client = false;
  bool allow_publish_for_anonymous = false;

  bool allow_presence_for_subscriber = false;
  bool allow_presence_for_client = false;
  bool allow_presence_for_anonymous = false;

  bool allow_history_for_subscriber = false;
  bool allow_history_for_client = false;
  bool allow_history_for_anonymous = false;

  bool allow_user_limited_channels = false;
  DataFormat publication_data_format = DataFormat::NotEmpty;

  std::string channel_regex;  // RE2's syntax, unanchored; empty: any name of ASCII bytes
  /// `channel_regex` ready to match; only a Namespaces sets it. Many threads may match with it.
  std::shared_ptr<const re2::RE2> compiled_regex;

  friend bool operator==(const ChannelOptions&, const ChannelOptions&) = default;
};

}  // namespace sanjay::channels
