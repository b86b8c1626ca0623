// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/tag.h"
#include "core/time.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {

/// A client as others see it: in presence, in joins and leaves, with what it publishes.
struct ClientInfo {
  std::string_view client{};     // connection id of the protocol (a UUID); empty: no client
  std::string_view user{};       // empty: anonymous
  std::string_view conn_info{};  // payloads, empty when there is none
  std::string_view chan_info{};
};

using core::Tag;

/// One publication on its way into a channel. The views live until the call that takes it returns.
struct Publication {
  std::string_view data;
  ClientInfo publisher{};    // empty for the server API
  core::Instant received{};  // when the server took it in, for the delivery time
  std::span<const Tag> tags{};
  bool data_is_json = true;   // validated, on one line; otherwise it may be anything
  std::uint64_t offset = 0;   // its place in the history; 0: not kept
  std::string_view epoch{};   // of that history, with its first publication
  std::uint64_t version = 0;  // see PublishOptions
  bool delta = false;         // may be sent as its difference from the one before
};

/// The same, as it is kept and shared between threads. Immutable.
class StoredPublication {
 public:
  explicit StoredPublication(const Publication& publication);
  StoredPublication(const StoredPublication&) = delete;
  StoredPublication& operator=(const StoredPublication&) = delete;

  /// Before anybody else sees it.
  void set_epoch(std::string_view epoch) {
    epoch_ = epoch;
    view_.epoch = epoch_;
  }

  const Publication& view() const { return view_; }
  std::uint64_t offset() const { return view_.offset; }
  /// What it costs to keep, about.
  std::size_t bytes() const { return sizeof(*this) + text_.size() + tags_.size() * sizeof(Tag); }

 private:
  std::string text_;  // everything that view_ points at, one behind the other
  std::string epoch_;
  std::vector<Tag> tags_;
  Publication view_;
};
using PublicationRef = std::shared_ptr<const StoredPublication>;

/// A ClientInfo that owns its texts.
struct OwnedClientInfo {
  std::string client;
  std::string user;
  std::string conn_info;
  std::string chan_info;

  OwnedClientInfo() = default;
  explicit OwnedClientInfo(const ClientInfo& info)
      : client(info.client),
        user(info.user),
        conn_info(info.conn_info),
        chan_info(info.chan_info) {}
  ClientInfo view() const { return {client, user, conn_info, chan_info}; }
};

/// A place in a channel's history. Offsets count from 1 within an epoch; another epoch means that
/// the history was lost and began anew.
struct StreamPosition {
  std::uint64_t offset = 0;
  std::string epoch;

  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

/// How much of a channel's publications is kept, and how long; decided by who publishes or reads.
struct HistorySettings {
  std::uint32_t size = 0;
  core::Duration ttl{0};
  core::Duration meta_ttl{0};  // of epoch and offset, since the last publication or read

  bool enabled() const { return size > 0 && ttl > core::Duration::zero(); }
};

/// What a publication asks for beside being delivered. The views live until the call returns.
struct PublishOptions {
  HistorySettings history{};
  /// The same key within idempotency_ttl publishes nothing and answers as the first time.
  std::string_view idempotency_key{};
  core::Duration idempotency_ttl = std::chrono::minutes(5);
  /// Where not 0: nothing is published unless it is above the version kept with the history.
  std::uint64_t version = 0;
  std::string_view version_epoch{};  // another one than the last: versions count anew
};

/// What of a history is wanted.
struct HistoryQuery {
  static constexpr std::int32_t kAll = -1;

  std::int32_t limit = 0;  // publications at most; 0: none, only the position
  bool has_since = false;
  StreamPosition since{};  // exclusive; an empty epoch stands for any
  bool reverse = false;    // newest first, and before `since`
  core::Duration meta_ttl{0};
};

/// Protocol and transport framing together: in what bytes a subscriber takes what channels bring.
enum class Encoding : std::uint8_t {
  JsonWebSocket,
  ProtobufWebSocket,
  JsonWebSocketDeflate,  // these two with permessage-deflate, no context taken over
  ProtobufWebSocketDeflate,
  JsonStream,  // chunks of an endless HTTP response: a line each
  ProtobufStream,
  JsonSse,
  UniJsonWebSocket,  // unidirectional: pushes that are not wrapped in replies
  UniJsonStream,
  UniJsonSse,
};
inline constexpr std::size_t kEncodings = 10;

/// What a subscriber wants of the publications.
enum class Variant : std::uint8_t {
  Plain,
  Delta,     // each as its difference from the one before, where that is shorter
  Filtered,  // only those whose tags its filter lets through
};
inline constexpr std::size_t kVariants = 3;

/// What a subscriber receives of a channel: an encoding, a variant, with or without joins and
/// leaves. One encoded copy is shared by everybody who receives the same form.
using Form = std::uint8_t;
inline constexpr std::size_t kForms = 2 * kVariants * kEncodings;
constexpr Form form_of(Encoding encoding, bool joins, Variant variant = Variant::Plain) {
  const std::size_t group = 2 * static_cast<std::size_t>(variant) + (joins ? 1 : 0);
  return static_cast<Form>(static_cast<std::size_t>(encoding) + group * kEncodings);
}
constexpr Encoding encoding_of(Form form) { return static_cast<Encoding>(form % kEncodings); }
constexpr bool has_joins(Form form) { return form / kEncodings % 2 == 1; }
constexpr Variant variant_of(Form form) { return static_cast<Variant>(form / (2 * kEncodings)); }

/// A set of forms, one bit each.
using FormSet = std::uint64_t;
static_assert(kForms <= 64);
constexpr FormSet bit_of(Form form) { return FormSet{1} << form; }

/// Which bytes of a batch a subscriber gets: those of his form, or, where the form is a delta and
/// he has received nothing yet, those that begin with a whole publication.
using FrameKey = std::uint8_t;
inline constexpr FrameKey kFreshFrames = 64;
constexpr Form form_of_key(FrameKey key) { return static_cast<Form>(key & (kFreshFrames - 1)); }

/// How a publication is to be encoded.
struct EncodeAs {
  Encoding encoding = Encoding::JsonWebSocket;
  bool delta = false;  // for those who take differences
  /// With delta: the publication before this one, which they all have; none: they need it whole.
  const std::string* base = nullptr;
};

/// What of a channel's life beside publications its subscribers can be told.
enum class Movement : std::uint8_t { Join, Leave };

/// Turns what a channel brings into finished bytes. Implemented by transport, which knows protocol
/// and framing; called on the home shard's thread.
class PublicationEncoder {
 public:
  virtual ~PublicationEncoder() = default;
  /// Appends the complete frame. False, with nothing appended, when the encoding cannot carry the
  /// data.
  virtual bool encode(const EncodeAs& how, std::string_view channel, const Publication& publication,
                      std::string& out) = 0;
  virtual bool encode_movement(Encoding encoding, std::string_view channel, Movement movement,
                               const ClientInfo& info, std::string& out) = 0;
};

/// Where an answer goes: the connection that asked, and which of its requests.
struct ReplyTo {
  core::ConnectionId connection;
  std::uint32_t request = 0;
};

}  // namespace sanjay::hub
