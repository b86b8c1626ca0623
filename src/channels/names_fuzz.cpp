// SPDX-License-Identifier: Apache-2.0
#include "channels/namespaces.h"
#include "channels/permissions.h"
#include "core/assert.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::channels {
namespace {

/// Centrifugo's way to take names apart: cut everywhere, look at the pieces. Slow and obvious.
std::vector<std::string> cut(const std::string& text, const std::string& boundary) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < text.size();) {
    if (!boundary.empty() && text.compare(i, boundary.size(), boundary) == 0) {
      pieces.emplace_back();
      i += boundary.size();
    } else {
      pieces.back() += text[i];
      ++i;
    }
  }
  return pieces;
}

void check_name_parts(const Namespaces& namespaces, const NamespacesConfig& config,
                      const std::string& channel) {
  const bool prefixed =
      channel.compare(0, config.private_prefix.size(), config.private_prefix) == 0;
  ASSERT(namespaces.is_private(channel) == (prefixed && !config.private_prefix.empty()));
  const std::vector<std::string> pieces = cut(
      prefixed ? channel.substr(config.private_prefix.size()) : channel, config.namespace_boundary);
  std::string rest = pieces.size() > 1 ? pieces[1] : channel;
  for (std::size_t i = 2; i < pieces.size(); ++i) rest += config.namespace_boundary + pieces[i];
  const std::string ns = pieces.size() > 1 ? pieces[0] : "";
  ASSERT(namespaces.split(channel).ns == ns);
  ASSERT(namespaces.split(channel).rest == rest);

  const auto known = std::ranges::find(config.namespaces, ns, &Namespace::name);
  const ChannelOptions* options = namespaces.find(channel);
  ASSERT((options == nullptr) == (!ns.empty() && known == config.namespaces.end()));
  if (options == nullptr) {
    ASSERT(!check_name(namespaces, channel) && !check_api_channel(namespaces, channel));
    return;
  }
  const std::uint32_t size =
      ns.empty() ? config.without_namespace.history.size : known->options.history.size;
  ASSERT(options->history.size == size);
}

void check_users(const Namespaces& namespaces, const NamespacesConfig& config,
                 const std::string& channel, const std::string& user) {
  const std::vector<std::string> pieces = cut(channel, config.user_boundary);
  ChannelOptions limiting;
  limiting.allow_user_limited_channels = true;
  ASSERT(namespaces.is_user_limited(channel, limiting) == (pieces.size() > 1));
  ASSERT(!namespaces.is_user_limited(channel, {}));
  const std::vector<std::string> users = cut(pieces.back(), config.user_separator);
  const bool listed =
      pieces.size() > 1 && !user.empty() && std::ranges::find(users, user) != users.end();
  ASSERT(namespaces.user_listed(channel, user) == listed);

  // Whoever has a personal channel is the one user its name lists, as long as it lists any.
  const std::string personal = namespaces.personal_channel(user);
  ASSERT(user.empty() ? personal.empty() : true);
  if (personal.empty() || config.user_boundary.empty()) return;
  ASSERT(namespaces.split(personal).ns == config.personal.personal_channel_namespace);
  ASSERT(namespaces.user_listed(personal, user));
  ASSERT(!namespaces.user_listed(personal, user + "x"));
}

}  // namespace

/// Lines: private prefix, namespace boundary, user boundary, user separator, a user; and the rest
/// is a channel. Against the oracle above.
void fuzz_names(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string lines[5];
  for (std::string& line : lines) {
    line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
  }
  const std::string channel(input.substr(0, 1000));
  NamespacesConfig config;
  config.private_prefix = lines[0].substr(0, kBoundaryBytesMax);
  config.namespace_boundary = lines[1].substr(0, kBoundaryBytesMax);
  config.user_boundary = lines[2].substr(0, kBoundaryBytesMax);
  config.user_separator = lines[3].substr(0, kBoundaryBytesMax);
  config.without_namespace.history.size = 1000;
  config.without_namespace.allow_user_limited_channels = true;
  config.personal.enabled = true;
  for (const char* name : {"chat", "dialog", "a.b", "x-y", "__"}) {
    Namespace candidate{name, {}};
    candidate.options.allow_user_limited_channels = true;
    candidate.options.history.size = static_cast<std::uint32_t>(config.namespaces.size());
    config.namespaces.push_back(candidate);
    // Boundaries made of letters rule some names out.
    if (!Namespaces::create(config)) config.namespaces.pop_back();
  }
  if (!config.namespaces.empty() && size % 2 == 0) {
    config.personal.personal_channel_namespace = config.namespaces[0].name;
  }
  const auto namespaces = Namespaces::create(config);
  ASSERT(namespaces.has_value());
  ASSERT(namespaces->size() == config.namespaces.size());
  check_name_parts(*namespaces, config, channel);
  check_users(*namespaces, config, channel, lines[4]);
}

}  // namespace sanjay::channels

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::channels::fuzz_names(data, size);
  return 0;
}
#endif
