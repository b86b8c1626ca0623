// SPDX-License-Identifier: Apache-2.0
// Streams that speak TLS: what comes is decrypted before their handlers see it, and what is sent is
// encrypted when its turn to leave has come.
#include "core/assert.h"
#include "core/failpoint.h"
#include "runtime/stream.h"
#include "runtime/tls/tls_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sanjay::runtime {
namespace {

constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 22\r\n"
    "Connection: close\r\n"
    "\r\n"
    "this port speaks TLS.\n";

/// A request's method instead of a record: no record's type is a letter (RFC 8446 §5.1).
bool is_plain_http(std::string_view begin) { return begin[0] >= 'A' && begin[0] <= 'Z'; }

}  // namespace

void Stream::start_tls(const std::shared_ptr<const TlsContext>& context, core::Instant now,
                       std::string_view received) {
  if (state_ == State::Open) table_.start_tls(*this, context, now, received);
}

std::size_t Stream::queued_bytes_of_tls() const { return queue_.bytes() + tls_->counted; }

bool Stream::has_bytes_to_send() const {
  if (!tls_) return !queue_.empty();
  return tls_->unsent() > 0 || (tls_->session.established() && !queue_.empty());
}

void StreamTable::start_tls(Stream& stream, const std::shared_ptr<const TlsContext>& context,
                            core::Instant now, std::string_view received) {
  ASSERT(!stream.tls_ && stream.queue_.empty());
  const bool is_server = context->role() == TlsContext::Role::Server;
  if (is_server) context->ticket_keys().rotate(now);
  auto handshake = handshakes_.begin(stream.id_, now);
  if (!handshake) {
    tls_stats_.refused.add();
    return stream.close();
  }
  if (!record_) record_ = std::make_unique<char[]>(TlsSession::kRecordBytes);
  tls_stats_.handshakes.add();
  stream.tls_ = std::make_unique<TlsStream>(context);
  stream.tls_->handshake = std::move(handshake);
  PendingHandshake& begun = *stream.tls_->handshake;
  begun.input().assign(received);
  begun.speaks_first = !is_server;
  if (begun.waits()) return hold_receiving(stream, true);
  if (begun.has_step()) handshakes_.make_ready(begun);
}

void StreamTable::hold_receiving(Stream& stream, bool hold) {
  PendingHandshake& handshake = *stream.tls_->handshake;
  if (handshake.receiving_paused == hold) return;
  handshake.receiving_paused = hold;
  if (stream.reading_paused_ || stream.state_ == Stream::State::Closing) return;
  driver_.set_receiving(stream.id_.slot, !hold);
}

void StreamTable::receive_tls(Stream& stream, std::string_view bytes) {
  PendingHandshake* handshake = stream.tls_->handshake.get();
  if (handshake == nullptr) return decrypt(stream, bytes);
  // No step is made here: established streams come first, and a turn has time for so many.
  handshake->input().append(bytes);
  if (handshake->input().size() >= kHandshakeInputMax) hold_receiving(stream, true);
  if (!handshake->waits()) handshakes_.make_ready(*handshake);
}

bool StreamTable::end_tls_input(Stream& stream) {
  PendingHandshake* handshake = stream.tls_->handshake.get();
  if (handshake == nullptr) return true;
  // What he said before may complete the handshake.
  handshake->input_ended = true;
  if (handshake->input().empty()) stream.close(StreamEnd::PeerFinished);
  return false;
}

void StreamTable::run_handshakes(core::Instant now, bool judge) {
  if (handshakes_.empty()) return;
  while (judge) {
    PendingHandshake* overdue = handshakes_.overdue(now);
    if (overdue == nullptr) break;
    Stream& stream = *find(overdue->stream());
    end_handshake(stream, tls_stats_.timed_out);
    stream.close();
  }
  const core::Instant begun = clock_.now();
  while (PendingHandshake* next = handshakes_.take_ready(now)) {
    step_handshake(*find(next->stream()));
    const bool over = clock_.now() - begun >= limits_.tls.turn_time_max;
    if (over && !FAILPOINT("tls.turn_time")) break;
  }
  while (PendingHandshake* next = handshakes_.take_waiting(now)) {
    Stream& stream = *find(next->stream());
    hold_receiving(stream, false);
    if (next->has_step()) handshakes_.make_ready(*next);
  }
}

void StreamTable::step_handshake(Stream& stream) {
  TlsStream& tls = *stream.tls_;
  PendingHandshake& handshake = *tls.handshake;
  const std::string input = std::exchange(handshake.input(), {});
  if (!tls.session.begun() && !input.empty() && is_plain_http(input)) {
    tls.session.output() = kPlainHttpAnswer;
    count_tls_bytes(stream);
    return stream.finish();
  }
  tls.session.give(input);
  const TlsSession::Handshake result = tls.session.handshake();
  count_tls_bytes(stream);
  switch (result) {
    case TlsSession::Handshake::Failed:
      return fail_handshake(stream);
    case TlsSession::Handshake::NeedsMore:
      if (stream.has_bytes_to_send()) mark_dirty(stream);
      if (handshake.input_ended) return stream.close(StreamEnd::PeerFinished);
      return hold_receiving(stream, false);
    case TlsSession::Handshake::Done:
      return finish_handshake(stream);
  }
}

void StreamTable::finish_handshake(Stream& stream) {
  TlsStream& tls = *stream.tls_;
  const bool input_ended = tls.handshake->input_ended;
  tls_stats_.connections.add();
  if (tls.session.resumed()) tls_stats_.resumed.add();
  end_handshake(stream, tls_stats_.done);
  if (stream.has_bytes_to_send()) mark_dirty(stream);
  decrypt(stream, tls.session.input());
  if (input_ended && stream.state_ == Stream::State::Open) stream.handler_->on_peer_finished();
}

void StreamTable::fail_handshake(Stream& stream) {
  if (log_.enabled(telemetry::Level::Debug)) {
    log_.log(telemetry::Level::Debug, "TLS handshake failed",
             {{"peer", stream.peer_.to_string()}, {"reason", stream.tls_->session.error()}});
  }
  stream.finish(Linger::Brief);  // after the alert that says why
}

void StreamTable::end_handshake(Stream& stream, telemetry::Counter& outcome) {
  if (!stream.tls_->handshake) return;
  hold_receiving(stream, false);
  stream.tls_->handshake.reset();
  tls_stats_.handshakes.subtract();
  outcome.add();
}

void StreamTable::decrypt(Stream& stream, std::string_view bytes) {
  TlsSession& session = stream.tls_->session;
  session.give(bytes);
  auto end = TlsSession::Read::Bytes;
  while (end == TlsSession::Read::Bytes && stream.state_ == Stream::State::Open) {
    const auto result = session.read({record_.get(), TlsSession::kRecordBytes});
    end = result.end;
    if (end == TlsSession::Read::Bytes) stream.handler_->on_bytes({record_.get(), result.bytes});
  }
  session.give({});
  count_tls_bytes(stream);
  if (stream.has_bytes_to_send()) mark_dirty(stream);
  if (end == TlsSession::Read::Failed) return stream.finish(Linger::Brief);
  if (session.output().size() > kTlsOutputMax && !FAILPOINT("tls.output_max")) {
    return stream.close(StreamEnd::SendFailed);
  }
  if (end != TlsSession::Read::PeerFinished || stream.peer_finished_) return;
  stream.peer_finished_ = true;
  stream.handler_->on_peer_finished();
}

// One record at a time: what is encrypted is no longer shared with other streams, and a peer that
// reads slowly must not have a megabyte of its own.
std::size_t StreamTable::front_of_tls(Stream& stream, std::span<std::string_view> pieces) {
  TlsStream& tls = *stream.tls_;
  if (tls.sent == tls.sending.size()) {
    if (tls.session.established()) encrypt_record(stream);
    if (stream.state_ == Stream::State::Finishing && stream.queue_.empty() && !tls.finished) {
      tls.finished = true;
      tls.session.finish();
    }
    tls.sending = std::exchange(tls.session.output(), {});
    tls.sent = 0;
    count_tls_bytes(stream);
  }
  if (tls.sending.empty()) return 0;
  pieces[0] = std::string_view(tls.sending).substr(tls.sent);
  return 1;
}

void StreamTable::encrypt_record(Stream& stream) {
  TlsSession& session = stream.tls_->session;
  std::size_t size = 0;
  while (size < TlsSession::kRecordBytes && !stream.queue_.empty()) {
    std::array<std::string_view, IoDriver::kPiecesMax> pieces;
    const std::size_t count = stream.queue_.front(pieces);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < count && size < TlsSession::kRecordBytes; ++i) {
      const std::size_t part = std::min(pieces[i].size(), TlsSession::kRecordBytes - size);
      std::memcpy(record_.get() + size, pieces[i].data(), part);
      size += part;
      taken += part;
    }
    stats_.queued_bytes.subtract(taken);
    stream.queue_.consume(taken);
  }
  if (size == 0) return;
  session.output().reserve(session.output().size() + size + TlsSession::kRecordOverhead);
  if (!session.write({record_.get(), size})) stream.close(StreamEnd::SendFailed);
}

void StreamTable::sent_by_tls(Stream& stream, std::size_t bytes) {
  TlsStream& tls = *stream.tls_;
  tls.sent += bytes;
  if (tls.sent == tls.sending.size()) {
    std::string().swap(tls.sending);  // an assignment would keep its memory
    tls.sent = 0;
  }
  count_tls_bytes(stream);
}

void StreamTable::count_tls_bytes(Stream& stream) {
  TlsStream& tls = *stream.tls_;
  const std::size_t unsent = tls.unsent();
  stats_.queued_bytes.add(unsent - tls.counted);  // modulo 2^64: it may be less than before
  tls.counted = unsent;
}

}  // namespace sanjay::runtime
