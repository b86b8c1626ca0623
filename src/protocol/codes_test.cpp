// SPDX-License-Identifier: Apache-2.0
#include "protocol/codes.h"

#include <gtest/gtest.h>

namespace sanjay::protocol {
namespace {

TEST(Codes, ReconnectByRange) {
  EXPECT_TRUE(reconnects(kDisconnectShutdown.code));
  EXPECT_TRUE(reconnects(3499));
  EXPECT_FALSE(reconnects(3500));
  EXPECT_FALSE(reconnects(3999));
  EXPECT_TRUE(reconnects(4000));
  EXPECT_TRUE(reconnects(4499));
  EXPECT_FALSE(reconnects(4500));
  EXPECT_FALSE(reconnects(4999));
  EXPECT_TRUE(reconnects(5000));
  EXPECT_TRUE(reconnects(1006));
}

TEST(Codes, ResubscribeFrom2500) {
  EXPECT_FALSE(resubscribes(kUnsubscribeServer.code));
  EXPECT_FALSE(resubscribes(2499));
  EXPECT_TRUE(resubscribes(kUnsubscribeInsufficient.code));
}

TEST(Codes, OnlyThreeErrorsAreTemporary) {
  for (const Error& error :
       {kErrorInternal, kErrorUnauthorized, kErrorUnknownChannel, kErrorPermissionDenied,
        kErrorMethodNotFound, kErrorAlreadySubscribed, kErrorLimitExceeded, kErrorBadRequest,
        kErrorNotAvailable, kErrorTokenExpired, kErrorExpired, kErrorTooManyRequests,
        kErrorUnrecoverablePosition, kErrorConcurrentPagination}) {
    EXPECT_EQ(error.temporary, error.code == 100 || error.code == 111 || error.code == 113)
        << error.code;
  }
}

}  // namespace
}  // namespace sanjay::protocol
