// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/floor_listener.h"

#include "bench/client/worker.h"
#include "http/upgrade_client.h"
#include "websocket/encoder.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

using websocket::Opcode;

TEST(TakeFrames, TurnsClientFramesIntoServerFramesInPlace) {
  std::string bytes;
  std::string expected;
  for (const std::size_t size : {std::size_t{5}, std::size_t{0}, std::size_t{300}}) {
    const std::string payload(size, static_cast<char>('a' + size % 26));
    websocket::append_masked_frame(bytes, Opcode::Text, payload, 0x12345678);
    websocket::append_frame(expected, Opcode::Text, payload);
  }
  const auto frames = take_frames(bytes);
  ASSERT_TRUE(frames);
  EXPECT_EQ(bytes.substr(0, frames->bytes), expected);
  EXPECT_EQ(frames->consumed, bytes.size());
}

TEST(TakeFrames, LeavesACutFrameAlone) {
  std::string bytes;
  websocket::append_masked_frame(bytes, Opcode::Text, "whole", 1);
  const std::size_t whole = bytes.size();
  websocket::append_masked_frame(bytes, Opcode::Text, "cut short", 1);
  bytes.resize(bytes.size() - 1);
  const std::string rest = bytes.substr(whole);
  const auto frames = take_frames(bytes);
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->consumed, whole);
  EXPECT_EQ(bytes.substr(whole), rest);
}

TEST(TakeFrames, RefusesUnmaskedFrames) {
  std::string bytes;
  websocket::append_frame(bytes, Opcode::Text, "from a server");
  EXPECT_FALSE(take_frames(bytes));
}

TEST(FloorUpgradeAnswer, FitsTheGeneratorsRequest) {
  http::UpgradeResponseReader reader(kUpgradeKey, "");
  EXPECT_EQ(reader.feed(kFloorUpgradeAnswer).state, http::UpgradeResponseReader::State::Done);
}

}  // namespace
}  // namespace sanjay::bench
