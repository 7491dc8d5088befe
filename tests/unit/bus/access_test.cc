// Who may do and see what: the API as another user finds it.
#include <gmock/gmock.h>
#include <unistd.h>

#include "bus/body_limits.h"
#include "bus_daemon.h"
#include "client.h"
#include "strangers.h"

namespace svcd::test {
namespace {

using ::testing::IsEmpty;

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";
constexpr const char* kWeb = "/org/svcd1/unit/web_2eservice";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

int call_status(sd_bus* bus, const char* member, std::string& error_name, std::string& text) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const int status =
        std::string(member) == "StartUnit"
            ? sd_bus_call_method(bus, "org.svcd1", kRoot, kManager, member, &error, nullptr, "ss",
                                 "web.service", "replace")
            : sd_bus_call_method(bus, "org.svcd1", kRoot, kManager, member, &error, nullptr, "");
    error_name = error.name ? error.name : "";
    text = error.message ? error.message : "";
    sd_bus_error_free(&error);
    return status;
}

TEST(BusAccess, AnotherUserMayReadButNotChange) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    const int status = as_nobody([&]() -> int {
        sd_bus* bus = nullptr;
        sd_bus_new(&bus);
        sd_bus_set_address(bus, address.c_str());
        sd_bus_set_bus_client(bus, 1);
        std::string name;
        std::string text;
        if (sd_bus_start(bus) < 0) {
            return 1;
        }
        if (call_status(bus, "ListUnits", name, text) < 0) {
            return 2;
        }
        for (const char* member : {"StartUnit", "ClearJobs", "ResetFailed", "Reload", "Exit"}) {
            if (call_status(bus, member, name, text) >= 0 ||
                name != "org.freedesktop.DBus.Error.AccessDenied" ||
                text.find("uid 65534") == std::string::npos ||
                text.find(member) == std::string::npos) {
                return 3;
            }
        }
        return 0;
    });
    EXPECT_EQ(status, 0);
    daemon.in_loop([](FakeManager& manager) {
        EXPECT_THAT(manager.events, IsEmpty());
        EXPECT_EQ(manager.loads, 0);
    });
}

TEST(BusAccess, AnotherUserDoesNotSeeTheEnvironmentOfServices) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    const int status = as_nobody([&]() -> int {
        Client client(address);
        const CallError error =
            client.refused(kWeb, kProperties, "Get", "ss", "org.svcd1.Service", "Environment");
        if (error.name != "org.freedesktop.DBus.Error.AccessDenied") {
            return 1;
        }
        const auto all = read_all(client.call(kWeb, kProperties, "GetAll", "s", ""));
        return all.contains("Environment") && all.at("Environment").empty() &&
                       all.contains("TimeoutStopUSec")
                   ? 0
                   : 2;
    });
    EXPECT_EQ(status, 0);
}

TEST(BusAccess, AnotherUserDoesNotSeeWhatTheKernelDoesForAProcess) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    const auto shows_stack = [&address] {
        Client client(address);
        const char* text = "";
        sd_bus_message_read(client.call(kRoot, kManager, "ExamineUnit", "s", "web.service"), "s",
                            &text);
        return std::string_view{text}.find("stack") != std::string_view::npos;
    };
    EXPECT_TRUE(shows_stack());
    EXPECT_EQ(as_nobody([&] { return shows_stack() ? 1 : 0; }), 0);
}

TEST(BusAccess, AnotherUserSaysNoMoreThanSomeKilobytesInACall) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    const std::string text(kStrangersTextMax + 1, 'x');
    Client trusted(address);
    trusted.call(kRoot, kManager, "ListUnitsByPatterns", "asas", 1, text.c_str(), 0);
    const int status = as_nobody([&]() -> int {
        Client client(address);
        const CallError error =
            client.refused(kRoot, kManager, "ListUnitsByPatterns", "asas", 1, text.c_str(), 0);
        return error.name == "org.freedesktop.DBus.Error.LimitsExceeded" ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
}

TEST(BusAccess, AnotherUserCannotMakeSvcdLoadUnits) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    const int status = as_nobody([&]() -> int {
        Client client(address);
        const bool by_name =
            client.refused(kRoot, kManager, "LoadUnit", "s", "worker@9.service").name ==
            "org.svcd1.NoSuchUnit";
        const bool by_path =
            client.refused("/org/svcd1/unit/worker_409_2eservice", kProperties, "GetAll", "s", "")
                .name == "org.freedesktop.DBus.Error.UnknownObject";
        return by_name && by_path ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
    daemon.in_loop([](FakeManager& manager) { EXPECT_EQ(manager.loads, 0); });
}

}  // namespace
}  // namespace svcd::test
