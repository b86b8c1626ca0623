// SPDX-License-Identifier: Apache-2.0
#include "server/jwks_fetcher.h"

#include "runtime/entropy.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace sanjay::server {
namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  runtime::fill_random(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

}  // namespace

JwksKeys::JwksKeys(const auth::KeyCacheOptions& options, std::uint64_t seed)
    : cache_(options, seed) {}

auth::KeyLookup JwksKeys::look_up(std::string_view kid) {
  const core::Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  auth::KeyLookup found = cache_.look_up(kid, now);
  if (found.state == auth::KeyLookup::State::Pending && cache_.next_fetch_at() <= now) {
    changed_.notify_one();
  }
  return found;
}

auth::KeyStatus JwksKeys::status() const {
  const std::lock_guard lock(mutex_);
  return cache_.status();
}

void JwksKeys::set_refresh_interval(core::Duration interval) {
  const std::lock_guard lock(mutex_);
  cache_.set_refresh_interval(interval);
  changed_.notify_one();
}

bool JwksKeys::wait_for_fetch() {
  std::unique_lock lock(mutex_);
  while (!is_stopped_) {
    const core::Instant now = clock_.now();
    if (cache_.begin_fetch(now)) return true;
    // No longer than a day at once, so that no sum overflows.
    const core::Duration wait =
        std::min<core::Duration>(cache_.next_fetch_at() - now, std::chrono::hours(24));
    changed_.wait_for(lock, wait);
  }
  return false;
}

void JwksKeys::fetched(std::shared_ptr<const auth::KeySet> keys) {
  const std::lock_guard lock(mutex_);
  cache_.on_fetched(std::move(keys), clock_.now());
}

void JwksKeys::failed() {
  const std::lock_guard lock(mutex_);
  cache_.on_failed(clock_.now());
}

void JwksKeys::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  changed_.notify_all();
}

core::Result<std::unique_ptr<JwksFetcher>> JwksFetcher::start(Options options,
                                                              telemetry::Logger& log,
                                                              OnKeysChanged on_keys_changed) {
  if (auto good = check_endpoint(options.endpoint); !good) {
    return std::unexpected(std::move(good).error());
  }
  SANJAY_TRY(auto download, JwksDownload::create(options.endpoint, options.limits));
  return std::unique_ptr<JwksFetcher>(
      new JwksFetcher(std::move(options), std::move(download), log, std::move(on_keys_changed)));
}

JwksFetcher::JwksFetcher(Options options, std::unique_ptr<JwksDownload> download,
                         telemetry::Logger& log, OnKeysChanged on_keys_changed)
    : endpoint_(std::move(options.endpoint)),
      log_(log),
      on_keys_changed_(std::move(on_keys_changed)),
      download_(std::move(download)),
      keys_(std::make_shared<JwksKeys>(options.cache, random_seed())),
      thread_([this] { run(); }) {}

JwksFetcher::~JwksFetcher() {
  keys_->stop();
  download_->stop();
  thread_.join();
}

void JwksFetcher::run() {
  while (keys_->wait_for_fetch()) {
    fetch();
    if (on_keys_changed_) on_keys_changed_();
  }
}

void JwksFetcher::fetch() {
  const auto body = download_->get();
  auto set = body ? auth::parse_jwks(*body) : std::unexpected(body.error());
  const auto before = keys_->status();
  if (!set) {
    keys_->failed();
    const core::Instant now = runtime::SystemClock().now();
    log_.log(telemetry::Level::Warn, "token keys not fetched",
             {{"endpoint", endpoint_.url},
              {"reason", set.error().message},
              {"failures_in_a_row", std::uint64_t{before.failures_in_a_row} + 1},
              {"last_good_keys", before.keys > 0 ? std::string_view("served") : "none"},
              {"age_s", before.keys > 0 ? core::to_milliseconds(now - before.keys_since) / 1000
                                        : std::int64_t{0}}});
    return;
  }
  const std::uint64_t count = set->keys.size();
  keys_->fetched(std::make_shared<const auth::KeySet>(*std::move(set)));
  // The first success, and each that ends an outage, is news.
  const bool is_news = before.keys == 0 || before.failures_in_a_row > 0;
  log_.log(is_news ? telemetry::Level::Info : telemetry::Level::Debug, "token keys fetched",
           {{"endpoint", endpoint_.url}, {"keys", count}});
}

}  // namespace sanjay::server
