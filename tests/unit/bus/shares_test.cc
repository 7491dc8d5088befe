// Who is served first, who gets a place, and what a call may cost the others.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "bus/private_socket.h"
#include "bus/user_costs.h"
#include "bus_daemon.h"
#include "client.h"
#include "strangers.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";
constexpr const char* kTooMuch = "org.freedesktop.DBus.Error.LimitsExceeded";
constexpr uid_t kAnother = 65533;

class BusShares : public ::testing::Test {
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

bool is_served(Client& client) {
    return unit_of(client) == "/org/svcd1/unit/db_2eservice" && !::testing::Test::HasFailure();
}

void send_call(Client& client, const char* member, const char* signature, const char* argument) {
    sd_bus_message* call = nullptr;
    sd_bus_message_new_method_call(client.bus(), &call, "org.svcd1", kRoot, kManager, member);
    sd_bus_message_append(call, signature, argument);
    sd_bus_send(client.bus(), call, nullptr);
    sd_bus_flush(client.bus());
    sd_bus_message_unref(call);
}

TEST_F(BusShares, ListsForStrangersDoNotKeepRootWaiting) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) {
        for (int i = 0; i < 5000; ++i) {
            manager.add("unit" + std::to_string(i) + ".service", "A unit", UnitType::service);
        }
    });
    const std::string address = daemon.address();
    std::vector<pid_t> floods;
    for (int i = 0; i < 10; ++i) {
        floods.push_back(fork_as(kNobody, [&]() -> int {
            Client client(address);
            while (true) {
                client.call(kRoot, kManager, "ListUnits");
            }
        }));
    }
    Client root(address);
    std::vector<std::chrono::microseconds> waits;
    for (int i = 0; i < 100; ++i) {
        const Stopwatch watch;
        EXPECT_EQ(unit_of(root), "/org/svcd1/unit/db_2eservice");
        waits.push_back(watch.elapsed());
    }
    std::ranges::sort(waits);
    EXPECT_LT(waits[waits.size() / 2], 50ms);
    // And of those who ask for lists, each gets one.
    EXPECT_EQ(run_as(kAnother,
                     [&]() -> int {
                         Client client(address);
                         client.call(kRoot, kManager, "ListUnits");
                         return is_served(client) ? 0 : 1;
                     }),
              0);
    for (const pid_t flood : floods) {
        ::kill(flood, SIGKILL);
        exit_status_of(flood);
    }
}

TEST_F(BusShares, WhatIsLongToMakeForStrangersIsMadeInPieces) {
    const std::pair<const char*, std::function<void(Client&)>> calls[] = {
        {"Plan",
         [](Client& client) {
             client.call(kRoot, kManager, "Plan", "sass", "start", 1, "web.service", "replace");
         }},
        {"ExamineUnit",
         [](Client& client) { client.call(kRoot, kManager, "ExamineUnit", "s", "web.service"); }},
        {"GetStopRecords",
         [](Client& client) {
             client.call(kRoot, kManager, "GetStopRecords", "su", "web.service", 0);
         }},
    };
    for (const auto& [name, ask] : calls) {
        SCOPED_TRACE(name);
        BusDaemon daemon;
        daemon.in_loop([](FakeManager& manager) { manager.slowness = 4ms; });
        const std::string address = daemon.address();
        std::vector<pid_t> floods;
        for (int i = 0; i < 3; ++i) {
            floods.push_back(fork_as(kNobody, [&, &ask = ask]() -> int {
                Client client(address);
                while (true) {
                    ask(client);
                }
            }));
        }
        // One is whole: they are on their way.
        EXPECT_EQ(run_as(kAnother,
                         [&, &ask = ask]() -> int {
                             Client client(address);
                             ask(client);
                             return ::testing::Test::HasFailure() ? 1 : 0;
                         }),
                  0);
        Client root(address);
        EXPECT_TRUE(is_served(root));
        EXPECT_LT(daemon.longest_wait(), 100ms);  // in one piece it takes 200
        for (const pid_t flood : floods) {
            ::kill(flood, SIGKILL);
            exit_status_of(flood);
        }
    }
}

/// A name a piece: whoever asks for a thousand does not hold up who asks for one.
TEST_F(BusShares, AListOfNamesIsMadeInPieces) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    Client client(address);
    sd_bus_message* call = nullptr;
    sd_bus_message* reply = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message_new_method_call(client.bus(), &call, "org.svcd1", kRoot, kManager,
                                   "ListUnitsByNames");
    sd_bus_message_open_container(call, 'a', "s");
    for (int i = 0; i < 100; ++i) {
        sd_bus_message_append(call, "s", i % 2 == 0 ? "web.service" : "no-such.service");
    }
    sd_bus_message_close_container(call);
    daemon.in_loop([](FakeManager& manager) { manager.slowness = 4ms; });
    ASSERT_GE(sd_bus_call(client.bus(), call, 0, &error, &reply), 0) << error.message;
    sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    int units = 0;
    while (sd_bus_message_skip(reply, "(ssssssouso)") > 0) {
        ++units;
    }
    EXPECT_EQ(units, 100);
    EXPECT_LT(daemon.longest_wait(), 100ms);  // in one piece it takes 200
    sd_bus_message_unref(reply);
    sd_bus_message_unref(call);
}

TEST_F(BusShares, WhichUnitAProcessIsOfIsAskedForOnce) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) { manager.units_table[0].main_pid = 4711; });
    Client client(daemon.address());
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnitByPID", "u", 4712)),
              "/org/svcd1/unit/web_2eservice");
    EXPECT_EQ(client.refused(kRoot, kManager, "GetUnitByPID", "u", 1).name,
              "org.svcd1.NoUnitForPID");
    daemon.in_loop([](FakeManager& manager) { EXPECT_EQ(manager.asked_for_pids, 0); });
}

TEST_F(BusShares, PatternsAreBounded) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    const std::string pattern(600, '*');
    Client client(address);
    EXPECT_EQ(
        client.refused(kRoot, kManager, "ListUnitsByPatterns", "asas", 0, 1, pattern.c_str()).name,
        kTooMuch);
    EXPECT_EQ(as_nobody([&]() -> int {
                  Client stranger(address);
                  sd_bus_message* call = nullptr;
                  sd_bus_error error = SD_BUS_ERROR_NULL;
                  sd_bus_message_new_method_call(stranger.bus(), &call, "org.svcd1", kRoot,
                                                 kManager, "ListUnitsByPatterns");
                  sd_bus_message_append(call, "as", 0);
                  sd_bus_message_open_container(call, 'a', "s");
                  for (int i = 0; i < 101; ++i) {
                      sd_bus_message_append(call, "s", "*e*");
                  }
                  sd_bus_message_close_container(call);
                  sd_bus_call(stranger.bus(), call, 0, &error, nullptr);
                  return error.name != nullptr && std::string_view{error.name} == kTooMuch ? 0 : 1;
              }),
              0);
}

TEST_F(BusShares, IdleConnectionsOfOneUserShutOutNobody) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    // Three users take all places that strangers have.
    const std::vector<uid_t> users{kNobody, kNobody - 2, kNobody - 3};
    std::vector<std::unique_ptr<Client>> clients;
    for (const uid_t user : users) {
        for (std::size_t i = 0; i < 70; ++i) {
            ASSERT_EQ(::seteuid(user), 0);
            clients.push_back(std::make_unique<Client>(address));
            const bool served = is_served(*clients.back());
            ASSERT_EQ(::seteuid(0), 0);
            ASSERT_TRUE(served) << user << " " << i;
        }
    }
    EXPECT_EQ(run_as(kAnother,
                     [&]() -> int {
                         Client client(address);
                         return is_served(client) ? 0 : 1;
                     }),
              0);
    Client root(address);
    EXPECT_TRUE(is_served(root));
    // The newest of each are still there, the oldest are not.
    EXPECT_TRUE(is_served(*clients[69]));
    EXPECT_LT(sd_bus_call_method(clients[0]->bus(), "org.svcd1", kRoot, kManager, "GetUnit",
                                 nullptr, nullptr, "s", "db.service"),
              0);
}

TEST_F(BusShares, WhoHasTooManyConnectionsIsToldSo) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) {
        manager.more_pids.resize(5'000'000);
        std::iota(manager.more_pids.begin(), manager.more_pids.end(), 5000);
    });
    const std::string address = daemon.address();
    EXPECT_EQ(as_nobody([&]() -> int {
                  std::vector<std::unique_ptr<Client>> clients;
                  // One whose call has not been read yet still has to go for the next one.
                  for (std::size_t i = 0; i < 4 * kConnectionsOfUserMax; ++i) {
                      clients.push_back(std::make_unique<Client>(address));
                      sd_bus_error error = SD_BUS_ERROR_NULL;
                      sd_bus_call_method(clients.back()->bus(), "org.svcd1", kRoot, kManager,
                                         "GetUnit", &error, nullptr, "s", "db.service");
                      if (error.message != nullptr) {
                          const std::string_view text = error.message;
                          return text.starts_with("Too many connections: user 65534 has 64") ? 0
                                                                                             : 1;
                      }
                      send_call(*clients.back(), "GetUnitProcesses", "s", "web.service");
                  }
                  return 2;
              }),
              0);
    Client root(address);
    EXPECT_TRUE(is_served(root));
}

TEST_F(BusShares, FewStrangersAreToldOfEveryChange) {
    BusDaemon daemon;
    const std::string address = daemon.address();
    EXPECT_EQ(as_nobody([&]() -> int {
                  std::vector<std::unique_ptr<Client>> clients;
                  for (std::size_t i = 0; i < kSubscribersOfUserMax; ++i) {
                      clients.push_back(std::make_unique<Client>(address));
                      clients.back()->call(kRoot, kManager, "Subscribe");
                  }
                  Client one_more(address);
                  const CallError error = one_more.refused(kRoot, kManager, "Subscribe");
                  const int match =
                      sd_bus_add_match(one_more.bus(), nullptr, "type='signal',sender='org.svcd1'",
                                       nullptr, nullptr);
                  clients.pop_back();
                  // As soon as the daemon has noticed.
                  for (int i = 0; i < 1000; ++i) {
                      if (sd_bus_call_method(one_more.bus(), "org.svcd1", kRoot, kManager,
                                             "Subscribe", nullptr, nullptr, "") >= 0) {
                          return error.name == kTooMuch && match < 0 ? 0 : 1;
                      }
                  }
                  return 2;
              }),
              0);
    Client root(address);
    root.call(kRoot, kManager, "Subscribe");
}

TEST_F(BusShares, ASignalIsMadeOnceForAll) {
    BusDaemon daemon;
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<int> asked;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Client>(daemon.address()));
        clients.back()->call(kRoot, kManager, "Subscribe");
        int before = 0;
        daemon.in_loop([&](FakeManager& manager) {
            before = manager.asked_for_status;
            manager.bus->unit_changed(UnitId{0});
        });
        for (const auto& client : clients) {
            ASSERT_NE(
                client->wait_for_signal("org.freedesktop.DBus.Properties", "PropertiesChanged"),
                nullptr);
        }
        daemon.in_loop(
            [&](FakeManager& manager) { asked.push_back(manager.asked_for_status - before); });
    }
    EXPECT_EQ(asked.front(), asked.back());
}

TEST(BusUserCosts, WhoHasCostLeastComesNextAndOldDebtsAreForgiven) {
    UserCosts costs;
    costs.add(1, 5ms);
    EXPECT_LT(costs.of(2), costs.of(1));
    costs.add(2, 6ms);
    EXPECT_LT(costs.of(1), costs.of(2));
    // Who asks after a long time does not come first for as long as the others have asked.
    costs.add(1, 10s);
    EXPECT_GT(costs.of(3), 9s);
    EXPECT_LT(costs.of(3), costs.of(1));
}

}  // namespace
}  // namespace svcd::test
