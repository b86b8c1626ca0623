// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config_source.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace sanjay::server {

/// The version whose keys are known. centrifugo/defaults.json is what its `centrifugo
/// defaultconfig` writes: every key with its default.
inline constexpr std::string_view kCentrifugoVersion = "6.9.1";

enum class KeyEffect : std::uint8_t {
  None,     // what it asks for is so here in any case: there is nothing to tell
  Ignored,  // a warning
  Refused,  // an error: without it clients could do what it was to keep them from
};

enum class KeyGroup : std::uint8_t { Later, Other, Pro };

/// What becomes of a key of Centrifugo that is no Setting.
struct CentrifugoKey {
  std::string_view path;  // the key; or a section or list, for everything in it
  KeyEffect effect;
  std::string_view instead;  // what happens instead
  KeyGroup group = KeyGroup::Other;
};

/// All of them: those that are to be supported, those that are not, those of Centrifugo PRO. An
/// option of namespaces stands here once, as channel.without_namespace.….
std::span<const CentrifugoKey> centrifugo_keys();

/// The entry that is most particular about `path`; null when no Centrifugo has such a key.
const CentrifugoKey* find_centrifugo_key(std::string_view path);

/// The default of a key in Centrifugo, or a table if `path` is a section of its; null: neither.
const SourceValue* find_centrifugo_default(std::string_view path);

/// All defaults of Centrifugo, as its file has them.
const SourceValue& centrifugo_defaults();

/// Whether the key's value, or all values of the section, say what Centrifugo does by itself:
/// "1m" is "60s", and what is empty is as good as not there.
bool is_centrifugo_default(std::string_view path, const SourceValue& value);

}  // namespace sanjay::server
