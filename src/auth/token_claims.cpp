// SPDX-License-Identifier: Apache-2.0
#include "auth/token_claims.h"

#include "auth/base64url.h"
#include "auth/json_members.h"
#include "auth/token_verifier.h"
#include "core/failpoint.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sanjay::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;
using Kind = TokenError::Kind;
using Checked = core::Result<void, TokenError>;

constexpr std::int64_t kLatestSecond = 9'000'000'000;   // year 2255; nanoseconds end in 2262
constexpr std::int64_t kLastOfDates = 253'402'300'799;  // the end of the year 9999

std::unexpected<TokenError> invalid(std::string_view reason) {
  return std::unexpected(TokenError{Kind::Invalid, reason});
}

std::unexpected<TokenError> expired(std::string_view reason) {
  return std::unexpected(TokenError{Kind::Expired, reason});
}

/// NumericDate (RFC 7519 §2). Dates beyond what nanoseconds can tell are drawn to kLatestSecond.
std::optional<core::WallTime> numeric_date(const element& value) {
  std::int64_t whole = 0;
  if (value.get(whole) == simdjson::SUCCESS) {
    if (whole < 0 || whole > kLastOfDates) return std::nullopt;
    return core::WallTime(std::chrono::seconds(std::min(whole, kLatestSecond)));
  }
  double seconds = 0;
  // Written so that no comparison lets a NaN pass.
  if (value.type() != element_type::DOUBLE || value.get(seconds) != simdjson::SUCCESS ||
      !(seconds >= 0 && seconds <= static_cast<double>(kLastOfDates))) {
    return std::nullopt;
  }
  seconds = std::min(seconds, static_cast<double>(kLatestSecond));
  return core::WallTime(core::Duration(static_cast<std::int64_t>(seconds * 1e9)));
}

bool is_for_audience(const Member& aud, const std::string& audience) {
  if (const auto text = aud.text()) return *text == audience;
  if (!aud.value) return false;
  const auto texts = text_list(*aud.value);
  return texts && std::ranges::find(*texts, audience) != texts->end();
}

/// The whole text must match: a pattern that matches some part of a stranger's name would let him
/// in, and nobody remembers the anchors.
bool matches(std::string_view text, const re2::RE2& pattern) {
  const re2::StringPiece piece(text.data(), text.size());
  if (FAILPOINT("auth.full_match")) return re2::RE2::PartialMatch(piece, pattern);
  return re2::RE2::FullMatch(piece, pattern);
}

bool is_for_audience(const Member& aud, const re2::RE2& pattern) {
  if (const auto text = aud.text()) return matches(*text, pattern);
  if (!aud.value) return false;
  const auto texts = text_list(*aud.value);
  return texts && std::ranges::any_of(
                      *texts, [&](const std::string& text) { return matches(text, pattern); });
}

/// What both kinds of token have.
struct Claims {
  Member sub{"sub"};
  Member exp{"exp"};
  Member nbf{"nbf"};
  Member iat{"iat"};
  Member aud{"aud"};
  Member iss{"iss"};
  Member expire_at{"expire_at"};
  Member info{"info"};
  Member b64info{"b64info"};
  Member channel{"channel"};
  // Of connection tokens:
  Member channels{"channels"};
  Member subs{"subs"};
  Member meta{"meta"};
  // Of subscription tokens:
  Member data{"data"};
  Member b64data{"b64data"};
  Member overrides{"override"};
  Member client{"client"};
  // Instead of `sub`, when the rules name one:
  Member user{};

  bool collect_from(const object& claims, const std::string& user_id_claim) {
    user.name = user_id_claim;  // no member is called "", so that none is found by default
    const std::array wanted{&sub,  &exp,     &nbf,     &iat,       &aud,      &iss,
                            &info, &b64info, &channel, &channels,  &subs,     &meta,
                            &data, &b64data, &client,  &overrides, &expire_at};
    if (!collect(claims, wanted)) return false;
    if (user_id_claim.empty()) return true;
    for (const auto& field : claims) {
      if (field.key == user.name) user.value = field.value;
    }
    return true;
  }
};

Checked check_start(const Claims& claims, const ClaimRules& rules, core::WallTime now) {
  if (claims.iat.value) {
    const auto iat = numeric_date(*claims.iat.value);
    if (!iat) return invalid("iat is not a date");
    if (now + std::max(rules.leeway, kIssuedAheadMax) < *iat && !FAILPOINT("auth.issued_at")) {
      return invalid("token was issued in the future");
    }
  }
  if (claims.nbf.value) {
    const auto nbf = numeric_date(*claims.nbf.value);
    if (!nbf) return invalid("nbf is not a date");
    if (now + rules.leeway < *nbf && !FAILPOINT("auth.not_before")) {
      return expired("token is not valid yet");
    }
  }
  return {};
}

/// The moment what the token grants expires (nothing: never), or why it is not in force now.
core::Result<std::optional<core::WallTime>, TokenError> check_times(const Claims& claims,
                                                                    const ClaimRules& rules,
                                                                    core::WallTime now) {
  if (const auto started = check_start(claims, rules, now); !started) {
    return std::unexpected(started.error());
  }
  std::optional<core::WallTime> expire_at;
  if (claims.exp.value) {
    const auto exp = numeric_date(*claims.exp.value);
    if (!exp) return invalid("exp is not a date");
    if (now - rules.leeway >= *exp && !FAILPOINT("auth.expiry")) {
      return expired("token has expired");
    }
    expire_at = *exp + rules.leeway;
  }
  if (claims.expire_at.value) {
    const auto date = numeric_date(*claims.expire_at.value);
    if (!date) return invalid("expire_at is not a date");
    std::int64_t seconds = 0;
    const bool never = claims.expire_at.value->get(seconds) == simdjson::SUCCESS && seconds == 0;
    if (!never && now - rules.leeway >= *date && !FAILPOINT("auth.expire_at")) {
      return expired("expire_at has passed");
    }
    expire_at = never ? std::nullopt : std::optional(*date + rules.leeway);
  }
  if (expire_at && !FAILPOINT("auth.ttl_max")) {
    expire_at = std::min(*expire_at, now + rules.ttl_max);
  }
  return expire_at;
}

Checked check_parties(const Claims& claims, const ClaimRules& rules) {
  const bool audience_fits =
      (rules.audience.empty() || is_for_audience(claims.aud, rules.audience)) &&
      (!rules.audience_regex || is_for_audience(claims.aud, *rules.audience_regex));
  if (!audience_fits && !FAILPOINT("auth.audience"))
    return invalid("token is for another audience");
  const auto issuer = claims.iss.text();
  const bool issuer_fits =
      (rules.issuer.empty() || issuer == rules.issuer) &&
      (!rules.issuer_regex || (issuer && matches(*issuer, *rules.issuer_regex)));
  if (!issuer_fits && !FAILPOINT("auth.issuer")) return invalid("token is from another issuer");
  return {};
}

/// `sub`, or the one claim named instead of it. A number is taken for the text of its digits, as
/// user ids of databases come so; never under the name `sub`, which is a string (RFC 7519 §4.1.2).
core::Result<std::string, TokenError> read_user(const Claims& claims, const ClaimRules& rules) {
  if (claims.sub.value && !claims.sub.text()) return invalid("sub is not a string");
  if (rules.user_id_claim.empty() || rules.user_id_claim == "sub") {
    return std::string(claims.sub.text().value_or(""));
  }
  if (!claims.user.value) return std::string();
  if (const auto text = claims.user.text()) return std::string(*text);
  if (claims.user.value->type() == element_type::INT64 ||
      claims.user.value->type() == element_type::UINT64) {
    return simdjson::minify(*claims.user.value);
  }
  return invalid("the user's claim is neither a string nor a whole number");
}

bool is_json(const std::string& bytes, std::size_t depth_max) {
  simdjson::dom::parser parser;
  element whole;
  return parser.allocate(bytes.size() + 1, depth_max) == simdjson::SUCCESS &&
         parser.parse(bytes).get(whole) == simdjson::SUCCESS;
}

core::Result<Payload, TokenError> read_payload(const Member& plain, const Member& base64,
                                               std::string_view reason, std::size_t depth_max) {
  if (base64.value) {
    const auto text = base64.text();
    auto bytes = text ? base64_decode(*text) : std::nullopt;
    if (!bytes) return invalid(reason);
    if (!bytes->empty()) {
      const bool json = is_json(*bytes, depth_max);
      return Payload{*std::move(bytes), json};
    }
  }
  return Payload{plain.value ? simdjson::minify(*plain.value) : std::string()};
}

/// One option: an object whose `value` is a boolean, or missing for false.
Checked read_override(const Member& member, std::optional<bool>& option) {
  constexpr std::string_view kReason = "override is not made of {\"value\": true or false}";
  if (!member.value || member.is_null()) return {};
  object wrapper;
  if (member.value->get(wrapper) != simdjson::SUCCESS) return invalid(kReason);
  Member value{"value"};
  if (!collect(wrapper, std::array{&value})) return invalid("a claim is repeated");
  bool given = false;
  if (value.value && value.value->get(given) != simdjson::SUCCESS) return invalid(kReason);
  option = given;
  return {};
}

core::Result<SubscriptionOverride, TokenError> read_overrides(const Member& claim) {
  SubscriptionOverride overrides;
  if (!claim.value || claim.is_null()) return overrides;
  object options;
  if (claim.value->get(options) != simdjson::SUCCESS) return invalid("override is not an object");
  Member presence{"presence"};
  Member join_leave{"join_leave"};
  Member force_push_join_leave{"force_push_join_leave"};
  Member force_positioning{"force_positioning"};
  Member force_recovery{"force_recovery"};
  if (!collect(options, std::array{&presence, &join_leave, &force_push_join_leave,
                                   &force_positioning, &force_recovery})) {
    return invalid("a claim is repeated");
  }
  for (const auto& [member, option] :
       {std::pair(&presence, &overrides.presence), std::pair(&join_leave, &overrides.join_leave),
        std::pair(&force_push_join_leave, &overrides.force_push_join_leave),
        std::pair(&force_positioning, &overrides.force_positioning),
        std::pair(&force_recovery, &overrides.force_recovery)}) {
    if (const auto read = read_override(*member, *option); !read) {
      return std::unexpected(read.error());
    }
  }
  return overrides;
}

core::Result<ServerSubscription, TokenError> read_subscription(std::string_view channel,
                                                               const element& value,
                                                               const ClaimRules& rules) {
  object options;
  if (channel.empty() || value.get(options) != simdjson::SUCCESS) {
    return invalid("subs is not an object of channels and objects");
  }
  Member info{"info"};
  Member b64info{"b64info"};
  Member data{"data"};
  Member b64data{"b64data"};
  Member overrides{"override"};
  if (!collect(options, std::array{&info, &b64info, &data, &b64data, &overrides})) {
    return invalid("a claim is repeated");
  }
  ServerSubscription result{std::string(channel)};
  SANJAY_TRY(result.info,
             read_payload(info, b64info, "b64info is not base64", rules.json_depth_max));
  SANJAY_TRY(result.data,
             read_payload(data, b64data, "b64data is not base64", rules.json_depth_max));
  SANJAY_TRY(result.overrides, read_overrides(overrides));
  return result;
}

core::Result<std::vector<ServerSubscription>, TokenError> read_subs(const Member& claim,
                                                                    const ClaimRules& rules) {
  std::vector<ServerSubscription> subs;
  if (!claim.value || claim.is_null()) return subs;
  object channels;
  if (claim.value->get(channels) != simdjson::SUCCESS) {
    return invalid("subs is not an object of channels and objects");
  }
  if (!collect(channels, {})) return invalid("a claim is repeated");
  for (const auto& field : channels) {
    SANJAY_TRY(auto subscription, read_subscription(field.key, field.value, rules));
    subs.push_back(std::move(subscription));
  }
  return subs;
}

}  // namespace

std::string json_of(const Payload& payload) {
  if (!payload.is_json) return {};
  std::string line = payload.bytes;
  // Within a JSON text line breaks stand between two tokens only, where nothing may stand as well.
  std::erase_if(line, [](char c) { return c == '\n' || c == '\r'; });
  return line;
}

core::Result<ConnectClaims, TokenError> read_connect_claims(const object& object_of_claims,
                                                            const ClaimRules& rules,
                                                            core::WallTime now) {
  Claims claims;
  if (!claims.collect_from(object_of_claims, rules.user_id_claim)) {
    return invalid("a claim is repeated");
  }
  // A subscription token must not open a connection.
  if (claims.channel.value && !FAILPOINT("auth.purpose")) {
    return invalid("token is for a subscription");
  }
  ConnectClaims result;
  SANJAY_TRY(result.user, read_user(claims, rules));
  if (const auto fit = check_parties(claims, rules); !fit) return std::unexpected(fit.error());
  SANJAY_TRY(result.expire_at, check_times(claims, rules, now));
  SANJAY_TRY(result.info, read_payload(claims.info, claims.b64info, "b64info is not base64",
                                       rules.json_depth_max));
  SANJAY_TRY(result.subs, read_subs(claims.subs, rules));
  if (claims.channels.value) {
    auto channels = text_list(*claims.channels.value);
    if (!channels) return invalid("channels is not a list of strings");
    if (result.subs.empty()) result.channels = *std::move(channels);
  }
  if (claims.meta.value && !claims.meta.is_null()) {
    if (claims.meta.value->type() != element_type::OBJECT) return invalid("meta is not an object");
    result.meta = simdjson::minify(*claims.meta.value);
  }
  return result;
}

core::Result<SubscribeClaims, TokenError> read_subscribe_claims(const object& object_of_claims,
                                                                const ClaimRules& rules,
                                                                core::WallTime now) {
  Claims claims;
  if (!claims.collect_from(object_of_claims, rules.user_id_claim)) {
    return invalid("a claim is repeated");
  }
  // A connection token must not open a channel.
  const auto channel = claims.channel.text().value_or("");
  if (channel.empty() && !FAILPOINT("auth.channel")) return invalid("token names no channel");
  SubscribeClaims result;
  result.channel = channel;
  SANJAY_TRY(result.user, read_user(claims, rules));
  if (const auto fit = check_parties(claims, rules); !fit) return std::unexpected(fit.error());
  SANJAY_TRY(result.expire_at, check_times(claims, rules, now));
  if (claims.client.value && !claims.client.text()) return invalid("client is not a string");
  result.client = claims.client.text().value_or("");
  SANJAY_TRY(result.info, read_payload(claims.info, claims.b64info, "b64info is not base64",
                                       rules.json_depth_max));
  SANJAY_TRY(result.data, read_payload(claims.data, claims.b64data, "b64data is not base64",
                                       rules.json_depth_max));
  SANJAY_TRY(result.overrides, read_overrides(claims.overrides));
  return result;
}

}  // namespace sanjay::auth
