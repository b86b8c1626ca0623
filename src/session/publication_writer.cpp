// SPDX-License-Identifier: Apache-2.0
#include "session/publication_writer.h"

#include "protocol/json_scanner.h"
#include "session/pending.h"

namespace sanjay::session {

namespace {

/// The payload as an encoding carries it; nothing: it cannot.
std::optional<std::string_view> carried(std::string_view payload, bool as_it_is,
                                        std::string& scratch) {
  if (as_it_is) return payload;
  // It may be JSON all the same: whoever speaks Protobuf does not say.
  const auto json = protocol::compact_json(payload, scratch);
  if (!json) return std::nullopt;
  return *json;
}

}  // namespace

std::optional<protocol::Publication> PublicationWriter::write(const hub::Publication& from,
                                                              bool carries_binary) {
  const auto data = carried(from.data, from.data_is_json || carries_binary, compacted_);
  if (!data) return std::nullopt;
  protocol::Publication to;
  to.data = *data;
  if (!from.publisher.client.empty()) to.info = to_reply(from.publisher);
  to.offset = from.offset;
  to.tags = from.tags;
  to.epoch = from.epoch;
  to.version = from.version;
  return to;
}

std::optional<protocol::Publication> PublicationWriter::write_delta(
    const hub::Publication& from, bool carries_binary, const std::optional<Base>& base) {
  auto to = write(from, carries_binary);
  if (!to) return std::nullopt;
  std::optional<std::string_view> carried_base;
  if (base) {
    carried_base = carried(base->data, base->is_json || carries_binary, compacted_base_);
  }
  const auto written = delta_.write(!carries_binary, carried_base.value_or(""), to->data);
  to->data = written.data;
  to->delta = written.is_patch;
  return to;
}

}  // namespace sanjay::session
