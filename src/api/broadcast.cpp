// SPDX-License-Identifier: Apache-2.0
#include "api/broadcast.h"

#include "core/assert.h"
#include "protocol/json_string.h"

#include <utility>

namespace sanjay::api {

std::string error_body(const protocol::Error& error) {
  std::string body = "{\"error\":{\"code\":" + std::to_string(error.code) + ",\"message\":";
  protocol::append_json_string(body, error.message);
  return body + "}}";
}

bool Broadcast::advance(hub::Hub& hub) {
  for (; next_ < targets_.size() && pending_ < kWindow; ++next_) {
    const Target& target = targets_[next_];
    if (target.error) continue;
    const hub::ReplyTo reply_to{connection_, static_cast<std::uint32_t>(next_)};
    const auto outcome = hub.publish(target.channel, {data_, {}, received_}, reply_to);
    if (outcome == hub::PublishOutcome::Pending) {
      ++pending_;
    } else {
      decide(next_, outcome);
    }
  }
  return next_ == targets_.size() && pending_ == 0;
}

void Broadcast::on_published(std::uint32_t request, hub::PublishOutcome outcome) {
  ASSERT(pending_ > 0 && request < next_);
  --pending_;
  decide(request, outcome);
}

void Broadcast::decide(std::size_t target, hub::PublishOutcome outcome) {
  if (outcome == hub::PublishOutcome::Accepted) return;
  targets_[target].error = protocol::kErrorTooManyRequests;
}

std::string Broadcast::body() const {
  std::string body = "{\"result\":{\"responses\":[";
  for (const Target& target : targets_) {
    if (body.back() != '[') body += ',';
    body += target.error ? error_body(*target.error) : "{\"result\":{}}";
  }
  return body + "]}}";
}

}  // namespace sanjay::api
