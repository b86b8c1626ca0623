// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/key_source.h"
#include "core/result.h"
#include "server/jwks_fetcher.h"
#include "telemetry/log.h"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sanjay::server {

/// The endpoints that token keys are fetched from: one fetcher each, however many verifiers use it,
/// so that a reload which leaves an endpoint as it was keeps its keys. Lives from before the first
/// configuration is wired until after the server has ended; the main thread's, which alone ever
/// ends a fetcher, so that no shard waits for one. Verifiers may outlive the fetcher of their keys.
///
/// Wiring a configuration calls source() for each endpoint it names; then keep_new() when it is in
/// force, or keep_old() when it turned out to be faulty, which leaves all as it was.
class JwksEndpoints {
 public:
  explicit JwksEndpoints(telemetry::Logger& log);
  ~JwksEndpoints();
  JwksEndpoints(const JwksEndpoints&) = delete;
  JwksEndpoints& operator=(const JwksEndpoints&) = delete;

  /// The keys of that endpoint, which begin to be fetched if they are new. Of several users of one
  /// endpoint the last one's interval counts. Fails when the endpoint must not be used.
  core::Result<std::shared_ptr<auth::KeySource>> source(const JwksEndpoint& endpoint,
                                                        core::Duration refresh_interval);
  /// Ends the fetchers that nobody has asked for since the last of these two calls.
  void keep_new();
  /// Ends the fetchers that were started since.
  void keep_old();
  std::size_t size() const { return fetchers_.size(); }

  /// Called after every fetch, on a fetcher's thread (jwks_fetcher.h): for waking the shards that
  /// have someone waiting for a key (TokenError::Kind::KeysPending). When this returns the hook
  /// before is not running and will not be called again; so replace it by an empty one before what
  /// it uses goes. A hook must not call this.
  void set_on_keys_changed(std::function<void()> hook);

 private:
  struct Hook {
    std::mutex mutex;
    std::function<void()> call;
  };

  struct Entry {
    std::unique_ptr<JwksFetcher> fetcher;
    core::Duration interval;  // as last asked for
    bool is_in_force = false;
    bool is_asked_for = false;
  };

  telemetry::Logger& log_;
  std::shared_ptr<Hook> hook_ = std::make_shared<Hook>();
  std::vector<Entry> fetchers_;
};

}  // namespace sanjay::server
