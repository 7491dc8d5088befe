// Clients that misbehave cost themselves, and nobody else.
#include <dirent.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <random>

#include "bus/body_limits.h"
#include "bus/private_socket.h"
#include "bus_daemon.h"
#include "client.h"

namespace svcd::test {
namespace {

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";

std::size_t open_descriptors() {
    DIR* folder = ::opendir("/proc/self/fd");
    std::size_t count = 0;
    while (::readdir(folder)) {
        ++count;
    }
    ::closedir(folder);
    return count;
}

int connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

std::string handshake() {
    const std::string uid = std::to_string(::getuid());
    std::string hex;
    for (const char digit : uid) {
        hex += '3';
        hex += digit;
    }
    return std::string("\0AUTH EXTERNAL ", 15) + hex + "\r\nBEGIN\r\n";
}

/// Manager.GetUnit("db.service") as bytes.
std::string get_unit_call() {
    constexpr char kBytes[] =
        "l\1\0\1\17\0\0\0\1\0\0\0O\0\0\0\1\1o\0\n\0\0\0/org/svcd1\0\0\0\0\0\0"
        "\2\1s\0\21\0\0\0org.svcd1.Manager\0\0\0\0\0\0\0"
        "\3\1s\0\7\0\0\0GetUnit\0\10\1g\0\1s\0\0\n\0\0\0db.service\0";
    return {kBytes, sizeof kBytes - 1};
}

/// Reads until `text` has come, or the peer has closed.
std::string read_until(int fd, const std::string& text) {
    std::string seen;
    char buffer[4096];
    while (seen.find(text) == std::string::npos) {
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count <= 0) {
            break;
        }
        seen.append(buffer, static_cast<std::size_t>(count));
    }
    return seen;
}

bool is_closed_by_peer(int fd) {
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::read(fd, buffer, sizeof buffer)) > 0) {
    }
    return count == 0 || errno == ECONNRESET;
}

void expect_served(BusDaemon& daemon) {
    Client client(daemon.address());
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnit", "s", "db.service")),
              "/org/svcd1/unit/db_2eservice");
}

TEST(BusRobustness, ACallSentTogetherWithTheHandshakeIsAnswered) {
    BusDaemon daemon;
    const int fd = connect_to(daemon.socket());
    const std::string bytes = handshake() + get_unit_call();
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    EXPECT_THAT(read_until(fd, "db_2eservice"), ::testing::HasSubstr("db_2eservice"));
    ::close(fd);
}

TEST(BusRobustness, TheLongestIdleMakesRoomForOneMoreAndNothingLeaks) {
    BusDaemon daemon;
    expect_served(daemon);
    const std::size_t before = open_descriptors();
    constexpr std::size_t kMore = 44;
    std::vector<int> clients;
    for (std::size_t i = 0; i < kConnectionsMax + kMore; ++i) {
        clients.push_back(connect_to(daemon.socket()));
    }
    for (std::size_t i = 0; i < kMore; ++i) {
        EXPECT_TRUE(is_closed_by_peer(clients[i])) << i;
    }
    const std::string bytes = handshake() + get_unit_call();
    for (std::size_t i = kMore; i < clients.size(); ++i) {
        ASSERT_EQ(::write(clients[i], bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }
    for (std::size_t i = kMore; i < clients.size(); ++i) {
        EXPECT_THAT(read_until(clients[i], "db_2eservice"), ::testing::HasSubstr("db_2eservice"));
    }
    for (const int fd : clients) {
        ::close(fd);
    }
    // The 256 places are free again once the daemon has noticed.
    std::size_t now = open_descriptors();
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (now > before && std::chrono::steady_clock::now() < end) {
        daemon.in_loop([](FakeManager&) {});
        now = open_descriptors();
    }
    EXPECT_LE(now, before);
    expect_served(daemon);
}

TEST(BusRobustness, MalformedBytesCostOnlyTheirOwnConnection) {
    BusDaemon daemon;
    std::mt19937 random(4711);
    for (int round = 0; round < 200; ++round) {
        const int fd = connect_to(daemon.socket());
        std::string bytes;
        switch (round % 4) {
            case 0:  // noise instead of a handshake
                for (int i = 0; i < 300; ++i) {
                    bytes += static_cast<char>(random());
                }
                break;
            case 1:  // noise after it
                bytes = handshake();
                for (int i = 0; i < 300; ++i) {
                    bytes += static_cast<char>(random());
                }
                break;
            case 2: {  // a call with some bytes changed
                std::string call = get_unit_call();
                for (int i = 0; i < 3; ++i) {
                    call[random() % call.size()] = static_cast<char>(random());
                }
                bytes = handshake() + call;
                break;
            }
            default:  // half a call
                bytes = handshake() + get_unit_call().substr(0, random() % 100);
                break;
        }
        EXPECT_GE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
        ::close(fd);
    }
    expect_served(daemon);
    daemon.in_loop([](FakeManager& manager) { EXPECT_TRUE(manager.events.empty()); });
}

/// Like one that the manager has cloned, and that hangs on its way to execve.
TEST(BusRobustness, AConnectionIsCutAlsoWhileAChildHasACopyOfIt) {
    BusDaemon daemon;
    const int fd = connect_to(daemon.socket());
    const std::string bytes = handshake() + get_unit_call();
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    EXPECT_THAT(read_until(fd, "db_2eservice"), ::testing::HasSubstr("db_2eservice"));
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(fd);
        ::pause();
        ::_exit(0);
    }
    ASSERT_EQ(::send(fd, "no message at all", 17, MSG_NOSIGNAL), 17);
    EXPECT_TRUE(is_closed_by_peer(fd));
    ::close(fd);
    expect_served(daemon);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    expect_served(daemon);
}

TEST(BusRobustness, AClientThatNeverReadsIsCutWhenItsAnswersPileUp) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) {
        for (int i = 0; i < 500; ++i) {
            manager.add("unit" + std::to_string(i) + ".service", std::string(200, 'x'),
                        UnitType::service);
        }
    });
    const int fd = connect_to(daemon.socket());
    // ListUnits instead of GetUnit: no body, no signature.
    constexpr char kListUnits[] =
        "l\1\0\1\0\0\0\0\1\0\0\0J\0\0\0\1\1o\0\n\0\0\0/org/svcd1\0\0\0\0\0\0"
        "\2\1s\0\21\0\0\0org.svcd1.Manager\0\0\0\0\0\0\0"
        "\3\1s\0\11\0\0\0ListUnits\0\0\0\0\0\0\0";
    const std::string list(kListUnits, sizeof kListUnits - 1);
    const std::string hello = handshake();
    ASSERT_EQ(::write(fd, hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
    bool cut = false;
    for (int i = 0; i < 100'000 && !cut; ++i) {
        cut = ::send(fd, list.data(), list.size(), MSG_NOSIGNAL) < 0;
    }
    EXPECT_TRUE(cut);
    ::close(fd);
    expect_served(daemon);
}

TEST(BusRobustness, ASubscriberThatNeverReadsIsCutToo) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "Subscribe");
    const std::size_t before = open_descriptors();
    bool is_cut = false;
    for (int i = 0; i < 100 && !is_cut; ++i) {
        daemon.in_loop([](FakeManager& manager) {
            for (std::uint32_t job = 1; job <= 1000; ++job) {
                manager.bus->job_new(JobId{job}, "web.service");
            }
        });
        is_cut = open_descriptors() < before;
    }
    EXPECT_TRUE(is_cut);
    expect_served(daemon);
}

TEST(BusRobustness, MoreRequestsThanCanWaitAreRefused) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) { manager.hold_replies = true; });
    Client client(daemon.address());
    for (std::size_t i = 0; i < kRequestsMax; ++i) {
        ASSERT_GE(sd_bus_call_method_async(client.bus(), nullptr, "org.svcd1", kRoot, kManager,
                                           "ResetFailed", nullptr, nullptr, ""),
                  0);
    }
    EXPECT_EQ(client.refused(kRoot, kManager, "ResetFailed").name,
              "org.freedesktop.DBus.Error.LimitsExceeded");
    // Looking still works, and so does leaving.
    expect_served(daemon);
}

/// The error's name and text that a call of the manager is answered with; empty when it succeeds.
/// `fill` appends the arguments.
template <typename Fill>
CallError answer_to(Client& client, const char* member, const Fill& fill) {
    sd_bus_message* call = nullptr;
    sd_bus_message* reply = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    EXPECT_GE(
        sd_bus_message_new_method_call(client.bus(), &call, "org.svcd1", kRoot, kManager, member),
        0);
    fill(call);
    sd_bus_call(client.bus(), call, 0, &error, &reply);
    CallError result{error.name ? error.name : "", error.message ? error.message : ""};
    sd_bus_error_free(&error);
    sd_bus_message_unref(call);
    sd_bus_message_unref(reply);
    return result;
}

void append_list(sd_bus_message* call, std::size_t count, const char* text) {
    sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "s");
    for (std::size_t i = 0; i < count; ++i) {
        sd_bus_message_append_basic(call, SD_BUS_TYPE_STRING, text);
    }
    sd_bus_message_close_container(call);
}

TEST(BusRobustness, AListOfMoreThanAThousandIsRefusedByEveryMethod) {
    BusDaemon daemon;
    Client client(daemon.address());
    constexpr std::size_t kMany = 200'000;
    for (const std::size_t count : {kElementsMax + 1, kMany}) {
        const std::vector<CallError> errors{
            answer_to(client, "ListUnitsByPatterns",
                      [&](sd_bus_message* call) {
                          append_list(call, 0, "");
                          append_list(call, count, "*e*e*q");
                      }),
            answer_to(client, "ListUnitsByPatterns",
                      [&](sd_bus_message* call) {
                          append_list(call, count, "active");
                          append_list(call, 0, "");
                      }),
            answer_to(client, "ListUnitsByNames",
                      [&](sd_bus_message* call) { append_list(call, count, "a.service"); }),
            answer_to(client, "Plan",
                      [&](sd_bus_message* call) {
                          sd_bus_message_append(call, "s", "stop");
                          append_list(call, count, "a.service");
                          sd_bus_message_append(call, "s", "replace");
                      }),
            answer_to(client, "RequestJobs",
                      [&](sd_bus_message* call) {
                          sd_bus_message_append(call, "s", "stop");
                          append_list(call, count, "a.service");
                          sd_bus_message_append(call, "sa{sv}", "replace", 0);
                      }),
            // What is in a variant counts too.
            answer_to(client, "RequestJob", [&](sd_bus_message* call) {
                sd_bus_message_append(call, "sss", "stop", "a.service", "replace");
                sd_bus_message_open_container(call, 'a', "{sv}");
                sd_bus_message_open_container(call, 'e', "sv");
                sd_bus_message_append(call, "s", "reason");
                sd_bus_message_open_container(call, 'v', "as");
                append_list(call, count, "a");
                sd_bus_message_close_container(call);
                sd_bus_message_close_container(call);
                sd_bus_message_close_container(call);
            })};
        for (const CallError& error : errors) {
            EXPECT_EQ(error.name, "org.freedesktop.DBus.Error.LimitsExceeded");
            EXPECT_THAT(error.message, ::testing::HasSubstr("at most 1000 elements"));
        }
    }
    const CallError fits = answer_to(client, "ListUnitsByPatterns", [](sd_bus_message* call) {
        append_list(call, 0, "");
        append_list(call, kElementsMax, "*e*e*q");
    });
    EXPECT_EQ(fits.name, "");
    expect_served(daemon);
}

TEST(BusRobustness, ACallWithTooMuchTextIsRefused) {
    BusDaemon daemon;
    Client client(daemon.address());
    const std::string text(kTextMax + 1, 'x');
    for (const char* member : {"LoadUnit", "GetUnit", "GetRequestResult", "ResetFailedUnit"}) {
        const CallError error = client.refused(kRoot, kManager, member, "s", text.c_str());
        EXPECT_EQ(error.name, "org.freedesktop.DBus.Error.LimitsExceeded") << member;
        EXPECT_LT(error.message.size(), 200U) << member;
    }
    expect_served(daemon);
}

TEST(BusRobustness, ASocketLeftByAnEarlierManagerIsReplaced) {
    TemporaryFolder folder;
    const std::string path = folder.path() + "/bus";
    const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(stale);
    sd_event* loop = nullptr;
    sd_event_new(&loop);
    FakeManager manager;
    {
        Bus bus(loop, manager, fake_settings(), {.socket = {path, 0666}, .address = "none"});
        EXPECT_TRUE(bus.start());
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0666));
        ::close(connect_to(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    Bus bus(loop, manager, fake_settings(), {.socket = {std::string(200, 'x')}, .address = "none"});
    const Result<void> result = bus.start();
    ASSERT_FALSE(result);
    EXPECT_THAT(to_string(result.error()), ::testing::HasSubstr("--runtime-dir"));
    sd_event_unref(loop);
}

}  // namespace
}  // namespace svcd::test
