// SPDX-License-Identifier: Apache-2.0
#include "server/token_commands.h"

#include "auth/base64url.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"
#include "server/config_schema.h"
#include "server/duration_text.h"
#include "server/json_text.h"
#include "server/jwks_endpoints.h"
#include "server/token_keys.h"
#include "telemetry/log.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace sanjay::server {
namespace {

constexpr std::chrono::seconds kFetchTimeout{10};

CommandOutput failed(const std::string& message) { return {kExitBadUsage, "", message + "\n"}; }

/// The part of the configuration that the tokens of this command are made by.
const Config::Client::Token& section_of(const CommandLine& line, const Config& config) {
  const bool own = line.is_for_subscription() && config.client.subscription_token.enabled;
  return own ? config.client.subscription_token : config.client.token;
}

std::string_view section_name(const CommandLine& line, const Config& config) {
  const bool own = line.is_for_subscription() && config.client.subscription_token.enabled;
  return own ? "client.subscription_token" : "client.token";
}

std::string user_text(std::string_view user) {
  return user.empty() ? "an anonymous user" : "user " + json_string(user);
}

std::string claims_of(const CommandLine& line, const Config::Client::Token& section,
                      core::WallTime now) {
  const auto seconds = [](core::WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  };
  std::string claims = fmt::format("{{\"iat\":{},\"sub\":{}", seconds(now), json_string(line.user));
  if (!section.user_id_claim.empty() && section.user_id_claim != "sub") {
    claims += fmt::format(",{}:{}", json_string(section.user_id_claim), json_string(line.user));
  }
  if (line.is_for_subscription()) claims += ",\"channel\":" + json_string(line.channel);
  if (!section.issuer.empty()) claims += ",\"iss\":" + json_string(section.issuer);
  if (!section.audience.empty()) claims += ",\"aud\":" + json_string(section.audience);
  if (line.ttl) claims += fmt::format(",\"exp\":{}", seconds(now + *line.ttl));
  return claims + "}";
}

/// Why a fetch has failed, for the person at the terminal.
class FetchReasons final : public telemetry::Logger {
 public:
  bool enabled(telemetry::Level level) const override { return level >= telemetry::Level::Warn; }
  void log(telemetry::Level level, std::string_view,
           std::initializer_list<telemetry::Field> fields) override {
    if (!enabled(level)) return;
    const std::lock_guard lock(mutex_);
    for (const telemetry::Field& field : fields) {
      const auto* text = std::get_if<std::string_view>(&field.value);
      if (field.key == "reason" && text != nullptr) last_ = *text;
    }
  }
  std::string last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::string last_;
};

/// Lets the main thread wait for fetches.
class Fetches {
 public:
  void one_has_ended() {
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
  }
  /// Waits until there are more than `seen`, or until the deadline; returns how many.
  unsigned wait(unsigned seen, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return ended_ > seen; });
    return ended_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned ended_ = 0;
};

/// Verifies; and again after each fetch for as long as the key is being fetched.
template <class Verify>
auto verify_patiently(Fetches& fetches, const Verify& verify) {
  const auto deadline = std::chrono::steady_clock::now() + kFetchTimeout;
  unsigned seen = 0;
  while (true) {
    auto claims = verify();
    if (claims || claims.error().kind != auth::TokenError::Kind::KeysPending) return claims;
    const unsigned ended = fetches.wait(seen, deadline);
    if (ended == seen) return claims;
    seen = ended;
  }
}

/// What the token says, unverified: the middle of its three parts.
std::string payload_of(std::string_view token) {
  const std::size_t begin = token.find('.');
  const std::size_t end = begin == token.npos ? begin : token.find('.', begin + 1);
  if (end == token.npos) return "";
  return auth::base64url_decode(token.substr(begin + 1, end - begin - 1)).value_or("");
}

CommandOutput refused(const CommandLine& line, const auth::TokenError& error,
                      const FetchReasons& reasons) {
  std::string text =
      fmt::format("not a valid {} token: {}",
                  line.is_for_subscription() ? "subscription" : "connection", error.reason);
  if (const std::string reason = reasons.last(); !reason.empty()) text += ": " + reason;
  const std::string payload = payload_of(line.token);
  if (!payload.empty()) text += "\npayload: " + json_string(payload);
  return failed(text);
}

std::string accepted(std::string_view what, const std::string& whose, const CommandLine& line) {
  return fmt::format("valid {} for {}\npayload: {}\n", what, whose, payload_of(line.token));
}

}  // namespace

CommandOutput generate_token(const CommandLine& line, const Config& config, core::WallTime now) {
  const Config::Client::Token& section = section_of(line, config);
  if (section.hmac_secret_key.empty()) {
    const std::string key = std::string(section_name(line, config)) + ".hmac_secret_key";
    return failed(fmt::format("{} is not set: set it in the configuration file or in {}", key,
                              environment_name(key)));
  }
  const auto token =
      auth::sign_hmac(line.algorithm, claims_of(line, section, now), section.hmac_secret_key);
  if (!token) return failed(token.error().message);
  if (line.quiet) return {0, *token + "\n", ""};
  return {0,
          fmt::format(
              "{} token for {}{}, {}:\n{}\n", auth::name_of(line.algorithm), user_text(line.user),
              line.is_for_subscription() ? " and channel " + json_string(line.channel) : "",
              line.ttl ? "valid for " + format_duration(*line.ttl) : "valid for ever", *token),
          ""};
}

CommandOutput check_token(const CommandLine& line, const Config& config, core::WallTime now) {
  FetchReasons reasons;
  Fetches fetches;
  JwksEndpoints endpoints(reasons);
  endpoints.set_on_keys_changed([&] { fetches.one_has_ended(); });
  struct Unhook {
    JwksEndpoints& endpoints;
    ~Unhook() { endpoints.set_on_keys_changed({}); }
  } const unhook{endpoints};
  const auto verifier =
      make_token_verifier(section_of(line, config), section_name(line, config), &endpoints);
  if (!verifier) return failed(verifier.error().message);
  if (*verifier == nullptr) {
    return failed(fmt::format("{} has no key: no token is valid", section_name(line, config)));
  }
  if (!line.is_for_subscription()) {
    const auto claims =
        verify_patiently(fetches, [&] { return (*verifier)->verify_connection(line.token, now); });
    if (!claims) return refused(line, claims.error(), reasons);
    return {0, accepted("token", user_text(claims->user), line), ""};
  }
  const auto claims =
      verify_patiently(fetches, [&] { return (*verifier)->verify_subscription(line.token, now); });
  if (!claims) return refused(line, claims.error(), reasons);
  const std::string whose =
      user_text(claims->user) + " and channel " + json_string(claims->channel);
  return {0, accepted("subscription token", whose, line), ""};
}

}  // namespace sanjay::server
