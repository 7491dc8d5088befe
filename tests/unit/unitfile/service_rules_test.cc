// The rules that the settings of a service keep together: systemd 252's service_verify(), and what
// follows from one setting for another.
#include <gmock/gmock.h>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::HasSubstr;

LoadedUnit load_text(const std::string& text) {
    LoadReport report = load_with_drop_in(text);
    return std::move(report.units.front());
}

TEST(ServiceTypes, AreSystemds) {
    const std::pair<const char*, ServiceType> cases[] = {
        {"simple", ServiceType::simple},   {"exec", ServiceType::exec},
        {"oneshot", ServiceType::oneshot}, {"forking", ServiceType::forking},
        {"notify", ServiceType::notify},   {"notify-reload", ServiceType::notify_reload},
        {"idle", ServiceType::idle},
    };
    for (const auto& [word, type] : cases) {
        const LoadedUnit unit = load_service("Type: " + std::string(word));
        ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
        EXPECT_EQ(unit.definition.service->type, type);
        EXPECT_EQ(shown_text(unit.definition, "Type"), word);
    }
}

TEST(ServiceTypes, FollowFromABusName) {
    const LoadedUnit unit = load_service("BusName: org.example.Web");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(unit.definition.service->type, ServiceType::dbus);
    EXPECT_FALSE(unit.definition.service->type_given);
    EXPECT_EQ(unit.definition.service->rarely().bus_name, "org.example.Web");
    EXPECT_TRUE(has_dependency(unit, Relation::after, "dbus.service"));
    const LoadedUnit simple = load_service("BusName: org.example.Web\nType: simple");
    EXPECT_EQ(simple.definition.service->type, ServiceType::simple);
    EXPECT_FALSE(has_dependency(simple, Relation::after, "dbus.service"));
    EXPECT_THAT(
        load_text("Service: {BusName: a.b, ExecStop: /bin/true, RemainAfterExit: yes}\n").error,
        HasSubstr("no ExecStart"));
}

TEST(ServiceTypes, OfTheBusNeedAName) {
    EXPECT_THAT(load_service("Type: dbus").error, HasSubstr("no BusName to wait for"));
    EXPECT_EQ(load_service("Type: dbus\nBusName: a.b").definition.service->type, ServiceType::dbus);
}

TEST(BusNames, AreWellKnownOnes) {
    for (const char* name : {"a.b", "org.freedesktop.DBus", "_a.-b", "a.b_c-d.e9"}) {
        EXPECT_EQ(load_service("BusName: " + std::string(name)).state, LoadState::loaded) << name;
    }
    const std::string too_long = "a." + std::string(254, 'b');
    for (const std::string& name : {std::string{"':1.5'"}, std::string{"a"}, std::string{"a..b"},
                                    std::string{".a.b"}, std::string{"a.b."}, std::string{"a.9b"},
                                    std::string{"a.b/c"}, std::string{"9a.b"}, too_long}) {
        EXPECT_EQ(load_service("BusName: " + name).state, LoadState::bad_setting) << name;
    }
}

TEST(ServiceRules, OfOneshotRefuseWhatNeverCouldBe) {
    for (const char* line : {"Restart: always", "Restart: on-success", "RestartForceExitStatus: 3",
                             "ExitType: cgroup"}) {
        EXPECT_THAT(load_service("Type: oneshot\n" + std::string(line)).error,
                    HasSubstr("not possible with Type oneshot"))
            << line;
        EXPECT_EQ(load_service("Type: exec\n" + std::string(line)).state, LoadState::loaded)
            << line;
    }
    EXPECT_EQ(load_service("Type: oneshot\nRestart: on-failure\nRestartPreventExitStatus: 3").state,
              LoadState::loaded);
}

TEST(ServiceRules, LetASuccessActionBeAllThereIs) {
    const LoadedUnit unit = load_text("Unit: {SuccessAction: exit}\nService: {}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(unit.definition.service->type, ServiceType::oneshot);
    EXPECT_TRUE(unit.definition.service->commands.empty());
    EXPECT_THAT(load_text("Unit: {FailureAction: exit}\nService: {}\n").error,
                HasSubstr("nothing to run"));
}

TEST(ServiceRules, LetRestartStepsLeadSomewhere) {
    EXPECT_THAT(load_service("RestartSteps: 3").error,
                HasSubstr("RestartSteps lead up to RestartMaxDelaySec, which is not set"));
    EXPECT_THAT(load_service("RestartSteps: 3\nRestartSec: 5\nRestartMaxDelaySec: 4").error,
                HasSubstr("which is less"));
    const LoadedUnit unit =
        load_service("RestartSteps: 3\nRestartSec: 5\nRestartMaxDelaySec: 1min");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(shown_text(unit.definition, "RestartSteps"), "3");
    EXPECT_EQ(shown_text(unit.definition, "RestartMaxDelayUSec"), "60000000");
    EXPECT_EQ(load_service("RestartSteps: 0\nRestartMaxDelaySec: 1min").state, LoadState::loaded);
    EXPECT_THAT(load_service("RestartSteps: 5000000").error, HasSubstr("not a number from 0 to"));
    EXPECT_THAT(load_service("RestartSteps: x").error, HasSubstr("not a number from 0 to"));
}

TEST(NotifyAccess, IsMainForAServiceThatHasToNotify) {
    const auto shown = [](const std::string& lines) {
        return shown_text(load_service(lines).definition, "NotifyAccess");
    };
    EXPECT_EQ(shown(""), "none");
    EXPECT_EQ(shown("Type: notify"), "main");
    EXPECT_EQ(shown("Type: notify-reload"), "main");
    EXPECT_EQ(shown("WatchdogSec: 3"), "main");
    EXPECT_EQ(shown("WatchdogSec: 0"), "none");
    EXPECT_EQ(shown("Type: notify\nNotifyAccess: none"), "main") << "as with systemd";
    EXPECT_EQ(shown("Type: notify\nNotifyAccess: all"), "all");
    EXPECT_EQ(shown("NotifyAccess: exec"), "exec");
    EXPECT_EQ(load_service("NotifyAccess: none").definition.service->notify_access, std::nullopt);
}

TEST(ServiceDefaults, OfWhatIsNewAreSystemds) {
    const LoadedUnit unit = load_service("");
    EXPECT_EQ(unit.definition.rare, nullptr);
    EXPECT_EQ(unit.definition.service->rare, nullptr);
    EXPECT_EQ(unit.definition.service->restart_kill_signal, 0);
    EXPECT_EQ(unit.definition.service->timeout_abort, std::nullopt);
}

TEST(KillSettings, AllMayStandInTheirOwnSection) {
    const LoadedUnit unit = load_text(
        "Service: {ExecStart: /bin/true}\n"
        "Kill: {RestartKillSignal: USR1, SendSIGHUP: yes, WatchdogSignal: INT}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(unit.definition.service->restart_kill_signal, SIGUSR1);
    EXPECT_TRUE(unit.definition.service->send_sighup);
    EXPECT_EQ(unit.definition.service->watchdog_signal, SIGINT);
}

TEST(Unsupported, SettingsSayThatTheyAre) {
    for (const char* key : {"Sockets", "FileDescriptorStoreMax", "NonBlocking", "OpenFile",
                            "RootDirectoryStartOnly", "HealthCheck", "MemoryMax", "PrivateTmp"}) {
        EXPECT_THAT(load_service(std::string(key) + ": x").error,
                    HasSubstr("'" + std::string(key) + "' is not supported by this version"));
    }
    EXPECT_THAT(load_text("Unit: {CollectMode: inactive}\nService: {ExecStart: /bin/true}\n").error,
                HasSubstr("not supported by this version"));
}

}  // namespace
}  // namespace svcd
