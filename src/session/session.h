// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/token_verifier.h"
#include "core/connection_id.h"
#include "core/intrusive_list.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/hub.h"
#include "protocol/codes.h"
#include "protocol/json_decoder.h"
#include "protocol/messages.h"
#include "session/channel_rules.h"
#include "session/client_id.h"
#include "session/session_stats.h"
#include "session/user_directory.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::session {

/// What the server grants and demands; the same for all sessions, immutable while they live.
struct SessionOptions {
  bool insecure = false;  // anyone may connect; tokens need no expiry
  bool allow_anonymous_connect_without_token = false;
  std::shared_ptr<const auth::TokenVerifier> verifier;  // none: no token is valid
  core::Duration ping_interval = std::chrono::seconds(25);
  core::Duration pong_timeout = std::chrono::seconds(8);
  core::Duration stale_close_delay = std::chrono::seconds(10);
  core::Duration expired_close_delay = std::chrono::seconds(25);
  core::Duration publish_wait_max = std::chrono::seconds(1);  // on full queues, then error 111
  std::uint32_t subscriptions_max = 128;
  std::uint32_t publishes_pipelined_max = 16;
  ChannelRules channels;
  std::string server_version;
};

/// The present turn's time on both clocks.
struct Now {
  core::Instant instant;
  core::WallTime wall;
  /// We have stood still ourselves: who seems to be late may have been on time.
  bool catching_up = false;
};

/// What a session needs of its shard. One per shard; outlives the sessions.
struct SessionContext {
  const SessionOptions* options;  // may be exchanged between two turns
  hub::Hub& hub;
  protocol::JsonDecoder& decoder;
  core::Random& random;
  UserDirectory users;
  SessionStats stats{};
  std::string scratch{};  // replies being encoded; empty between calls
};

/// What a session does to its connection. Implemented by the transports. Neither call comes back
/// into the session.
class SessionOutput {
 public:
  virtual ~SessionOutput() = default;
  /// One protocol message: one or more replies.
  virtual void send(std::string_view message) = 0;
  /// Ends the connection with this code; nothing is sent afterwards.
  virtual void disconnect(const protocol::Disconnect& disconnect) = 0;
};

/// One client from its first command to its last. Commands run in sequence; only publishes to one
/// home shard are pipelined. A command that must wait leaves the session blocked(): the transport
/// then keeps what arrives to itself and stops reading, until resume() has unblocked it.
///
/// States: New → (connect) Connected → Closed; New → (connect answered with an error) Refused.
/// Owned by its transport connection; one shard's thread. Source: Centrifuge client protocol, v2.
class Session : public core::ListNode {
 public:
  /// `output` and `context` outlive the session.
  Session(SessionContext& context, SessionOutput& output, core::ConnectionId connection,
          hub::Encoding encoding, const Now& now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// One message from the client; not while blocked() or closed().
  void on_message(std::string_view message, const Now& now);
  /// Goes on with what was put aside, if what it waited for has come.
  void resume(const Now& now);
  /// Something may not run yet: hand no message in.
  bool blocked() const { return wait_ != Wait::Nothing; }
  /// Blocked by full queues: call resume() every turn.
  bool wants_retry() const { return wait_ == Wait::Capacity; }

  void on_subscribed(hub::SubscriptionNumber subscription, const Now& now);
  void on_published(std::uint32_t request, hub::PublishOutcome outcome, const Now& now);

  /// When on_deadline() wants to be called next; changes with every call above and below.
  core::Instant deadline() const;
  void on_deadline(const Now& now);

  /// The server ends the connection, or one subscription if there is such a one; the client is
  /// told.
  void disconnect_by_server(const protocol::Disconnect& disconnect) { end(disconnect); }
  void unsubscribe_by_server(std::string_view channel, const protocol::Unsubscribe& unsubscribe);
  void unsubscribe_from_all_by_server(const protocol::Unsubscribe& unsubscribe);

  /// Leaves all channels; called by the transport when the connection is ending. Idempotent.
  void close();
  bool closed() const { return state_ == State::Closed; }
  /// From an accepted connect command until the end.
  bool connected() const { return state_ == State::Connected; }
  /// Empty: anonymous, or not connected yet.
  std::string_view user() const;
  const ClientId& client() const { return client_; }
  std::size_t subscription_count() const { return subscriptions_.size(); }

 private:
  enum class State : std::uint8_t { New, Refused, Connected, Closed };
  enum class Wait : std::uint8_t { Nothing, Subscribe, Publishes, Capacity };
  /// What became of a command.
  enum class Step : std::uint8_t { Done, Again };  // Again: run the same command once unblocked

  void run(std::string_view message, const Now& now);
  Step handle(const protocol::Command& command, const Now& now);
  void on_pong();
  void connect(std::uint32_t id, const protocol::ConnectRequest& request, const Now& now);
  /// False when the connection was refused or ended; the answer is then on its way.
  bool authenticate(std::uint32_t id, const protocol::ConnectRequest& request, const Now& now,
                    std::string& user);
  Step subscribe(std::uint32_t id, const protocol::SubscribeRequest& request);
  void unsubscribe(std::uint32_t id, const protocol::UnsubscribeRequest& request);
  Step publish(std::uint32_t id, const protocol::PublishRequest& request, const Now& now);
  void refresh(std::uint32_t id, const protocol::RefreshRequest& request, const Now& now);
  void sub_refresh(std::uint32_t id, const protocol::SubRefreshRequest& request);

  void revoke(std::size_t subscription, const protocol::Unsubscribe& unsubscribe);
  void leave(std::vector<hub::SubscriptionNumber>::iterator subscription);
  std::vector<hub::SubscriptionNumber>::iterator find_subscription(std::string_view channel);
  void set_expiry(const std::optional<core::WallTime>& expire_at, const Now& now);
  std::uint32_t ttl_seconds(const Now& now) const;

  /// Appends a reply. Several to one message leave as one message, joined as the protocol has it.
  template <class Append>
  void reply(Append&& append) {
    std::string& out = context_.scratch;
    if (!out.empty()) out.push_back('\n');
    append(out);
  }
  void reply_error(std::uint32_t id, const protocol::Error& error);
  void flush_replies();
  void end(const protocol::Disconnect& disconnect);

  SessionContext& context_;
  SessionOutput& output_;
  const core::ConnectionId connection_;
  core::Instant heartbeat_;                 // stale deadline, next ping, or pong deadline
  core::Instant expires_ = core::kNever;    // of the credentials
  core::Instant waits_since_{};             // with Wait::Capacity
  std::unique_ptr<std::string> put_aside_;  // commands not yet run
  std::vector<hub::SubscriptionNumber> subscriptions_;
  UserDirectory::User* user_ = nullptr;  // once connected
  std::string conn_info_;
  ClientId client_;
  std::uint32_t subscribe_id_ = 0;  // with Wait::Subscribe: the command to answer
  std::uint16_t publishes_in_flight_ = 0;
  core::ShardIndex publishing_to_ = 0;  // home shard of the publishes in flight
  // What the client was told when he connected: whatever a reload brings, he keeps to that.
  std::uint32_t ping_interval_ms_ = 0;
  std::uint32_t pong_timeout_ms_ = 0;  // 0: he sends no pongs
  const hub::Encoding encoding_;
  State state_ = State::New;
  Wait wait_ = Wait::Nothing;
  bool awaiting_pong_ = false;
  bool revoked_ = false;  // with Wait::Subscribe: the server has ended it already
};

}  // namespace sanjay::session
