// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/centrifugo_keys.h"

#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {

/// What was set of Centrifugo's keys that are no settings here, in the order it was met. Names
/// only, never values: some are secrets.
class ForeignKeys {
 public:
  /// `name` is what the operator wrote: a key, or a variable.
  void add(std::string name, const CentrifugoKey& key);
  /// A CENTRIFUGO_… variable that Centrifugo does not know either.
  void add_unknown_variable(std::string name) { unknown_.push_back(std::move(name)); }

  /// One sentence that names all of them and says what happens instead; empty: there are none.
  std::string to_string() const;

 private:
  struct Group {
    std::string_view instead;
    KeyGroup group;
    std::vector<std::string> names;
  };
  std::vector<Group> groups_;
  std::vector<std::string> unknown_;
};

}  // namespace sanjay::server
