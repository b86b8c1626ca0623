// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sanjay::runtime {
namespace {

/// TCP_USER_TIMEOUT in milliseconds of what a listener with these options accepts.
unsigned user_timeout_of_accepted(const ListenOptions& options) {
  const auto listener = open_listener(*Endpoint::parse("127.0.0.1", 0), options, false);
  EXPECT_TRUE(listener);
  const auto peer = begin_connect(listener->address, std::nullopt);
  EXPECT_TRUE(peer);
  pollfd ready{listener->descriptor, POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 20'000), 1);
  const int accepted = accept(listener->descriptor, nullptr, nullptr);
  unsigned milliseconds = 0;
  socklen_t size = sizeof milliseconds;
  EXPECT_EQ(getsockopt(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size), 0);
  for (const int descriptor : {accepted, *peer}) close(descriptor);
  close_listener(listener->descriptor);
  return milliseconds;
}

// When it runs out is the kernel's business; that it knows of it, on every connection, is ours.
TEST(Socket, WhatIsAcceptedHasTheUserTimeoutOfItsListener) {
  EXPECT_EQ(user_timeout_of_accepted({.user_timeout = std::chrono::seconds(30)}), 30'000U);
  EXPECT_EQ(user_timeout_of_accepted({.user_timeout = std::chrono::milliseconds(1500)}), 1500U);
  EXPECT_EQ(user_timeout_of_accepted({}), 0U);
}

}  // namespace
}  // namespace sanjay::runtime
