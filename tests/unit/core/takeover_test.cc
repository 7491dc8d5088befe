// A new manager goes on with a stop, a start or a reload that another began; and what is not its
// child can't be waited for without a bound.
#include <gmock/gmock.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::size_t count(const std::vector<std::string>& log, const std::string& line) {
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), line));
}

UnitSpec forking_with_pid_file() {
    UnitSpec db = service("db");
    db.type(ServiceType::forking);
    db.settings().pid_file = "/run/db.pid";
    return db;
}

/// An adopted main process of a forking service that has just ended, with others of it running.
Scenario with_adopted_main(UnitSpec unit) {
    Scenario scenario = with(std::move(unit));
    scenario.start("db").stray("db").exits("db", 0, ProcessRole::control).main_process_is("db", 50);
    scenario.launcher_dies();
    return scenario;
}

TEST(Takeover, AStopSignalThatWasSentIsNotSentAgain) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").take_log();
    scenario.manager_dies().manager_dies().launcher_dies();
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_THAT(scenario.take_log(), Not(Contains("signal web.service 15 cgroup")));
    scenario.advance(5s);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 9 cgroup"));
    scenario.manager_dies();
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.killed("web", SIGKILL);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

TEST(Takeover, OneThatWasOnlyAboutToBeSentIs) {
    Scenario scenario = with(service("web"));
    scenario.start("web").executes("web").dies_before_sent().stop("web").take_log();
    scenario.manager_dies();
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
}

TEST(Takeover, TheSignalOfTheNextStateIsAnother) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").dies_before_sent().advance(5s).take_log();
    scenario.manager_dies();
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 9 cgroup"));
}

TEST(Takeover, AnExecReloadThatWasToBeKilledIsKilled) {
    UnitSpec web = service("web");
    web.command(CommandRole::reload, "/bin/reload");
    web.settings().timeout_start = 1s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").ask(JobVerb::reload, "web").advance(1s).take_log();
    scenario.launcher_dies();
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 control"));
    scenario.killed("web", SIGKILL, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Takeover, TypeIdleWaitsNoLongerForThat) {
    UnitSpec idle = service("idle");
    idle.type(ServiceType::idle);
    UnitSpec slow = service("slow");
    slow.type(ServiceType::oneshot);
    Scenario scenario = with(std::move(idle), std::move(slow));
    scenario.start("slow").start("idle");
    scenario.advance(3s).manager_dies().advance(1s).manager_dies().take_log();
    scenario.advance(999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), ElementsAre("spawn idle.service /bin/idle"));
}

// ── READY=1 that nobody has heard

UnitSpec notify() {
    UnitSpec web = service("web");
    web.type(ServiceType::notify);
    web.settings().timeout_start = 10s;
    return web;
}

TEST(Takeover, AReadyThatMayHaveBeenMissedFailsNoStart) {
    std::vector<UnitSpec> units;
    units.push_back(notify());
    units.push_back(std::move(service("app").requires_("web.service").after("web.service")));
    Scenario scenario;
    scenario.load(std::move(units));
    scenario.start("app").executes("web").advance(1s).launcher_dies();
    EXPECT_EQ(scenario.state("web"), "activating/start");
    scenario.advance(9s);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.state("app"), "active/running");
    EXPECT_TRUE(scenario.status("web").readiness_unknown);
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("readiness unknown")));
    scenario.manager_dies();
    EXPECT_TRUE(scenario.status("web").readiness_unknown);
    scenario.ready("web");
    EXPECT_FALSE(scenario.status("web").readiness_unknown);
}

TEST(Takeover, AReadyThatMayHaveBeenMissedEndsAReloadThatWasToldOf) {
    Scenario scenario = with(notify());
    Notification reloading;
    reloading.reloading = true;
    scenario.start("web").executes("web").notifies("web", reloading).launcher_dies().advance(10s);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Takeover, AReadyThatComesLaterCounts) {
    Scenario scenario = with(notify());
    scenario.start("web").executes("web").launcher_dies().advance(1s).ready("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_FALSE(scenario.status("web").readiness_unknown);
}

/// The launcher keeps the socket: what is said while a manager is dead waits in it.
TEST(Takeover, TheDeathOfAManagerMissesNoReady) {
    Scenario scenario = with(notify());
    scenario.start("web").executes("web").manager_dies().advance(10s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.killed("web", SIGTERM);
    EXPECT_EQ(scenario.result("web"), UnitResult::timeout);
    scenario.start("web").executes("web").advance(10s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

// ── zombies

TEST(Takeover, AZombieThatThePidFileNamesIsHandedOverToAFewTimes) {
    UnitSpec db = forking_with_pid_file();
    db.restart(RestartPolicy::always);
    Scenario scenario = with_adopted_main(std::move(db));
    scenario.take_log();
    scenario.killed("db", SIGKILL);
    for (int times = 0; times < 100 && scenario.state("db") == "active/running"; ++times) {
        scenario.main_process_is("db", 50).killed("db", SIGKILL);
    }
    EXPECT_EQ(scenario.state("db"), "deactivating/stop-sigterm");
    EXPECT_LT(count(scenario.take_log(), "identify db.service"), 20u);
}

TEST(Takeover, ARestartWaitsUntilTheLastMainProcessIsReaped) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").launcher_dies().zombie(100);
    scenario.killed("web", SIGKILL).take_log();
    const Time ended = scenario.now();
    scenario.advance(5s);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    EXPECT_EQ(scenario.status("web").deadline, ended + 10s);
    EXPECT_EQ(scenario.status("web").next_start, ended + 10s);
    EXPECT_THAT(scenario.take_log(), Each("is reaped web.service"));
    scenario.zombie(100, false).advance(100ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Takeover, ARestartWaitsForThatNoLongerThanTenSeconds) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").launcher_dies().zombie(100).killed("web", SIGKILL);
    scenario.advance(6s).manager_dies().advance(3900ms);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.advance(200ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("has not reaped it within 10 s")));
}

TEST(Takeover, AStartByAPersonWaitsForItToo) {
    Scenario scenario = with(service("web"));
    scenario.start("web").executes("web").launcher_dies().zombie(100);
    scenario.stop("web").killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "inactive/dead") << "a stop does not";
    scenario.start("web").advance(1s);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    scenario.zombie(100, false).advance(50ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Takeover, AChildOfTheLauncherIsWaitedForByNobody) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").manager_dies().zombie(100).killed("web", SIGKILL);
    scenario.advance(100ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Takeover, APidFileThatDoesNotComeIsLookedForEverMoreRarely) {
    UnitSpec db = forking_with_pid_file();
    db.settings().timeout_start = 90s;
    Scenario scenario = with(std::move(db));
    scenario.start("db").stray("db").exits("db", 0, ProcessRole::control).take_log();
    std::size_t looks = 0;
    while (scenario.state("db") == "activating/start") {
        scenario.main_process_is_not_found("db").advance(20ms);
        while (scenario.state("db") == "activating/start" && !scenario.is_identifying("db")) {
            scenario.advance(10ms);
        }
        ++looks;
    }
    EXPECT_GT(looks, 100u);
    EXPECT_LT(looks, 500u);
    EXPECT_EQ(scenario.result("db"), UnitResult::timeout);
}

// ── SIGKILL, and what it passes over

TEST(Kill, WhoIsLeftAfterSigkillToTheCgroupGetsOneOfHisOwn) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 1s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").advance(1s).take_log();
    scenario.advance(199ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 9 cgroup"));
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
    scenario.manager_dies().advance(4799ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "failed/stop-wedged");
    EXPECT_THAT(scenario.take_log(), Not(Contains("signal web.service 9 cgroup")));
}

TEST(Kill, ThatOfKillModeMixedIsNoSigkillAtADeadline) {
    UnitSpec web = service("web");
    web.settings().kill_mode = KillMode::mixed;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stray("web").shut_down().killed("web", SIGTERM);
    EXPECT_FALSE(scenario.status("web").sigkill_sent);
    scenario.stray("web", false);
    EXPECT_EQ(scenario.result("web"), UnitResult::success);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 0);
}

TEST(Kill, ThatOfTimeoutStopFailureModeIsOne) {
    UnitSpec web = service("web");
    web.command(CommandRole::stop, "/bin/ask");
    web.settings().timeout_stop = 3s;
    web.settings().timeout_stop_failure_mode = TimeoutFailureMode::kill;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").shut_down().advance(2s);
    EXPECT_TRUE(scenario.status("web").sigkill_sent);
    scenario.killed("web", SIGKILL, ProcessRole::control).killed("web", SIGKILL);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 1);
}

TEST(Kill, AnExecStopThatIsCutIsNone) {
    UnitSpec web = service("web");
    web.command(CommandRole::stop, "/bin/ask");
    web.settings().timeout_stop = 3s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").shut_down().advance(2s);
    scenario.killed("web", SIGTERM, ProcessRole::control).killed("web", SIGTERM);
    EXPECT_FALSE(scenario.status("web").sigkill_sent);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 0);
}

// ── SendSIGKILL=no

UnitSpec spared(KillMode mode) {
    UnitSpec db = service("db");
    db.settings().send_sigkill = false;
    db.settings().kill_mode = mode;
    db.settings().timeout_stop = 2s;
    db.restart(RestartPolicy::always, 100ms);
    return db;
}

class WithoutSigkill : public testing::TestWithParam<KillMode> {};

TEST_P(WithoutSigkill, AStopWaitsForTheCgroupAndThenLeavesItOver) {
    Scenario scenario = with(spared(GetParam()));
    scenario.start("db").executes("db").stray("db").stop("db").killed("db", SIGTERM);
    scenario.advance(1999ms);
    EXPECT_EQ(scenario.state("db"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("db"), "failed/failed");
    EXPECT_EQ(scenario.result("db"), UnitResult::timeout);
    EXPECT_TRUE(scenario.status("db").left_over);
    EXPECT_FALSE(scenario.status("db").sigkill_sent);
    scenario.stray("db", false);
    EXPECT_FALSE(scenario.status("db").left_over);
}

TEST_P(WithoutSigkill, AStopEndsWithTheLastProcess) {
    Scenario scenario = with(spared(GetParam()));
    scenario.start("db").executes("db").stray("db").stop("db").killed("db", SIGTERM).advance(1s);
    scenario.stray("db", false);
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
    EXPECT_EQ(scenario.result("db"), UnitResult::success);
}

TEST_P(WithoutSigkill, NothingIsRestartedBesideWhatIsLeftOver) {
    UnitSpec db = spared(GetParam());
    db.command(CommandRole::stop_post, "/bin/cleanup");
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").stray("db").exits("db", 1).advance(2s);
    EXPECT_EQ(scenario.state("db"), "deactivating/stop-post");
    scenario.manager_dies().exits("db", 0, ProcessRole::control).advance(10s);
    EXPECT_EQ(scenario.state("db"), "failed/failed");
    scenario.start("db");
    EXPECT_EQ(scenario.state("db"), "active/running") << "a person may";
}

INSTANTIATE_TEST_SUITE_P(Kill,
                         WithoutSigkill,
                         testing::Values(KillMode::control_group, KillMode::mixed));

TEST(Takeover, TheBootIsOverAlsoForTheManagerAfterTheOneThatSawItsEnd) {
    Scenario scenario = with(target("default"), service("web"));
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("default.target");
    scenario.happens(boot).start("web");
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
    scenario.stop("web").manager_dies();
    ASSERT_TRUE(scenario.status("web").job.has_value());
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
}

}  // namespace
}  // namespace svcd::test
