// SPDX-License-Identifier: Apache-2.0
#include "core/failpoint.h"
#include "protocol/api_json_readers.h"
#include "protocol/base64.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace sanjay::protocol {

namespace {

constexpr std::string_view kTooManyNames = "more than 65536 names in lists";
static_assert(kApiNamesMax == 65'536);

// A key that stands there twice counts with its last value.
void set_tag(std::vector<ApiTag>& tags, std::string_view key, std::string_view value) {
  const auto found = std::ranges::find(tags, key, &ApiTag::key);
  if (found != tags.end()) {
    found->value = value;
  } else {
    tags.push_back({std::string(key), std::string(value)});
  }
}

void read_tags(JsonScanner& in, std::vector<ApiTag>& tags) {
  tags.clear();
  for (auto object = in.enter_object(); in.next_member(object);) {
    set_tag(tags, object.key, in.read_string());
  }
}

/// The members that publish and broadcast share.
bool read_publication(JsonScanner& in, std::string_view key, ApiPublication& publication,
                      PayloadReader& data) {
  if (key == "data") {
    data.read_json(in);
  } else if (key == "b64data") {
    data.read_base64(in);
  } else if (key == "skip_history") {
    publication.skip_history = in.read_bool();
  } else if (key == "tags") {
    read_tags(in, publication.tags);
  } else if (key == "idempotency_key") {
    publication.idempotency_key = in.read_string();
  } else if (key == "delta") {
    publication.delta = in.read_bool();
  } else if (key == "version") {
    publication.version = in.read_integer<std::uint64_t>();
  } else if (key == "version_epoch") {
    publication.version_epoch = in.read_string();
  } else {
    return false;
  }
  return true;
}

template <class ChannelRequest>
void read_channel_only(JsonScanner& in, ChannelRequest& request) {
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else {
      in.skip_value();
    }
  }
}

}  // namespace

ApiPayload PayloadReader::take() const {
  if (base64_.empty()) return {std::string(json_)};
  std::optional<std::string> bytes = decode_base64(base64_);
  if (!bytes) return {.bytes = {}, .is_json = false, .malformed = true};
  return make_payload(*std::move(bytes));
}

void read_names(ApiReader& reader, std::vector<std::string>& names) {
  reader.names_left += names.size();
  names.clear();
  for (auto array = reader.in.enter_array(); reader.in.next_element(array);) {
    if (reader.names_left == 0 && !FAILPOINT("api_json.names")) {
      return reader.in.refuse(kTooManyNames);
    }
    --reader.names_left;
    names.emplace_back(reader.in.read_string());
  }
}

ApiPosition read_position(JsonScanner& in) {
  ApiPosition position;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "offset") {
      position.offset = in.read_integer<std::uint64_t>();
    } else if (object.key == "epoch") {
      position.epoch = in.read_string();
    } else {
      in.skip_value();
    }
  }
  return position;
}

void read_request(ApiReader& reader, ApiPublishRequest& request) {
  JsonScanner& in = reader.in;
  PayloadReader data;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (!read_publication(in, object.key, request.publication, data)) {
      in.skip_value();
    }
  }
  request.publication.data = data.take();
}

void read_request(ApiReader& reader, ApiBroadcastRequest& request) {
  JsonScanner& in = reader.in;
  PayloadReader data;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channels") {
      read_names(reader, request.channels);
    } else if (!read_publication(in, object.key, request.publication, data)) {
      in.skip_value();
    }
  }
  request.publication.data = data.take();
}

void read_request(ApiReader& reader, ApiHistoryRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "limit") {
      request.limit = in.read_integer<std::int32_t>();
    } else if (object.key == "since") {
      request.since = read_position(in);
    } else if (object.key == "reverse") {
      request.reverse = in.read_bool();
    } else {
      in.skip_value();
    }
  }
}

void read_request(ApiReader& reader, ApiHistoryRemoveRequest& request) {
  read_channel_only(reader.in, request);
}

void read_request(ApiReader& reader, ApiPresenceRequest& request) {
  read_channel_only(reader.in, request);
}

void read_request(ApiReader& reader, ApiPresenceStatsRequest& request) {
  read_channel_only(reader.in, request);
}

void read_request(ApiReader& reader, ApiInfoRequest&) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) in.skip_value();
}

void read_request(ApiReader& reader, ApiRpcRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "method") {
      request.method = in.read_string();
    } else if (object.key == "params") {
      request.params.bytes = in.read_value();
    } else {
      in.skip_value();
    }
  }
}

void read_request(ApiReader& reader, ApiChannelsRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "pattern") {
      request.pattern = in.read_string();
    } else {
      in.skip_value();
    }
  }
}

}  // namespace sanjay::protocol
