#include "linux/prod.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

/// A TCP socket whose close waits so many seconds for somebody to read.
UniqueFd lingering_socket(UniqueFd& listener, int seconds) {
    listener.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    constexpr int kLittle = 2048;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &kLittle, sizeof kLittle);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const place = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), place, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), place, &size), 0);
    UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::connect(client.get(), place, size), 0);
    const std::string block(65536, 'x');
    while (::send(client.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
    const linger lingers{1, seconds};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers);
    return client;
}

TEST(Prod, ACloseThatLingersHoldsNobodyUp) {
    UniqueFd listener;
    UniqueFd lingering = lingering_socket(listener, 60);
    const auto before = std::chrono::steady_clock::now();
    {
        const Prod prod;
        const Prod inner;
        lingering.reset();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds{30});
    EXPECT_FALSE(lingering);
}

}  // namespace
}  // namespace svcd
