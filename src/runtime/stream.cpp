// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "runtime/tls/tls_stream.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sanjay::runtime {

Stream::Stream(StreamTable& table, core::ConnectionId id, const Endpoint& peer, State state)
    : table_(table),
      id_(id),
      queue_bytes_max_(table.limits_.queue_bytes_max),
      peer_(peer),
      state_(state) {}

Stream::~Stream() = default;

void Stream::set_handler(std::unique_ptr<StreamHandler> handler) {
  if (handler_) table_.retired_handlers_.push_back(std::move(handler_));
  handler_ = std::move(handler);
}

void Stream::send(core::SegmentRef segment, Urgency urgency) {
  if (state_ != State::Open || overflowed_) return;
  const std::size_t size = segment.size();
  if (queued_bytes() + size > queue_bytes_max_ && !FAILPOINT("stream.queue_bound")) {
    overflowed_ = true;
    table_.overflowed_.push_back(id_);
    return;
  }
  table_.stats_.queued_bytes.add(size);
  queue_.push(std::move(segment));
  table_.mark_dirty(*this, urgency);
}

void Stream::notify_when_drained() {
  wants_drained_ = true;
  table_.mark_dirty(*this);  // the queue may be empty already
}

void Stream::pause_reading() {
  if (reading_paused_ || state_ == State::Finishing || state_ == State::Closing) return;
  reading_paused_ = true;
  if (tls_ && tls_->holds_receiving()) return;
  table_.driver_.set_receiving(id_.slot, false);
}

void Stream::resume_reading() {
  if (!reading_paused_ || state_ == State::Closing) return;
  reading_paused_ = false;
  if (tls_ && tls_->holds_receiving()) return;
  table_.driver_.set_receiving(id_.slot, true);
}

void Stream::finish(Linger linger) {
  if (state_ == State::Connecting) return close();
  if (state_ != State::Open) return;
  if (tls_) table_.end_handshake(*this, table_.tls_stats_.failed);
  resume_reading();  // the peer's FIN must be seen
  state_ = State::Finishing;
  (linger == Linger::Full ? table_.finishing_ : table_.finishing_briefly_).push_back(id_);
  table_.mark_dirty(*this);
}

void Stream::close(StreamEnd end) {
  if (state_ == State::Closing) return;
  state_ = State::Closing;
  end_ = end;
  if (tls_) table_.end_handshake(*this, table_.tls_stats_.failed);
  table_.mark_closing(*this);
}

StreamTable::StreamTable(core::ShardIndex shard, const StreamLimits& limits, IoDriver& driver,
                         const Clock& clock, telemetry::Logger& log)
    : shard_(shard),
      limits_(limits),
      driver_(driver),
      clock_(clock),
      log_(log),
      handshakes_(limits.tls),
      streams_(limits.streams_max) {}

StreamTable::~StreamTable() = default;

Stream* StreamTable::add_accepted(const Endpoint& peer) {
  auto place = streams_.emplace(*this, core::ConnectionId{}, peer, Stream::State::Open);
  if (!place) return nullptr;
  place->item->id_ = {place->slot, place->generation, shard_};
  stats_.streams.add();
  return place->item;
}

core::Result<Stream*> StreamTable::connect(const Endpoint& to, const std::optional<Endpoint>& from,
                                           std::unique_ptr<StreamHandler> handler) {
  auto place = streams_.emplace(*this, core::ConnectionId{}, to, Stream::State::Connecting);
  if (!place) return core::failure("no free connection slot on this shard");
  Stream& stream = *place->item;
  stream.id_ = {place->slot, place->generation, shard_};
  if (auto started = driver_.connect(place->slot, to, from); !started) {
    streams_.erase(place->slot);
    return std::unexpected(started.error());
  }
  stream.handler_ = std::move(handler);
  stats_.streams.add();
  return &stream;
}

Stream* StreamTable::find(core::ConnectionId id) {
  return id.shard == shard_ ? streams_.find(id.slot, id.generation) : nullptr;
}

// One that stands in the bulk list may come to stand in the other as well: whichever entry is met
// first counts, the other finds a stream that is not dirty.
void StreamTable::mark_dirty(Stream& stream, Urgency urgency) {
  if (stream.pieces_in_flight_ != 0) return;  // a send's end marks it again
  const bool bulk = urgency == Urgency::Bulk && !FAILPOINT("stream.bulk");
  if (stream.dirty_ && (bulk || !stream.dirty_in_bulk_)) return;
  stream.dirty_ = true;
  stream.dirty_in_bulk_ = bulk;
  (bulk ? bulk_ : soon_).push_back(stream.id_.slot);
}

void StreamTable::mark_closing(Stream& stream) { closing_.push_back(stream.id_); }

void StreamTable::on_connect(SocketSlot slot, IoFailure failure) {
  Stream& stream = streams_.at(slot);
  if (stream.state_ != Stream::State::Connecting) return;
  if (failure != IoFailure::None) return stream.close(StreamEnd::ConnectFailed);
  stream.state_ = Stream::State::Open;
  stream.handler_->on_connected();
}

void StreamTable::on_receive(SocketSlot slot, std::span<char> bytes) {
  stats_.bytes_in.add(bytes.size());
  Stream& stream = streams_.at(slot);
  if (stream.state_ != Stream::State::Open) return;
  if (stream.tls_) return receive_tls(stream, {bytes.data(), bytes.size()});
  stream.handler_->on_bytes(bytes);
}

void StreamTable::on_receive_end(SocketSlot slot, IoFailure failure) {
  Stream& stream = streams_.at(slot);
  const bool told = stream.peer_finished_;  // by close_notify
  stream.peer_finished_ = true;
  if (failure != IoFailure::None) return stream.close(StreamEnd::PeerReset);
  if (stream.state_ == Stream::State::Open) {
    if (!told && (!stream.tls_ || end_tls_input(stream))) stream.handler_->on_peer_finished();
  } else if (stream.state_ == Stream::State::Finishing && stream.finish_sent_) {
    stream.close(StreamEnd::PeerFinished);
  }
}

void StreamTable::sent(Stream& stream, std::size_t bytes) {
  stats_.bytes_out.add(bytes);
  if (stream.tls_) return sent_by_tls(stream, bytes);
  stats_.queued_bytes.subtract(bytes);
  stream.queue_.consume(bytes);
}

void StreamTable::on_send(SocketSlot slot, std::size_t bytes) {
  Stream& stream = streams_.at(slot);
  stream.pieces_in_flight_ = 0;
  sent(stream, bytes);
  after_send(stream);
}

void StreamTable::after_send(Stream& stream) {
  if (stream.state_ == Stream::State::Closing) return;
  if (stream.has_bytes_to_send() || stream.state_ == Stream::State::Finishing) {
    mark_dirty(stream, Urgency::Bulk);
  } else if (stream.wants_drained_ && stream.queue_.empty()) {
    stream.wants_drained_ = false;
    stream.handler_->on_drained();
  }
}

void StreamTable::on_send_failure(SocketSlot slot) {
  Stream& stream = streams_.at(slot);
  stream.pieces_in_flight_ = 0;
  stream.close(StreamEnd::SendFailed);
}

void StreamTable::on_released(SocketSlot slot) {
  Stream& stream = streams_.at(slot);
  ASSERT(stream.released_);
  stats_.queued_bytes.subtract(stream.queued_bytes());
  stats_.streams.subtract();
  if (stream.tls_ && stream.tls_->session.established()) tls_stats_.connections.subtract();
  streams_.erase(slot);
}

void StreamTable::flush_one(Stream& stream, core::Instant now) {
  std::array<std::string_view, IoDriver::kPiecesMax> pieces;
  const std::size_t count =
      stream.tls_ ? front_of_tls(stream, pieces) : stream.queue_.front(pieces);
  if (count == 0) {
    return stream.state_ == Stream::State::Finishing ? finish_sending(stream) : after_send(stream);
  }
  ++stream.send_count_;
  const auto taken = driver_.send(stream.id_.slot, {pieces.data(), count});
  if (!taken) {
    stream.pieces_in_flight_ = static_cast<std::uint8_t>(count);
    flushed_.push_back({stream.id_, now, stream.send_count_});
    return;
  }
  sent(stream, *taken);
  after_send(stream);
}

void StreamTable::finish_sending(Stream& stream) {
  if (stream.finish_sent_) return;
  stream.finish_sent_ = true;
  driver_.finish_sending(stream.id_.slot);
  if (stream.peer_finished_) stream.close(StreamEnd::PeerFinished);
}

bool StreamTable::pending(const Watched& watched) {
  const Stream* stream = find(watched.id);
  return stream != nullptr && stream->pieces_in_flight_ != 0 &&
         stream->send_count_ == watched.send_count && stream->state_ != Stream::State::Closing;
}

// What was sent a turn ago and is still in flight belongs to a peer that reads slowly or not at
// all. One that never reads stands in front for the whole bound, so what is over behind it is
// swept out from time to time.
void StreamTable::watch_sends_in_flight() {
  for (const Watched& sent_before : flushed_) {
    if (pending(sent_before)) in_flight_.push_back(sent_before);
  }
  flushed_.clear();
  if (in_flight_.size() > 2 * std::size_t{streams_.size()} + kSweepSlack) {
    std::erase_if(in_flight_, [this](const Watched& watched) { return !pending(watched); });
  }
}

void StreamTable::flush(core::Instant now) {
  handle_overflows();
  watch_sends_in_flight();
  for (const core::ConnectionId id : finishing_) lingering_.push_back({id, now, 0});
  finishing_.clear();
  for (const core::ConnectionId id : finishing_briefly_) lingering_briefly_.push_back({id, now, 0});
  finishing_briefly_.clear();

  std::size_t sends = 0;
  flush_some(soon_, bulk_.empty() ? kSendsPerFlush : kSendsPerFlush - kBulkSendsMin, sends, now);
  flush_some(bulk_, kSendsPerFlush, sends, now);
}

void StreamTable::flush_some(std::deque<SocketSlot>& dirty, std::size_t sends_max,
                             std::size_t& sends, core::Instant now) {
  while (!dirty.empty() && sends < sends_max) {
    const SocketSlot slot = dirty.front();
    dirty.pop_front();
    if (!streams_.in_use(slot)) continue;
    Stream& stream = streams_.at(slot);
    if (!stream.dirty_) continue;
    stream.dirty_ = false;
    if (stream.state_ == Stream::State::Closing || stream.pieces_in_flight_ != 0) continue;
    flush_one(stream, now);
    ++sends;
  }
}

void StreamTable::handle_overflows() {
  // A handler whose answer to the overflow overflows again is told again in the next turn.
  std::vector<core::ConnectionId> overflowed;
  overflowed.swap(overflowed_);
  for (const core::ConnectionId id : overflowed) {
    Stream* stream = find(id);
    if (stream == nullptr || stream->state_ != Stream::State::Open) continue;
    stats_.queued_bytes.subtract(stream->queue_.bytes());
    // What a send in flight refers to stands in this queue only without TLS.
    stream->queue_.drop_after(stream->tls_ ? 0 : stream->pieces_in_flight_);
    stats_.queued_bytes.add(stream->queue_.bytes());
    stream->overflowed_ = false;
    stream->handler_->on_overflow();
  }
}

void StreamTable::reap() {
  // on_closed may close further streams: they join the list and are ended in the same sweep.
  for (std::size_t i = 0; i < closing_.size(); ++i) {
    Stream* stream = find(closing_[i]);
    ASSERT(stream != nullptr);
    if (stream->handler_) stream->handler_->on_closed(stream->end_);
    stream->set_handler(nullptr);
    stream->released_ = true;
    driver_.release(stream->id_.slot);
  }
  closing_.clear();
  retired_handlers_.clear();
}

void StreamTable::check_deadlines(core::Instant now) {
  while (!in_flight_.empty()) {
    const Watched oldest = in_flight_.front();
    const bool stalled = pending(oldest);
    if (stalled && now - oldest.since < limits_.write_stall_max) break;
    in_flight_.pop_front();
    if (!stalled || FAILPOINT("stream.write_stall")) continue;
    Stream* stream = find(oldest.id);
    if (stream->state_ == Stream::State::Open) {
      stream->handler_->on_write_stalled();
    } else {
      stream->close(StreamEnd::SendFailed);
    }
  }
  end_lingering(lingering_, limits_.linger_max, now);
  end_lingering(lingering_briefly_, limits_.brief_linger_max, now);
}

void StreamTable::end_lingering(std::deque<Watched>& lingering, core::Duration linger_max,
                                core::Instant now) {
  while (!lingering.empty() && now - lingering.front().since >= linger_max) {
    Stream* stream = find(lingering.front().id);
    if (stream != nullptr && !FAILPOINT("stream.linger")) stream->close(StreamEnd::Closed);
    lingering.pop_front();
  }
}

core::Instant StreamTable::next_deadline() {
  core::Instant next = handshakes_.next_deadline();
  if (!flushed_.empty()) next = std::min(next, flushed_.front().since + limits_.write_stall_max);
  if (!in_flight_.empty()) {
    next = std::min(next, in_flight_.front().since + limits_.write_stall_max);
  }
  if (!lingering_.empty()) next = std::min(next, lingering_.front().since + limits_.linger_max);
  if (!lingering_briefly_.empty()) {
    next = std::min(next, lingering_briefly_.front().since + limits_.brief_linger_max);
  }
  return next;
}

}  // namespace sanjay::runtime
