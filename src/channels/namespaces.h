// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/channel_options.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sanjay::channels {

/// A namespace as an operator describes it.
struct Namespace {
  std::string name;
  ChannelOptions options;

  friend bool operator==(const Namespace&, const Namespace&) = default;
};

/// The personal channel: one per user, to which the server subscribes him.
struct PersonalChannel {
  bool enabled = false;
  std::string personal_channel_namespace;  // empty: it has none
  bool single_connection = false;          // a new connection of the user ends his others

  friend bool operator==(const PersonalChannel&, const PersonalChannel&) = default;
};

/// Everything a Namespaces is made of. The defaults are Centrifugo's. An empty prefix, boundary or
/// separator switches off what it stands for.
struct NamespacesConfig {
  ChannelOptions without_namespace;
  std::vector<Namespace> namespaces;
  std::string private_prefix = "$";
  std::string namespace_boundary = ":";
  std::string user_boundary = "#";
  std::string user_separator = ",";
  std::uint32_t max_length = 255;  // bytes of a channel's name
  core::Duration history_meta_ttl = std::chrono::hours(720);
  DataFormat publication_data_format = DataFormat::NotEmpty;
  PersonalChannel personal;
};

inline constexpr std::size_t kNamespacesMax = 1000;
inline constexpr std::size_t kBoundaryBytesMax = 16;
inline constexpr std::int64_t kRegexMemoryMax = 1 << 20;  // of one regex, compiled, in bytes

/// A channel's name, taken apart. Views into the name.
struct NameParts {
  std::string_view ns;    // empty: the channel has no namespace
  std::string_view rest;  // behind the namespace; without one the whole name, its prefix included
};

/// What every channel's name means: `$chat:dialog#42,43` is a channel of the namespace `chat`,
/// private because of its prefix, and of the users 42 and 43 where the namespace limits users. The
/// namespace ends at the first boundary, the users begin behind the last one.
///
/// Immutable and shared by the shards: every function is const and may be called by any thread, and
/// none allocates but personal_channel(). RE2 guards what it learns of a regex with a lock of its
/// own, which is the one thing the shards then share: a shard that wants none keeps a Namespaces
/// that was created for it. Pointers and views into it live as long as it does.
class Namespaces {
 public:
  /// Fills in what namespaces inherit and compiles the regexes. Fails with every problem, one a
  /// line, each beginning with the name of its setting.
  static core::Result<Namespaces> create(NamespacesConfig config);

  /// The channel's options; null: it is in a namespace that does not exist. O(1) beside the search
  /// for the boundary. As with Centrifugo an empty namespace (":news") is none.
  const ChannelOptions* find(std::string_view channel) const;

  NameParts split(std::string_view channel) const;
  /// Whether it begins with the private prefix: subscribing takes a token.
  bool is_private(std::string_view channel) const;
  /// Whether the channel, whose options these are, is for the users it names only.
  bool is_user_limited(std::string_view channel, const ChannelOptions& options) const;
  /// Whether the name of a user-limited channel lists the user. Anonymous users never are: an empty
  /// entry lists nobody.
  bool user_listed(std::string_view channel, std::string_view user) const;

  /// Empty when there is none: the feature is off, the user is anonymous, or his id would lead into
  /// another namespace or, where users are limited, be read as a list of others.
  std::string personal_channel(std::string_view user) const;
  const PersonalChannel& personal() const { return config_.personal; }

  std::size_t name_bytes_max() const { return config_.max_length; }
  /// How many there are, channels without namespace aside.
  std::size_t size() const { return by_name_.size(); }

 private:
  /// Finds with a view. Not keyed: names enter with the configuration only, so that nobody can aim
  /// many at one bucket.
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  explicit Namespaces(NamespacesConfig config);

  NamespacesConfig config_;  // without its namespaces
  std::unordered_map<std::string, ChannelOptions, Hash, std::equal_to<>> by_name_;
};

}  // namespace sanjay::channels
