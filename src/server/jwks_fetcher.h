// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/key_cache.h"
#include "auth/key_source.h"
#include "core/result.h"
#include "runtime/clock.h"
#include "server/jwks_download.h"
#include "telemetry/log.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sanjay::server {

/// The keys of one endpoint, shared by the fetcher's thread and the verifiers of all shards. Any
/// thread may call anything; the lock is held for a few comparisons at a time, never over a fetch
/// or a verification. Times are those of runtime::SystemClock, which shards have, too.
class JwksKeys final : public auth::KeySource {
 public:
  JwksKeys(const auth::KeyCacheOptions& options, std::uint64_t seed);

  auth::KeyLookup look_up(std::string_view kid) override;
  auth::KeyStatus status() const override;
  void set_refresh_interval(core::Duration interval);

  // For the fetcher:
  /// Waits until a fetch is to begin; false: stop() was called.
  bool wait_for_fetch();
  void fetched(std::shared_ptr<const auth::KeySet> keys);
  void failed();
  void stop();

 private:
  const runtime::SystemClock clock_{};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  auth::KeyCache cache_;
  bool is_stopped_ = false;
};

/// Fetches the keys of one endpoint on a thread of its own, when JwksKeys asks for them: at once,
/// then regularly, and when a token names a key that is not known. Failures are logged as warnings
/// with their reason and the age of the keys that are served meanwhile.
class JwksFetcher {
 public:
  struct Options {
    JwksEndpoint endpoint;
    auth::KeyCacheOptions cache{};
    DownloadLimits limits{};
  };
  /// Called on the fetcher's thread after every fetch, good or bad, when whoever waits for keys
  /// should ask again. No lock is held.
  using OnKeysChanged = std::function<void()>;

  /// Fails when the endpoint must not be used (check_endpoint) or libcurl cannot.
  static core::Result<std::unique_ptr<JwksFetcher>> start(Options options, telemetry::Logger& log,
                                                          OnKeysChanged on_keys_changed);
  /// Ends the thread, and a fetch that is under way with it, within moments.
  ~JwksFetcher();
  JwksFetcher(const JwksFetcher&) = delete;
  JwksFetcher& operator=(const JwksFetcher&) = delete;

  const JwksEndpoint& endpoint() const { return endpoint_; }
  const std::shared_ptr<JwksKeys>& keys() const { return keys_; }

 private:
  JwksFetcher(Options options, std::unique_ptr<JwksDownload> download, telemetry::Logger& log,
              OnKeysChanged on_keys_changed);
  void run();
  void fetch();

  const JwksEndpoint endpoint_;
  telemetry::Logger& log_;
  const OnKeysChanged on_keys_changed_;
  const std::unique_ptr<JwksDownload> download_;
  const std::shared_ptr<JwksKeys> keys_;
  std::thread thread_;
};

}  // namespace sanjay::server
