// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"
#include "server/config_source.h"

#include <string>
#include <string_view>

namespace sanjay::server {

/// Every setting with its value, section in section. Secrets are in it, as they are.
SourceValue config_tree(const Config& config);

/// A table as a file of that format, which its reader reads as the same; keys are of 120 bytes at
/// most.
std::string write_config(ConfigFormat format, const SourceValue& table);

enum class Variables : std::uint8_t { All, ChangedOnly };

/// NAME=value, one line a setting, quoted for a shell; secrets as they are. ChangedOnly: without
/// those that have their default.
std::string write_environment(const Config& config, Variables which);

/// All settings as Markdown, those of one section or of all ("").
std::string write_markdown(std::string_view section);

/// What becomes of every key of Centrifugo, as Markdown.
std::string write_centrifugo_markdown();

}  // namespace sanjay::server
