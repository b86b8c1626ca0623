// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/token_verifier.h"
#include "channels/namespaces.h"
#include "channels/permissions.h"
#include "core/connection_id.h"
#include "core/intrusive_list.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/hub.h"
#include "protocol/codes.h"
#include "protocol/command_decoder.h"
#include "protocol/messages.h"
#include "protocol/reply_encoding.h"
#include "session/client_id.h"
#include "session/session_stats.h"
#include "session/subscriptions.h"
#include "session/user_directory.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::session {

/// What the server grants and demands; the same for all sessions, immutable while they live.
struct SessionOptions {
  bool insecure = false;  // anyone may connect and do anything; tokens need no expiry
  bool allow_anonymous_connect_without_token = false;
  std::shared_ptr<const auth::TokenVerifier> verifier;               // none: no token is valid
  std::shared_ptr<const auth::TokenVerifier> subscription_verifier;  // the same of theirs
  std::shared_ptr<const channels::Namespaces> namespaces;
  core::Duration ping_interval = std::chrono::seconds(25);
  core::Duration pong_timeout = std::chrono::seconds(8);
  core::Duration stale_close_delay = std::chrono::seconds(10);
  core::Duration expired_close_delay = std::chrono::seconds(25);
  core::Duration expired_subscription_close_delay = std::chrono::seconds(25);
  core::Duration publish_wait_max = std::chrono::seconds(1);  // on full queues, then error 111
  core::Duration keys_wait_max = std::chrono::seconds(5);     // to be fetched, then error 100
  std::uint32_t subscriptions_max = 128;
  std::uint32_t publishes_pipelined_max = 16;
  std::uint32_t history_publications_max = 300;   // of one history command
  std::uint32_t recovery_publications_max = 300;  // of one subscription
  std::string server_version;
  std::string rpc_ping_method;  // answered with nothing; empty: no method is
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
  core::Random& random;
  UserDirectory users;
  auth::SignatureCache signatures;  // tokens this shard has seen; right whatever keys now count
  core::Duration ping_phase{};  // sets the moments of this shard's pings apart from those of others
  std::unique_ptr<protocol::CommandDecoder> json{};
  std::unique_ptr<protocol::CommandDecoder> protobuf{};
  SessionStats stats{};
  std::string scratch{};  // replies being encoded; empty between calls
  /// Users of whom only the connection named may stay: to be taken by the owner each turn.
  std::deque<std::pair<std::string, ClientId>> single_connections{};
};

/// What a session does to its connection. Implemented by the transports. No call comes back into
/// the session.
class SessionOutput {
 public:
  virtual ~SessionOutput() = default;
  /// One protocol message: one or more replies.
  virtual void send(std::string_view message) = 0;
  /// What channels brought for held subscriptions meanwhile; from now on nothing is held.
  virtual void send_held() = 0;
  /// The transport's own ping, for a client that asked for that.
  virtual void ping() = 0;
  /// Ends the connection with this code; nothing is sent afterwards.
  virtual void disconnect(const protocol::Disconnect& disconnect) = 0;
};

/// A subscription that the server makes for a client.
struct ServerSubscription {
  std::string channel{};
  channels::Override overrides{};
  auth::Payload info{};  // chan_info
  auth::Payload data{};
  std::optional<core::WallTime> expire_at{};
  std::optional<hub::StreamPosition> recover_since{};
};

struct SubscriptionRequest;  // these three: session/pending.h
struct ConnectInProgress;
class PublicationList;

/// One client from its first command to its last. Commands run in sequence; only publishes to one
/// home shard are pipelined. A command that must wait leaves the session blocked(): the transport
/// then keeps what arrives to itself and stops reading, until resume() has unblocked it.
///
/// States: New → (connect) Connecting → Connected → Closed; (connect answered with an error)
/// Refused. Owned by its transport connection; one shard's thread. Source: Centrifuge client
/// protocol, v2.
class Session : public core::ListNode {
 public:
  /// `output` and `context` outlive the session.
  struct Form {
    hub::Encoding encoding = hub::Encoding::JsonWebSocket;
    bool transport_pings = false;  // the client asked for the transport's own pings
  };
  Session(SessionContext& context, SessionOutput& output, core::ConnectionId connection,
          const Form& form, const Now& now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// One message from the client; not while blocked() or closed().
  void on_message(std::string_view message, const Now& now);
  /// A ping of the transport's was answered.
  void on_transport_pong();
  /// Goes on with what was put aside, if what it waited for has come.
  void resume(const Now& now);
  /// Something may not run yet: hand no message in.
  bool blocked() const { return wait_ != Wait::Nothing; }
  /// Blocked by full queues: call resume() every turn.
  bool wants_retry() const { return wait_ == Wait::Capacity; }
  /// Blocked by keys that are being fetched: call resume() when there are others.
  bool wants_keys() const { return wait_ == Wait::Keys; }

  // What the hub says.
  void on_subscribed(hub::SubscriptionNumber subscription, hub::SubscriptionResult&& result,
                     const Now& now);
  void on_answer(std::uint32_t request, hub::Answer&& answer, const Now& now);
  void on_trouble(hub::SubscriptionNumber subscription, hub::Trouble trouble);

  /// When on_deadline() wants to be called next; changes with every call above and below.
  core::Instant deadline() const;
  void on_deadline(const Now& now);

  // The server acts; the client is told. What names a subscription there is none of does nothing.
  void disconnect_by_server(const protocol::Disconnect& disconnect) { end(disconnect); }
  void unsubscribe_by_server(std::string_view channel, const protocol::Unsubscribe& unsubscribe);
  void unsubscribe_from_all_by_server(const protocol::Unsubscribe& unsubscribe);
  void subscribe_by_server(const ServerSubscription& subscription, const Now& now);
  /// Nothing for `expire_at`: the connection does not expire. `info` unless empty: the new one.
  void refresh_by_server(std::optional<core::WallTime> expire_at, std::string_view info,
                         const Now& now);

  /// Leaves all channels; called by the transport when the connection is ending. Idempotent.
  void close();
  bool closed() const { return state_ == State::Closed; }
  /// From an accepted connect command until the end.
  bool connected() const { return state_ == State::Connected || state_ == State::Connecting; }
  /// Empty: anonymous, or not connected yet.
  std::string_view user() const;
  const ClientId& client() const { return client_; }
  core::ConnectionId connection() const { return connection_; }
  std::size_t subscription_count() const { return subscriptions_.size(); }

 private:
  enum class State : std::uint8_t { New, Refused, Connecting, Connected, Closed };
  enum class Wait : std::uint8_t {
    Nothing,
    Connect,    // for the server-side subscriptions of a connect
    Subscribe,  // for a subscribe's result
    Query,      // for an answer to a presence or history command
    Publishes,  // for those in flight
    Capacity,
    Keys,  // that are being fetched
  };
  /// What became of a command.
  enum class Step : std::uint8_t { Done, Again };  // Again: run the same command once unblocked

  struct Pending;  // session/pending.h

  void run(std::string_view message, const Now& now);
  Step handle(const protocol::Command& command, const Now& now);
  Step handle_connected(const protocol::Command& command, const Now& now);
  void rpc(std::uint32_t id, std::string_view method);
  void on_pong();
  void take_pong();
  core::Instant ping_together(core::Instant due) const;
  void beat(bool patient, const Now& now);

  // session_connect.cpp
  Step connect(std::uint32_t id, const protocol::ConnectRequest& request, const Now& now);
  /// Nothing: go on.
  std::optional<Step> authenticate(std::uint32_t id, const protocol::ConnectRequest& request,
                                   const Now& now, auth::ConnectClaims& claims);
  Step on_bad_token(std::uint32_t id, const auth::TokenError& error, const Now& now);
  /// Nothing: it has waited for long enough.
  std::optional<Step> wait_for_keys(const Now& now);
  Step refuse_connect(std::uint32_t id, const protocol::Error& error);
  /// What the server subscribes the client to; nothing: the connect has failed, which was said.
  std::optional<std::vector<ServerSubscription>> server_subscriptions(
      std::uint32_t id, const protocol::ConnectRequest& request, auth::ConnectClaims& claims);
  bool add_wishes(const protocol::ConnectRequest& request, std::string_view user,
                  std::vector<ServerSubscription>& wanted);
  void finish_connect(const ConnectInProgress& connecting, const Now& now);
  void start_heartbeat(protocol::ConnectResult& result, const Now& now);
  Step refresh(std::uint32_t id, const protocol::RefreshRequest& request, const Now& now);
  void set_expiry(const std::optional<core::WallTime>& expire_at, const Now& now);

  // session_subscribe.cpp
  Step subscribe(std::uint32_t id, const protocol::SubscribeRequest& request, const Now& now);
  /// Nothing: go on.
  std::optional<Step> check_subscription_token(std::uint32_t id,
                                               const protocol::SubscribeRequest& request,
                                               const Now& now, auth::SubscribeClaims& claims);
  bool is_mine(const auth::SubscribeClaims& claims, std::string_view channel) const;
  Pending& pending();
  void begin_server_subscription(const ServerSubscription& wanted, bool connecting, const Now& now);
  /// False: this shard has no room for another channel.
  bool begin(SubscriptionRequest&& request, const channels::Grants& grants,
             const channels::ChannelOptions& options, std::string chan_info, const Now& now);
  void on_begun(SubscriptionRequest&& request, hub::SubscriptionResult&& result, const Now& now);
  void reply_subscribed(const SubscriptionRequest& request, hub::SubscriptionResult&& result,
                        const Now& now);
  void push_subscribed(const SubscriptionRequest& request, const hub::SubscriptionResult& result);
  /// False when the client's encoding cannot carry it.
  bool describe(const SubscriptionRequest& request, const hub::SubscriptionResult& result,
                const Now& now, PublicationList& publications,
                protocol::SubscribeResult& out) const;

  // session_channels.cpp
  Subscription* find_subscription(std::string_view channel);
  void unsubscribe(std::uint32_t id, const protocol::UnsubscribeRequest& request);
  Step publish(std::uint32_t id, const protocol::PublishRequest& request, const Now& now);
  std::optional<Step> wait_to_publish(core::ShardIndex home);
  Step on_publish_busy(std::uint32_t id, const Now& now);
  void on_publish_answer(std::uint32_t id, const hub::Answer& answer);
  Step sub_refresh(std::uint32_t id, const protocol::SubRefreshRequest& request, const Now& now);
  void expire_subscriptions(const Now& now);
  void revoke(hub::SubscriptionNumber number, const protocol::Unsubscribe& unsubscribe);
  void leave(hub::SubscriptionNumber number);
  channels::Asker asker(std::string_view channel);
  hub::ClientInfo info_of(std::string_view chan_info, const ClientId::Text& client) const;

  // session_queries.cpp
  Step presence(std::uint32_t id, std::string_view channel, bool only_stats);
  Step history(std::uint32_t id, const protocol::HistoryRequest& request);
  Step ask(std::uint32_t id, const std::optional<hub::Answer>& answer);
  void on_query_answer(std::uint32_t id, const hub::Answer& answer);
  void reply_history(std::uint32_t id, const hub::History& history);
  void reply_presence(std::uint32_t id, const hub::Presence& presence);

  std::uint32_t ttl_seconds(core::Instant expires, const Now& now) const;
  const channels::Namespaces& namespaces() const { return *context_.options->namespaces; }
  const protocol::ReplyEncoding& encoding() const;
  protocol::CommandDecoder& decoder() const;
  /// The payload as this client is sent it: on one line, where line breaks would end a reply.
  auth::Payload for_client(auth::Payload payload) const;
  /// Whether this client's encoding can carry the payload.
  bool carries(const auth::Payload& payload) const {
    return payload.is_json || encoding().carries_binary;
  }

  /// Appends a reply. Several to one message leave as one message, joined as the protocol has it.
  template <class Append>
  void reply(Append&& append) {
    std::string& out = context_.scratch;
    if (!out.empty()) out.append(encoding().separator);
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
  core::Instant waits_since_{};             // the command under way: for capacity or keys
  std::unique_ptr<std::string> put_aside_;  // commands not yet run
  std::unique_ptr<Pending> pending_;
  Subscriptions subscriptions_;
  UserDirectory::User* user_ = nullptr;  // once connected
  std::string conn_info_;
  std::uint64_t token_channels_ = 0;  // a digest of what the token subscribed the client to
  ClientId client_;
  std::uint32_t query_id_ = 0;  // with Wait::Query: the command to answer
  std::uint16_t publishes_in_flight_ = 0;
  core::ShardIndex publishing_to_ = 0;  // home shard of the publishes in flight
  // What the client was told when he connected: whatever a reload brings, he keeps to that.
  std::uint32_t ping_interval_ms_ = 0;
  std::uint32_t pong_timeout_ms_ = 0;  // 0: he sends no pongs
  const hub::Encoding encoding_;
  const bool transport_pings_;
  State state_ = State::New;
  Wait wait_ = Wait::Nothing;
  bool awaiting_pong_ = false;
};

}  // namespace sanjay::session
