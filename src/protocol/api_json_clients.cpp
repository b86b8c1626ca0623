// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json_readers.h"

#include <cstdint>
#include <optional>

namespace sanjay::protocol {

namespace {

bool read_clients(JsonScanner& in, std::string_view key, ApiClients& clients) {
  if (key == "user") {
    clients.user = in.read_string();
  } else if (key == "client") {
    clients.client = in.read_string();
  } else if (key == "session") {
    clients.session = in.read_string();
  } else {
    return false;
  }
  return true;
}

/// {"value":true}; without a value it is false, as in Protobuf.
bool read_wrapped_bool(JsonScanner& in) {
  bool value = false;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "value") {
      value = in.read_bool();
    } else {
      in.skip_value();
    }
  }
  return value;
}

std::optional<bool>* override_named(core::SubscriptionOverride& overrides, std::string_view key) {
  if (key == "presence") return &overrides.presence;
  if (key == "join_leave") return &overrides.join_leave;
  if (key == "force_recovery") return &overrides.force_recovery;
  if (key == "force_positioning") return &overrides.force_positioning;
  if (key == "force_push_join_leave") return &overrides.force_push_join_leave;
  return nullptr;
}

core::SubscriptionOverride read_override(JsonScanner& in) {
  core::SubscriptionOverride overrides;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (std::optional<bool>* const found = override_named(overrides, object.key)) {
      *found = read_wrapped_bool(in);
    } else {
      in.skip_value();
    }
  }
  return overrides;
}

void read_disconnect(JsonScanner& in, ApiDisconnectRequest& request) {
  for (auto disconnect = in.enter_object(); in.next_member(disconnect);) {
    if (disconnect.key == "code") {
      request.code = in.read_integer<std::uint32_t>();
    } else if (disconnect.key == "reason") {
      request.reason = in.read_string();
    } else {
      in.skip_value();
    }
  }
}

/// The members of subscribe beside whom and where.
bool read_subscription(JsonScanner& in, std::string_view key, ApiSubscribeRequest& request,
                       PayloadReader& info, PayloadReader& data) {
  if (key == "expire_at") {
    request.expire_at = in.read_integer<std::int64_t>();
  } else if (key == "info") {
    info.read_json(in);
  } else if (key == "b64info") {
    info.read_base64(in);
  } else if (key == "data") {
    data.read_json(in);
  } else if (key == "b64data") {
    data.read_base64(in);
  } else if (key == "recover_since") {
    request.recover_since = read_position(in);
  } else if (key == "override") {
    request.overrides = read_override(in);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void read_request(ApiReader& reader, ApiSubscribeRequest& request) {
  JsonScanner& in = reader.in;
  PayloadReader info;
  PayloadReader data;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (!read_subscription(in, object.key, request, info, data) &&
               !read_clients(in, object.key, request.clients)) {
      in.skip_value();
    }
  }
  request.info = info.take();
  request.data = data.take();
}

void read_request(ApiReader& reader, ApiUnsubscribeRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (!read_clients(in, object.key, request.clients)) {
      in.skip_value();
    }
  }
}

void read_request(ApiReader& reader, ApiDisconnectRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "disconnect") {
      read_disconnect(in, request);
    } else if (object.key == "whitelist") {
      read_names(reader, request.whitelist);
    } else if (!read_clients(in, object.key, request.clients)) {
      in.skip_value();
    }
  }
}

void read_request(ApiReader& reader, ApiRefreshRequest& request) {
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "expired") {
      request.expired = in.read_bool();
    } else if (object.key == "expire_at") {
      request.expire_at = in.read_integer<std::int64_t>();
    } else if (object.key == "info") {
      request.info.bytes = in.read_value();
    } else if (!read_clients(in, object.key, request.clients)) {
      in.skip_value();
    }
  }
}

}  // namespace sanjay::protocol
