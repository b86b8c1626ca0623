// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config_source.h"

#include <string_view>

namespace sanjay::server {

/// What a plain scalar of YAML is, by the rules of go-yaml v3, with which Centrifugo reads: the
/// core schema of YAML 1.2 (§10.3.2), octal numbers of YAML 1.1 ("0777") and underscores in
/// numbers. "yes" and "on" are strings. Dates are strings too.
SourceData resolve_yaml_scalar(std::string_view text);

}  // namespace sanjay::server
