// How much a client may send, and be sent: what goes beyond it costs an answer, or that client.
#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/socket.h>

#include "bus/body_limits.h"
#include "bus/frame.h"
#include "bus/handshake.h"
#include "bus/message_codec.h"
#include "bus/private_connection.h"
#include "bus_daemon.h"
#include "client.h"
#include "strangers.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";
constexpr const char* kTooMuch = "org.freedesktop.DBus.Error.LimitsExceeded";

class BusLimits : public ::testing::Test {
protected:
    void SetUp() override {
        if (::getuid() != 0) {
            GTEST_SKIP() << "needs root to become another user";
        }
    }
};

std::string unit_of(Client& client) {
    return object_path(client.call(kRoot, kManager, "GetUnit", "s", "db.service"));
}

TEST_F(BusLimits, AMessageThatIsTooLargeIsRefusedAndItsConnectionGoesOn) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    Client trusted(address);
    const std::string large(kMessageMax, 'x');
    const CallError error = trusted.refused(kRoot, kManager, "GetUnit", "s", large.c_str());
    EXPECT_EQ(error.name, kTooMuch);
    EXPECT_THAT(error.message, HasSubstr("was not read"));
    EXPECT_EQ(unit_of(trusted), "/org/svcd1/unit/db_2eservice");

    EXPECT_EQ(as_nobody([&]() -> int {
                  Client client(address);
                  const std::string text(kStrangersMessageMax, 'x');
                  const CallError refused =
                      client.refused(kRoot, kManager, "GetUnit", "s", text.c_str());
                  const bool is_told = refused.name == kTooMuch &&
                                       refused.message.find("65536") != std::string::npos;
                  return is_told && unit_of(client) == "/org/svcd1/unit/db_2eservice" ? 0 : 1;
              }),
              0);
}

TEST_F(BusLimits, ANameInAnErrorIsCut) {
    BusDaemon daemon;
    Client client(daemon.address());
    const std::string text(10'000, 'x');
    for (const char* member : {"GetUnit", "LoadUnit"}) {
        const CallError error = client.refused(kRoot, kManager, member, "s", text.c_str());
        EXPECT_THAT(error.message, HasSubstr("xxx..."));
        EXPECT_LT(error.message.size(), 400U) << member;
    }
    EXPECT_LT(client.refused(("/" + text).c_str(), kManager, "GetUnit").message.size(), 400U);
    EXPECT_LT(client
                  .refused(kRoot, kManager, "RequestJob", "sssa{sv}", text.c_str(), "a.service",
                           "replace", 0)
                  .message.size(),
              400U);
}

TEST_F(BusLimits, AnAnswerToAStrangerIsBounded) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) {
        for (int i = 0; i < 100; ++i) {
            manager.add("unit" + std::to_string(i) + ".service",
                        std::string(kStrangersAnswerMax / 100, 'x'), UnitType::service);
        }
    });
    const std::string address = daemon.address();
    Client(address).call(kRoot, kManager, "ListUnits");
    EXPECT_EQ(as_nobody([&]() -> int {
                  Client client(address);
                  const bool refused =
                      client.refused(kRoot, kManager, "ListUnits").name == kTooMuch;
                  client.call(kRoot, kManager, "ListUnitsByNames", "as", 1, "unit1.service");
                  return refused && !::testing::Test::HasFailure() ? 0 : 1;
              }),
              0);
}

TEST_F(BusLimits, WithoutMemoryAnAnswerIsLostAndNothingElse) {
    BusDaemon daemon;
    Client client(daemon.address());
    daemon.in_loop([](FakeManager& manager) { manager.has_no_memory = true; });
    EXPECT_EQ(client.refused(kRoot, kManager, "ListUnits").name,
              "org.freedesktop.DBus.Error.NoMemory");
    daemon.in_loop([](FakeManager& manager) { manager.has_no_memory = false; });
    EXPECT_EQ(unit_of(client), "/org/svcd1/unit/db_2eservice");
}

TEST_F(BusLimits, ListsOfListsAreCounted) {
    BusDaemon daemon;
    Client client(daemon.address());
    sd_bus_message* call = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message_new_method_call(client.bus(), &call, "org.svcd1", kRoot, kManager, "GetUnit");
    sd_bus_message_open_container(call, 'a', "as");
    for (std::size_t i = 0; i < 100; ++i) {
        sd_bus_message_append(call, "as", 0);
        sd_bus_message_open_container(call, 'a', "s");
        for (std::size_t j = 0; j < kElementsMax / 10; ++j) {
            sd_bus_message_append(call, "s", "");
        }
        sd_bus_message_close_container(call);
    }
    sd_bus_message_close_container(call);
    EXPECT_LT(sd_bus_call(client.bus(), call, 0, &error, nullptr), 0);
    EXPECT_STREQ(error.name, kTooMuch);
    sd_bus_error_free(&error);
    sd_bus_message_unref(call);
}

/// sd-bus drops a message that it can't read, and goes on with what its socket has.
TEST_F(BusLimits, AClientThatSendsUnreadableMessagesForEverKeepsNobodyWaiting) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    const pid_t flood = ::fork();
    if (flood == 0) {
        ::alarm(20);
        std::string message = stand_in_call(1);
        message[16] = '\0';  // a field of no kind
        std::string many;
        for (int i = 0; i < 1000; ++i) {
            many += message;
        }
        while (true) {
            Client client(address);
            sd_bus_call_method(client.bus(), "org.svcd1", kRoot, kManager, "GetUnit", nullptr,
                               nullptr, "s", "db.service");
            const int fd = sd_bus_get_fd(client.bus());
            while (::send(fd, many.data(), many.size(), MSG_NOSIGNAL) > 0) {
            }
        }
    }
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) {
        Client client(address);
        EXPECT_EQ(unit_of(client), "/org/svcd1/unit/db_2eservice");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    ::kill(flood, SIGKILL);
    ::waitpid(flood, nullptr, 0);
}

/// sd-bus is begun anew after a message that it can't read, and a change of a service is two
/// signals.
TEST(BusCodec, WhatChangesAfterAnUnreadableMessageIsToldWhole) {
    ::mallopt(M_PERTURB, 0xa5);  // what was freed is not what it was
    BusDaemon daemon;
    Client subscriber(daemon.address());
    subscriber.call(kRoot, kManager, "Subscribe");
    std::string message = stand_in_call(1);
    message[16] = '\0';  // a field of no kind
    for (int i = 0; i < 20; ++i) {
        {
            Client other(daemon.address());
            sd_bus_call_method(other.bus(), "org.svcd1", kRoot, kManager, "GetUnit", nullptr,
                               nullptr, "s", "db.service");
            const int fd = sd_bus_get_fd(other.bus());
            EXPECT_GT(::send(fd, message.data(), message.size(), MSG_NOSIGNAL), 0);
            char end = 0;
            EXPECT_LE(::recv(fd, &end, 1, MSG_WAITALL), 0);  // it is cut: the message was read
        }
        daemon.in_loop([](FakeManager& manager) { manager.bus->unit_changed(UnitId{0}); });
        for (const char* const interface : {"org.svcd1.Unit", "org.svcd1.Service"}) {
            sd_bus_message* const signal =
                subscriber.wait_for_signal("org.freedesktop.DBus.Properties", "PropertiesChanged");
            ASSERT_NE(signal, nullptr);
            const char* told = nullptr;
            sd_bus_message_read_basic(signal, 's', &told);
            EXPECT_STREQ(told, interface);
        }
    }
    ::mallopt(M_PERTURB, 0);
}

TEST(BusFrame, SaysWhereAMessageEnds) {
    const std::string call = stand_in_call(0x01020304);
    const auto header = read_frame_header(call);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->size, call.size());
    EXPECT_EQ(header->serial, 0x01020304U);
    EXPECT_TRUE(header->wants_answer);
    const std::string big_endian{"B\1\1\1\0\0\0\5\0\0\0\7\0\0\0\x09", 16};
    EXPECT_EQ(read_frame_header(big_endian)->size, 16U + 16U + 5U);
    EXPECT_EQ(read_frame_header(big_endian)->serial, 7U);
    EXPECT_FALSE(read_frame_header(big_endian)->wants_answer);
    EXPECT_FALSE(read_frame_header(std::string("x\1\1\1\0\0\0\5\0\0\0\7\0\0\0\x09", 16)));
    EXPECT_FALSE(read_frame_header(std::string("l\1\1\1\xff\xff\xff\xff\1\0\0\0\xff\0\0\0", 16)));
}

TEST(BusHandshake, TakesNothingBeyondItsEnd) {
    Handshake handshake(42, "id");
    std::string answer;
    // sd-bus sends all of it at once.
    const std::string sent{"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\1\0\1", 52};
    EXPECT_EQ(handshake.take(sent, answer), 48U);
    EXPECT_TRUE(handshake.is_done());
    EXPECT_EQ(answer, "DATA\r\nOK id\r\nERROR\r\n");
}

TEST(BusHandshake, BelievesTheKernelOnly) {
    Handshake handshake(42, "id");
    std::string answer;
    const std::string sent{"\0AUTH\r\nAUTH EXTERNAL 30\r\nAUTH ANONYMOUS\r\nAUTH EXTERNAL 3432\r\n",
                           61};
    handshake.take(sent, answer);
    EXPECT_EQ(answer, "REJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\nOK id\r\n");
    handshake.take("BEGIN\r\n", answer);
    EXPECT_TRUE(handshake.is_done());

    Handshake too_early(42, "id");
    too_early.take(std::string("\0BEGIN\r\n", 8), answer);
    EXPECT_TRUE(too_early.has_failed());
    Handshake endless(42, "id");
    endless.take(std::string(1, '\0') + std::string(5000, 'x'), answer);
    EXPECT_TRUE(endless.has_failed());
}

TEST(BusCodec, BytesOfOneMessageAreNeverTheBeginningOfAnother) {
    MessageCodec codec;
    ASSERT_TRUE(codec.open());
    int handled = 0;
    const MessageCodec::Handler count = [&](sd_bus_message*) { return ++handled; };
    std::string half = stand_in_call(1);
    half.resize(half.size() / 2);
    EXPECT_EQ(codec.decode(half, 1, count), MessageCodec::Decoded::unreadable);
    EXPECT_EQ(codec.decode(stand_in_call(2), 2, count), MessageCodec::Decoded::handled);
    EXPECT_EQ(handled, 1);
    // Nor is a message handled as another one than was meant.
    EXPECT_EQ(codec.decode(stand_in_call(3), 4, count), MessageCodec::Decoded::unreadable);
    EXPECT_EQ(handled, 1);
    const MessageCodec::Handler fail = [](sd_bus_message*) -> int { throw std::bad_alloc{}; };
    EXPECT_EQ(codec.decode(stand_in_call(5), 5, fail), MessageCodec::Decoded::no_memory);
    EXPECT_EQ(codec.decode(stand_in_call(6), 6, count), MessageCodec::Decoded::handled);
}

}  // namespace
}  // namespace svcd::test
