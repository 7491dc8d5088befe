// Real D-Bus programs and libraries as clients of the private socket.
#include <gmock/gmock.h>
#include <sdbus-c++/sdbus-c++.h>

#include "bus_daemon.h"
#include "client.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;

TEST(BusClients, BusctlStartsAUnitAndReadsItsProperties) {
    BusDaemon daemon;
    const std::string option = "--address=" + daemon.address();
    ProgramResult result = run({"busctl", option, "call", "org.svcd1", "/org/svcd1",
                                "org.svcd1.Manager", "StartUnit", "ss", "web.service", "replace"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(result.output, "o \"/org/svcd1/job/1\"\n");

    result = run({"busctl", option, "get-property", "org.svcd1", "/org/svcd1/unit/web_2eservice",
                  "org.svcd1.Unit", "ActiveState"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(result.output, "s \"active\"\n");
}

TEST(BusClients, BusctlShowsTheTreeAndIntrospects) {
    BusDaemon daemon;
    const std::string option = "--address=" + daemon.address();
    ProgramResult result = run({"busctl", option, "--list", "tree", "org.svcd1"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("/org/svcd1/unit/web_2eservice\n"));

    result = run({"busctl", option, "--no-pager", "introspect", "org.svcd1",
                  "/org/svcd1/unit/web_2eservice"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("org.svcd1.Service"));
    EXPECT_THAT(result.output, HasSubstr(".MainPID"));
    EXPECT_THAT(result.output, HasSubstr("PASSWORD=secret"));
}

TEST(BusClients, GdbusCallsAndSeesSignalsAsOnASessionBus) {
    BusDaemon daemon;
    const std::vector<std::string> session = {"DBUS_SESSION_BUS_ADDRESS=" + daemon.address()};
    Program monitor({"gdbus", "monitor", "--session", "--dest", "org.svcd1"}, session);
    ASSERT_TRUE(monitor.wait_for("is owned by")) << monitor.seen();

    const ProgramResult result =
        run({"gdbus", "call", "--session", "--dest", "org.svcd1", "--object-path", "/org/svcd1",
             "--method", "org.svcd1.Manager.StartUnit", "web.service", "replace"},
            session);
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(result.output, "(objectpath '/org/svcd1/job/1',)\n");
    EXPECT_TRUE(
        monitor.wait_for("org.svcd1.Manager.JobRemoved (uint32 1, objectpath "
                         "'/org/svcd1/job/1', 'web.service', 'done')"))
        << monitor.seen();
}

TEST(BusClients, GdbusIntrospectsTheManager) {
    BusDaemon daemon;
    const ProgramResult result = run(
        {"gdbus", "introspect", "--session", "--dest", "org.svcd1", "--object-path", "/org/svcd1"},
        {"DBUS_SESSION_BUS_ADDRESS=" + daemon.address()});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("interface org.svcd1.Manager"));
    EXPECT_THAT(result.output, HasSubstr("Version = '0.1.0'"));
}

TEST(BusClients, DbusSendTalksAsToABus) {
    BusDaemon daemon;
    const ProgramResult result =
        run({"dbus-send", "--bus=" + daemon.address(), "--print-reply", "--dest=org.svcd1",
             "/org/svcd1", "org.svcd1.Manager.GetUnit", "string:db.service"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("object path \"/org/svcd1/unit/db_2eservice\""));
    EXPECT_THAT(result.output, HasSubstr("sender=org.svcd1"));
}

TEST(BusClients, DbusSendTalksAsToAPeer) {
    BusDaemon daemon;
    const ProgramResult result =
        run({"dbus-send", "--peer=" + daemon.address(), "--print-reply", "/org/svcd1",
             "org.svcd1.Manager.GetUnit", "string:db.service"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("/org/svcd1/unit/db_2eservice"));
}

TEST(BusClients, AProxyOfSdbusCppCallsReadsAndGetsSignals) {
    BusDaemon daemon;
    auto connection = sdbus::createSessionBusConnectionWithAddress(daemon.address());
    connection->enterEventLoopAsync();
    auto manager = sdbus::createProxy(*connection, "org.svcd1", "/org/svcd1");
    std::promise<std::string> ended;
    manager->uponSignal("JobRemoved")
        .onInterface("org.svcd1.Manager")
        .call([&](std::uint32_t, const sdbus::ObjectPath&, const std::string& unit,
                  const std::string& result) { ended.set_value(unit + " " + result); });
    manager->finishRegistration();

    sdbus::ObjectPath job;
    manager->callMethod("StartUnit")
        .onInterface("org.svcd1.Manager")
        .withArguments("web.service", "replace")
        .storeResultsTo(job);
    EXPECT_EQ(job, "/org/svcd1/job/1");
    auto future = ended.get_future();
    ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(future.get(), "web.service done");
    const sdbus::Variant state =
        manager->getProperty("SystemState").onInterface("org.svcd1.Manager");
    EXPECT_EQ(state.get<std::string>(), "running");
    try {
        manager->callMethod("GetUnit").onInterface("org.svcd1.Manager").withArguments("x.service");
        FAIL() << "GetUnit of an unknown unit succeeded";
    } catch (const sdbus::Error& error) {
        EXPECT_EQ(error.getName(), "org.svcd1.NoSuchUnit");
    }
    connection->leaveEventLoop();
}

}  // namespace
}  // namespace svcd::test
