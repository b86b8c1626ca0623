// SPDX-License-Identifier: Apache-2.0
#include "server/jwks_endpoints.h"

#include "core/failpoint.h"

#include <algorithm>
#include <utility>

namespace sanjay::server {

JwksEndpoints::JwksEndpoints(telemetry::Logger& log) : log_(log) {}

JwksEndpoints::~JwksEndpoints() { set_on_keys_changed({}); }

core::Result<std::shared_ptr<auth::KeySource>> JwksEndpoints::source(
    const JwksEndpoint& endpoint, core::Duration refresh_interval) {
  const auto same = [&](const Entry& entry) {
    return entry.fetcher->endpoint() == endpoint || FAILPOINT("jwks.endpoint");
  };
  if (const auto found = std::ranges::find_if(fetchers_, same); found != fetchers_.end()) {
    found->is_asked_for = true;
    found->interval = refresh_interval;
    return found->fetcher->keys();
  }
  JwksFetcher::Options options{endpoint};
  options.cache.refresh_interval = refresh_interval;
  SANJAY_TRY(auto started, JwksFetcher::start(std::move(options), log_, [hook = hook_] {
               const std::lock_guard lock(hook->mutex);
               if (hook->call) hook->call();
             }));
  fetchers_.push_back({std::move(started), refresh_interval, false, true});
  return fetchers_.back().fetcher->keys();
}

void JwksEndpoints::keep_new() {
  std::erase_if(fetchers_, [](const Entry& entry) { return !entry.is_asked_for; });
  for (Entry& entry : fetchers_) {
    entry.fetcher->keys()->set_refresh_interval(entry.interval);
    entry.is_in_force = true;
    entry.is_asked_for = false;
  }
}

void JwksEndpoints::keep_old() {
  std::erase_if(fetchers_, [](const Entry& entry) { return !entry.is_in_force; });
  for (Entry& entry : fetchers_) entry.is_asked_for = false;
}

void JwksEndpoints::set_on_keys_changed(std::function<void()> hook) {
  const std::lock_guard lock(hook_->mutex);
  hook_->call = std::move(hook);
}

}  // namespace sanjay::server
