// LeftoverTimeoutSec, and the one unit that svcd is there for (`svcd --container -- COMMAND`).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

UnitSpec with_left_overs(const std::string& name) {
    UnitSpec unit = service(name);
    unit.settings().timeout_stop = 10s;
    unit.rarely([](RareServiceSettings& rare) { rare.leftover_timeout = Duration{2s}; });
    return unit;
}

TEST(LeftOvers, AreAskedOnceTheMainProcessHasEnded) {
    Scenario scenario = with(with_left_overs("web"));
    scenario.start("web").executes("web").stray("web").take_log();
    scenario.stop("web");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 both"));
    scenario.advance(3s).exits("web");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
    EXPECT_EQ(scenario.state("web"), "deactivating/final-sigterm");
    scenario.advance(1999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
    scenario.stray("web", false);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::timeout);
}

TEST(LeftOvers, OfAMainProcessThatEndsByItselfAreAskedToo) {
    Scenario scenario = with(with_left_overs("web"));
    scenario.start("web").executes("web").stray("web").take_log();
    scenario.exits("web");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
    scenario.stray("web", false);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.result("web"), UnitResult::success);
}

TEST(LeftOvers, AreAskedAlsoWhenTheMainProcessNeededSigkill) {
    Scenario scenario = with(with_left_overs("web"));
    scenario.start("web").executes("web").stray("web").stop("web").take_log();
    scenario.advance(10s);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 both"));
    scenario.killed("web", SIGKILL);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
    scenario.stray("web", false);
    EXPECT_EQ(scenario.result("web"), UnitResult::timeout);
}

TEST(LeftOvers, ComeAfterExecStopPost) {
    UnitSpec web = with_left_overs("web");
    web.command(CommandRole::stop_post, "/bin/post");
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stray("web").stop("web").take_log();
    scenario.exits("web");
    EXPECT_THAT(scenario.take_log(), ElementsAre("spawn web.service /bin/post"));
    scenario.exits("web", 0, ProcessRole::control);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
}

TEST(LeftOvers, GoOnOverADeathOfTheManager) {
    Scenario scenario = with(with_left_overs("web"));
    scenario.start("web")
        .executes("web")
        .stray("web")
        .stop("web")
        .exits("web")
        .advance(1s)
        .take_log();
    scenario.manager_dies();
    scenario.take_log();
    scenario.advance(999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
}

// ── the command of svcd

SupervisorOptions of_container() {
    SupervisorOptions options;
    options.counts_as_shell = true;
    options.command_unit = "main.service";
    options.exit_status_map = {{143, 0}};
    return options;
}

UnitSpec command() {
    UnitSpec unit = service("main");
    unit.rarely([](RareUnitSettings& rare) {
        rare.success_action = EmergencyAction::exit;
        rare.failure_action = EmergencyAction::exit;
    });
    return unit;
}

template <typename... Units>
Scenario in_container(Units... units) {
    Scenario scenario{of_container()};
    std::vector<UnitSpec> all;
    (all.push_back(std::move(units)), ...);
    scenario.load(std::move(all));
    return scenario;
}

ShutdownRequested by(int signal) {
    ShutdownRequested event;
    event.signal = signal;
    return event;
}

TEST(Command, GetsTheSignalThatCame) {
    Scenario scenario = in_container(command(), service("db"));
    scenario.start("main").executes("main").start("db").executes("db").take_log();
    scenario.happens(by(SIGINT));
    EXPECT_THAT(scenario.take_log(), testing::UnorderedElementsAre("signal main.service 2 cgroup",
                                                                   "signal db.service 15 cgroup"));
}

TEST(Command, GetsItOnceThoughTheManagerDies) {
    Scenario scenario = in_container(command());
    scenario.start("main").executes("main").happens(by(SIGINT)).take_log();
    scenario.manager_dies().advance(90s);
    EXPECT_THAT(scenario.take_log(), Contains("signal main.service 9 cgroup"));
}

TEST(Command, HasItsStatusHandedOn) {
    struct Case {
        bool is_killed;
        int code;
        int status;
    };
    for (const Case& each : {Case{false, 0, 0}, Case{false, 42, 42}, Case{false, 143, 0},
                             Case{true, SIGKILL, 137}, Case{true, SIGTERM, 0}}) {
        Scenario scenario = in_container(command());
        scenario.start("main").executes("main");
        each.is_killed ? scenario.killed("main", each.code) : scenario.exits("main", each.code);
        EXPECT_EQ(scenario.exit_status(), each.status) << each.code;
    }
}

TEST(Command, ThatNeverRanBecauseOfTheSignalCountsAsEndedByIt) {
    Scenario scenario = in_container(command());
    scenario.happens(by(SIGINT));
    EXPECT_EQ(scenario.exit_status(), 130);
}

TEST(Command, ThatCannotBeExecutedIsAShells127Or126) {
    for (const auto& [error, status] : {std::pair{ENOENT, 127}, std::pair{EACCES, 126}}) {
        Scenario scenario = in_container(command());
        ExecError how;
        how.step = ExecStep::exec;
        how.error_number = error;
        scenario.start("main").does_not_execute("main", how, 203);
        EXPECT_EQ(scenario.exit_status(), status);
    }
}

}  // namespace
}  // namespace svcd::test
