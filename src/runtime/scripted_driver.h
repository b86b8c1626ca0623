// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/io_driver.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::runtime {

/// A driver for tests that moves nothing: it writes down what it was asked for, answers sends as
/// the script says, and reports in turn() what the test has queued.
class ScriptedDriver final : public IoDriver {
 public:
  /// The answer to one send: so many bytes taken at once (or all, if fewer), or pending.
  struct Answer {
    std::optional<std::size_t> taken;
    static Answer pending() { return {std::nullopt}; }
    static Answer takes(std::size_t bytes) { return {bytes}; }
  };
  struct Send {
    SocketSlot slot = 0;
    std::vector<std::string> pieces;
    std::string bytes() const {
      std::string all;
      for (const auto& piece : pieces) all += piece;
      return all;
    }
  };

  std::deque<Answer> answers;  // of the next sends; when empty, everything is taken
  std::vector<Send> sends;
  std::vector<SocketSlot> released;
  std::vector<SocketSlot> finished;
  std::vector<std::pair<SocketSlot, bool>> receiving;
  std::deque<std::function<void(IoEvents&)>> events;  // one per turn
  std::vector<core::Duration> waits;
  std::size_t connects_left = ~std::size_t{0};  // the next one fails at 0
  int accepts_resumed = 0;
  int wakes = 0;

  std::string all_sent() const {
    std::string all;
    for (const Send& send : sends) all += send.bytes();
    return all;
  }

  DriverKind kind() const override { return DriverKind::Simulated; }
  const DriverStats& stats() const override { return stats_; }
  core::Status start() override { return {}; }
  core::Result<Endpoint> listen(const Endpoint& endpoint, const ListenOptions&) override {
    return endpoint;
  }
  void resume_accepting() override { ++accepts_resumed; }
  void stop_listening(ListenerIndex) override {}
  core::Status connect(SocketSlot, const Endpoint&, const std::optional<Endpoint>&) override {
    if (connects_left == 0) return core::failure("scripted failure");
    --connects_left;
    return {};
  }
  void set_receiving(SocketSlot slot, bool on) override { receiving.emplace_back(slot, on); }
  std::optional<std::size_t> send(SocketSlot slot,
                                  std::span<const std::string_view> pieces) override {
    sends.push_back({slot, {pieces.begin(), pieces.end()}});
    if (answers.empty()) return sends.back().bytes().size();
    const Answer answer = answers.front();
    answers.pop_front();
    if (!answer.taken) return std::nullopt;
    return std::min(*answer.taken, sends.back().bytes().size());
  }
  void finish_sending(SocketSlot slot) override { finished.push_back(slot); }
  void release(SocketSlot slot) override { released.push_back(slot); }
  bool turn(core::Duration wait_max, IoEvents& io_events) override {
    waits.push_back(wait_max);
    io_events.on_wake();
    if (events.empty()) return false;
    const auto event = std::move(events.front());
    events.pop_front();
    event(io_events);
    return true;
  }
  void wake() override { ++wakes; }

 private:
  DriverStats stats_;
};

}  // namespace sanjay::runtime
