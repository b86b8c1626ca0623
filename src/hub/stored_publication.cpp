// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "hub/publication.h"

namespace sanjay::hub {

StoredPublication::StoredPublication(const Publication& publication) : view_(publication) {
  const ClientInfo& from = publication.publisher;
  std::size_t size = publication.data.size() + from.client.size() + from.user.size() +
                     from.conn_info.size() + from.chan_info.size();
  for (const Tag& tag : publication.tags) size += tag.key.size() + tag.value.size();
  text_.reserve(size);
  const auto keep = [this](std::string_view text) {
    const std::size_t begin = text_.size();
    text_.append(text);
    return std::string_view(text_).substr(begin);
  };
  view_.data = keep(publication.data);
  view_.publisher = {keep(from.client), keep(from.user), keep(from.conn_info),
                     keep(from.chan_info)};
  tags_.reserve(publication.tags.size());
  for (const Tag& tag : publication.tags) tags_.push_back({keep(tag.key), keep(tag.value)});
  view_.tags = tags_;
  view_.epoch = {};
  ASSERT(text_.size() == size);
}

}  // namespace sanjay::hub
