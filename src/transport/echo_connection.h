// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/websocket_connection.h"

namespace sanjay::transport {

/// Returns each message with its opcode: the bare engine, for conformance suites and comparisons.
/// While much of what was returned waits to be read, nothing more is taken in.
class EchoConnection final : public WebSocketConnection {
 public:
  EchoConnection(ShardServices& services, runtime::Stream& stream, AgreedCompression compression);

  void on_hub_answer(std::uint32_t, hub::Answer&&) override {}
  void shut_down() override;
  void on_drained() override { go_on(); }
  void on_overflow() override;
  void on_write_stalled() override { stream_.close(runtime::StreamEnd::SendFailed); }

 private:
  static constexpr std::size_t kUnreadBytesMax = 256 * 1024;

  void on_message(websocket::Opcode opcode, std::string_view payload) override;
  bool accepts_messages() const override;
  void record_end(EndRecord end) override { services_.ends.record(end, services_.shard.now()); }
  void on_deadline() override {}
};

}  // namespace sanjay::transport
