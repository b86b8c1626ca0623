// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/namespaces.h"
#include "server/centrifugo_keys.h"
#include "server/config_schema.h"
#include "server/config_source.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::server {

/// Where an option lives in ChannelOptions; the pointer's type is the option's type.
using OptionTarget = std::variant<bool*, std::uint32_t*, std::string*, core::Duration*,
                                  channels::RecoveryMode*, channels::DataFormat*>;

/// One option of a namespace, stated once for all of them and for channels without namespace: as
/// Setting, but within ChannelOptions.
struct ChannelSetting {
  std::string_view name;
  OptionTarget (*target)(channels::ChannelOptions&);
  std::string_view help;
  std::int64_t min = 0;
  std::int64_t max = 0;
};

inline constexpr std::int64_t kHistorySizeMax = 1'000'000;
inline constexpr core::Duration kHistoryTtlMax = std::chrono::days(3650);

/// All of them, in the order of documentation. What they are for channels without namespace is part
/// of settings() too.
inline constexpr std::array kChannelSettings = std::to_array<ChannelSetting>({
    {"presence", [](channels::ChannelOptions& o) -> OptionTarget { return &o.presence; },
     "who is subscribed to a channel is kept, to be asked for"},
    {"join_leave", [](channels::ChannelOptions& o) -> OptionTarget { return &o.join_leave; },
     "a channel's subscribers can hear who comes and goes; not for large channels"},
    {"force_push_join_leave",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.force_push_join_leave; },
     "they all hear it, and not only those that ask to"},
    {"history_size", [](channels::ChannelOptions& o) -> OptionTarget { return &o.history.size; },
     "publications kept of each channel; 0: none", 0, kHistorySizeMax},
    {"history_ttl", [](channels::ChannelOptions& o) -> OptionTarget { return &o.history.ttl; },
     "how long they are kept after the newest came, in whole seconds", 0, kHistoryTtlMax.count()},
    {"history_meta_ttl",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.history.meta_ttl; },
     "how long a channel's position is known; 0s: channel.history_meta_ttl", 0,
     kHistoryTtlMax.count()},
    {"force_positioning",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.force_positioning; },
     "subscribers are told when they have missed something"},
    {"allow_positioning",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_positioning; },
     "those that ask to are"},
    {"force_recovery",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.force_recovery; },
     "who comes back is given what he has missed"},
    {"allow_recovery",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_recovery; },
     "who asks for it is"},
    {"force_recovery_mode",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.force_recovery_mode; },
     "what that is: all publications, or the newest one"},
    {"auto_cache_recover",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.auto_cache_recover; },
     "every new subscriber is given the newest publication; needs force_recovery and cache"},
    {"allow_subscribe_for_client",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_subscribe_for_client; },
     "clients with a user may subscribe to any channel"},
    {"allow_subscribe_for_anonymous",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_subscribe_for_anonymous; },
     "what clients may subscribe to, anonymous ones may too"},
    {"allow_publish_for_client",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_publish_for_client; },
     "clients with a user may publish to any channel"},
    {"allow_publish_for_subscriber",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_publish_for_subscriber; },
     "clients with a user may publish to the channels they are subscribed to"},
    {"allow_publish_for_anonymous",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_publish_for_anonymous; },
     "what clients may publish to, anonymous ones may too"},
    {"allow_presence_for_client",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_presence_for_client; },
     "clients with a user may ask who is subscribed to any channel"},
    {"allow_presence_for_subscriber",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_presence_for_subscriber; },
     "they may ask it of the channels they are subscribed to"},
    {"allow_presence_for_anonymous",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_presence_for_anonymous; },
     "what clients may ask about, anonymous ones may too"},
    {"allow_history_for_client",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_history_for_client; },
     "clients with a user may read the history of any channel"},
    {"allow_history_for_subscriber",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_history_for_subscriber; },
     "they may read that of the channels they are subscribed to"},
    {"allow_history_for_anonymous",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_history_for_anonymous; },
     "what clients may read, anonymous ones may too"},
    {"allow_user_limited_channels",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.allow_user_limited_channels; },
     "a channel whose name ends in users, such as dialog#42,43, is for these users, and only them"},
    {"channel_regex", [](channels::ChannelOptions& o) -> OptionTarget { return &o.channel_regex; },
     "what the name behind the namespace must match, in RE2's syntax; empty: any ASCII"},
    {"publication_data_format",
     [](channels::ChannelOptions& o) -> OptionTarget { return &o.publication_data_format; },
     "what publications must hold; \"\": as channel.publication_data_format says"},
});

/// Sets the option, or returns why not: `expected …, got …`.
std::optional<std::string> assign(const ChannelSetting& setting, const SourceValue& value,
                                  channels::ChannelOptions& options);

/// The same for text from the environment.
std::optional<std::string> assign_text(const ChannelSetting& setting, std::string_view text,
                                       channels::ChannelOptions& options);

/// The key of the list of namespaces, the one setting that is a list of tables.
inline constexpr std::string_view kNamespacesKey = "channel.namespaces";

/// Why a part of the list was not taken.
struct NamespaceFault {
  std::string key;  // "channel.namespaces[0].history_size"
  unsigned line = 0;
  std::string message;
  std::string_view unknown{};  // the name of an option there is not
};

/// An option that Centrifugo has and this server has not.
struct ForeignOption {
  std::string key;   // as in NamespaceFault
  std::string path;  // "channel.without_namespace.delta_publish"
  const CentrifugoKey* entry;
  const SourceValue* value;  // in what was read
};

struct NamespacesRead {
  std::vector<NamespaceFault> faults;
  std::vector<ForeignOption> foreign;
};

/// Reads the list, whichever source it comes from. `target` is replaced when there is no fault.
NamespacesRead read_namespaces(const SourceValue& value, std::vector<channels::Namespace>& target);

inline constexpr std::string_view kWithoutNamespace = "channel.without_namespace.";

/// What a documented configuration without namespaces shows, in a comment. Whole lines of TOML.
inline constexpr std::string_view kExampleNamespace =
    "[[channel.namespaces]]\n"
    "name = \"chat\"  # channels chat:…\n"
    "allow_subscribe_for_client = true\n"
    "presence = true\n"
    "history_size = 100\n"
    "history_ttl = \"5m\"\n"
    "force_recovery = true\n";

/// Whole lines, each behind "# ".
std::string commented(std::string_view lines);

}  // namespace sanjay::server
