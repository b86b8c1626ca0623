// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"
#include "server/server.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sanjay::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A blocking TCP client; what it waits for gives up after 20 s.
class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{20, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  /// The first bytes of the answer to a request.
  std::string ask() {
    const std::string request = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(::send(descriptor_, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer(13, '\0');
    EXPECT_EQ(recv(descriptor_, answer.data(), answer.size(), MSG_WAITALL), 13);
    return answer;
  }
  /// Whether the connection ends within the bound, whatever comes before.
  bool ends() {
    std::string bytes(4096, '\0');
    ssize_t received = 1;
    while (received > 0) received = recv(descriptor_, bytes.data(), bytes.size(), 0);
    return received == 0 || errno == ECONNRESET;
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
  bool connected_ = false;
};

class ShutdownTest : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.http_server.address = "127.0.0.1";
    config.http_server.port = 0;
    config.runtime.shards = 1;
    config.runtime.io = IoChoice::Epoll;
    auto server = Server::create(wire(config, 4096).value(), log_);
    ASSERT_TRUE(server);
    server_ = *std::move(server);
    const auto address = server_->start();
    ASSERT_TRUE(address);
    address_ = *address;
  }
  telemetry::NullLogger log_;
  std::unique_ptr<Server> server_;
  runtime::Endpoint address_;
};

TEST_F(ShutdownTest, WhoLeavesInTimeIsWaitedFor) {
  Client client(address_.port);
  EXPECT_EQ(client.ask(), "HTTP/1.1 404 ");
  client.close();
  EXPECT_TRUE(server_->shut_down(seconds(20)));
}

TEST_F(ShutdownTest, WhoStaysIsCutWhenTheTimeIsUp) {
  Client client(address_.port);
  EXPECT_EQ(client.ask(), "HTTP/1.1 404 ");  // it will hear of the end and not answer it
  const auto began = steady_clock::now();
  EXPECT_FALSE(server_->shut_down(milliseconds(100)));
  EXPECT_GE(steady_clock::now() - began, milliseconds(100));
  EXPECT_LT(steady_clock::now() - began, seconds(5)) << "not even as long as it would linger";
  server_.reset();
  EXPECT_TRUE(client.ends());
  EXPECT_FALSE(Client(address_.port).connected());
}

}  // namespace
}  // namespace sanjay::server
