#include "manager/process_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace svcd {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProcessEnvironment, OfASystemServiceStartsFromAFixedPath) {
    EXPECT_THAT(process_environment({}, {}),
                Contains("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    EXPECT_THAT(process_environment({}, {}), Not(Contains(StartsWith("HOME="))));
}

TEST(ProcessEnvironment, OfAUsersServiceStartsFromTheUsersOwn) {
    const std::vector<std::string> own{"HOME=/home/ann", "PATH=/home/ann/bin"};
    EnvironmentFacts facts;
    facts.inherited = &own;
    EXPECT_THAT(process_environment(facts, {}),
                AllOf(Contains("HOME=/home/ann"), Contains("PATH=/home/ann/bin")));
}

TEST(ProcessEnvironment, TellsTheServiceWhatSvcdExpectsOfIt) {
    EnvironmentFacts facts;
    facts.invocation_id = {0x0123456789abcdef, 0x00000000000000ff};
    facts.notify_socket = "/run/svcd/notify";
    facts.watchdog = 30s;
    facts.stop_timeout = 90s;
    EXPECT_THAT(
        process_environment(facts, {}),
        AllOf(Contains("INVOCATION_ID=0123456789abcdef00000000000000ff"),
              Contains("NOTIFY_SOCKET=/run/svcd/notify"), Contains("WATCHDOG_USEC=30000000"),
              Contains("SVCD_STOP_TIMEOUT_USEC=90000000")));
}

TEST(ProcessEnvironment, LeavesOutWhatDoesNotApply) {
    const auto environment = process_environment({}, {});
    for (const char* key : {"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "SVCD_STOP_TIMEOUT_USEC=",
                            "MAINPID=", "SERVICE_RESULT=", "INVOCATION_ID="}) {
        EXPECT_THAT(environment, Not(Contains(StartsWith(key)))) << key;
    }
}

TEST(ProcessEnvironment, TellsAStopCommandHowTheServiceEnded) {
    EnvironmentFacts facts;
    facts.end = ServiceEnd{UnitResult::signal, ExitCode::killed, SIGTERM};
    EXPECT_THAT(process_environment(facts, {}),
                AllOf(Contains("SERVICE_RESULT=signal"), Contains("EXIT_CODE=killed"),
                      Contains("EXIT_STATUS=TERM")));
    facts.end = ServiceEnd{UnitResult::exit_code, ExitCode::exited, 3};
    EXPECT_THAT(process_environment(facts, {}),
                AllOf(Contains("SERVICE_RESULT=exit-code"), Contains("EXIT_CODE=exited"),
                      Contains("EXIT_STATUS=3")));
}

TEST(ProcessEnvironment, TellsAStopCommandOfARunningServiceItsPidAndNoExitCode) {
    EnvironmentFacts facts;
    facts.main_pid = 4711;
    facts.end = ServiceEnd{};
    const auto environment = process_environment(facts, {});
    EXPECT_THAT(environment, AllOf(Contains("MAINPID=4711"), Contains("SERVICE_RESULT=success")));
    EXPECT_THAT(environment, Not(Contains(StartsWith("EXIT_CODE="))));
}

TEST(ProcessEnvironment, TellsAHandlerWhatItHandles) {
    EnvironmentFacts facts;
    facts.triggered_by =
        ServiceEnd{UnitResult::exit_code, ExitCode::exited, 7, {1, 2}, "a.service"};
    EXPECT_THAT(
        process_environment(facts, {}),
        AllOf(Contains("MONITOR_SERVICE_RESULT=exit-code"), Contains("MONITOR_EXIT_CODE=exited"),
              Contains("MONITOR_EXIT_STATUS=7"),
              Contains("MONITOR_INVOCATION_ID=00000000000000010000000000000002"),
              Contains("MONITOR_UNIT=a.service"), Not(Contains(StartsWith("SERVICE_RESULT=")))));
}

TEST(ProcessEnvironment, TheUnitsOwnSettingsComeLastAndEachKeyOnce) {
    ExecSettings exec;
    exec.environment = {"PATH=/opt/bin", "PORT=8080", "PORT=9090"};
    const auto environment = process_environment({}, exec);
    EXPECT_THAT(environment, AllOf(Contains("PATH=/opt/bin").Times(1), Contains("PORT=9090")));
    EXPECT_THAT(environment, Contains(StartsWith("PATH=")).Times(1));
    EXPECT_THAT(environment, Contains(StartsWith("PORT=")).Times(1));
}

TEST(InheritedEnvironment, HandsOnAllButWhatSpeaksOfSvcdItself) {
    const char* const own[] = {"HOME=/home/ann", "NOTIFY_SOCKET=/n", "LISTEN_FDS=2", "TERM=x",
                               nullptr};
    EXPECT_THAT(inherited_environment(own), ElementsAre("HOME=/home/ann", "TERM=x"));
}

TEST(SignalWord, NamesRealTimeSignalsByTheirDistance) {
    EXPECT_EQ(signal_word(SIGKILL), "KILL");
    EXPECT_EQ(signal_word(SIGRTMIN + 3), "RTMIN+3");
}

}  // namespace
}  // namespace svcd
