// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/tag.h"
#include "hub/by_form.h"
#include "hub/publication.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// The tags of one publication, owned.
class OwnedTags {
 public:
  explicit OwnedTags(std::span<const core::Tag> tags) {
    std::size_t size = 0;
    for (const core::Tag& tag : tags) size += tag.key.size() + tag.value.size();
    text_ = std::make_unique<char[]>(size);
    char* at = text_.get();
    const auto keep = [&](std::string_view text) {
      const std::string_view kept(at, text.size());
      at += text.copy(at, text.size());
      return kept;
    };
    tags_.reserve(tags.size());
    for (const core::Tag& tag : tags) tags_.push_back({keep(tag.key), keep(tag.value)});
  }
  std::span<const core::Tag> view() const { return tags_; }

 private:
  std::unique_ptr<char[]> text_;  // what tags_ points at; it stays where it is when this moves
  std::vector<core::Tag> tags_;
};

/// Where in a batch's filtered frames one thing stands that the channel brought.
struct BatchPart {
  static constexpr std::uint32_t kMovement = ~std::uint32_t{0};

  std::uint32_t publication = kMovement;  // which; joins and leaves are for every filter
  std::size_t bytes = 0;                  // 0: the encoding cannot carry the publication
};

/// How to take a batch's filtered frames apart again: in their order. Made at a channel's home only
/// while somebody filters; immutable then, shared by the shards.
struct BatchParts {
  std::vector<OwnedTags> publications;
  ByForm<std::vector<BatchPart>> parts;  // of the filtered forms
};

}  // namespace sanjay::hub
