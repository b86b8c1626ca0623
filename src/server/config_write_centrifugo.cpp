// SPDX-License-Identifier: Apache-2.0
#include "server/centrifugo_keys.h"
#include "server/config_schema.h"
#include "server/config_write.h"

#include <fmt/format.h>

#include <vector>

namespace sanjay::server {
namespace {

/// The settings that Centrifugo has too, section by section, in its order.
void add_supported(std::string& text, const std::string& path, const SourceValue& value) {
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  if (table == nullptr || table->empty()) return;
  std::vector<std::string> names;
  for (const SourceEntry& entry : *table) {
    const std::string below = path.empty() ? entry.key : path + "." + entry.key;
    if (find_setting(below) != nullptr) names.push_back("`" + entry.key + "`");
  }
  if (!names.empty()) {
    text += fmt::format("| `{}` | {} |\n", path, fmt::join(names, ", "));
  }
  for (const SourceEntry& entry : *table) {
    add_supported(text, path.empty() ? entry.key : path + "." + entry.key, entry.value);
  }
}

std::string_view effect_name(const CentrifugoKey& key) {
  if (key.effect == KeyEffect::None) return "nothing to do";
  return key.effect == KeyEffect::Refused ? "refused" : "warned of";
}

void add_unsupported(std::string& text, std::string_view heading, KeyGroup group) {
  text += fmt::format(
      "\n### {}\n\n| Key or section | When it is set | What happens instead |\n"
      "|---|---|---|\n",
      heading);
  for (const CentrifugoKey& key : centrifugo_keys()) {
    if (key.group != group) continue;
    text += fmt::format("| `{}` | {} | {} |\n", key.path, effect_name(key), key.instead);
  }
}

}  // namespace

std::string write_centrifugo_markdown() {
  std::string text = "### Supported under the same name\n\n| Section | Keys |\n|---|---|\n";
  add_supported(text, "", centrifugo_defaults());
  add_unsupported(text, "Not yet", KeyGroup::Later);
  add_unsupported(text, "Not supported", KeyGroup::Other);
  add_unsupported(text, "Of Centrifugo PRO", KeyGroup::Pro);
  text += "\n### Settings that Centrifugo has not\n\n| Key | What it is |\n|---|---|\n";
  for (const Setting& setting : settings()) {
    if (find_centrifugo_default(setting.path) != nullptr) continue;
    text += fmt::format("| `{}` | {} |\n", setting.path, setting.help);
  }
  return text;
}

}  // namespace sanjay::server
