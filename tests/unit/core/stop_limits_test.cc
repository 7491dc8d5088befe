// How long a stop may take: PreStopDelaySec, the shutdown budget, a second wish to shut down, core
// dumps, and what is remembered of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

UnitSpec draining(const std::string& name, Duration delay, Duration timeout = 10s) {
    UnitSpec unit = service(name);
    unit.settings().timeout_stop = timeout;
    unit.rarely([delay](RareServiceSettings& rare) { rare.pre_stop_delay = delay; });
    return unit;
}

UnitSpec stubborn(const std::string& name, Duration timeout = 90s) {
    UnitSpec unit = service(name);
    unit.settings().timeout_stop = timeout;
    return unit;
}

SupervisorOptions with_budget(Duration budget, Duration margin = 1s) {
    SupervisorOptions options;
    options.shutdown_budget = budget;
    options.shutdown_margin = margin;
    return options;
}

/// Everything that has got its SIGKILL ends.
void end_the_killed(Scenario& scenario, const std::vector<std::string>& units) {
    for (const std::string& unit : units) {
        if (scenario.state(unit) == "deactivating/stop-sigkill") {
            scenario.killed(unit, SIGKILL);
        }
    }
}

// ── PreStopDelaySec

TEST(PreStopDelay, ServesOnAndIsThenAskedToEnd) {
    UnitSpec web = draining("web", 2s);
    web.command(CommandRole::stop, "/bin/webstop");
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").take_log();
    scenario.stop("web").advance(1999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/pre-stop");
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop");
    EXPECT_THAT(scenario.take_log(), Contains("spawn web.service /bin/webstop"));
}

TEST(PreStopDelay, IsPartOfTheStopsTime) {
    Scenario scenario = with(draining("web", 2s));
    scenario.start("web").executes("web").stop("web").advance(9999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(PreStopDelay, EndsWhenNobodyServesAnyMore) {
    Scenario scenario = with(draining("web", 2s));
    scenario.start("web").executes("web").stop("web").exits("web");
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.result("web"), UnitResult::success);
}

TEST(PreStopDelay, DeathByASignalThatWasNotSentYetIsNoAnswerToIt) {
    Scenario scenario = with(draining("web", 2s));
    scenario.start("web").executes("web").stop("web").exits("web", 143);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

TEST(PreStopDelay, StoppingNotificationEndsIt) {
    UnitSpec web = draining("web", 2s);
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").ready("web").stop("web").take_log();
    Notification stopping;
    stopping.stopping = true;
    scenario.notifies("web", stopping);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_THAT(scenario.take_log(), IsEmpty());
}

TEST(PreStopDelay, IsNotForAServiceThatFailedOrStillStarts) {
    UnitSpec web = draining("web", 2s);
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web");
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

TEST(PreStopDelay, IsForARestartToo) {
    Scenario scenario = with(draining("web", 2s));
    scenario.start("web").executes("web").ask(JobVerb::restart, "web");
    EXPECT_EQ(scenario.state("web"), "deactivating/pre-stop");
    scenario.advance(2s).killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(PreStopDelay, GoesOnWithAnotherManager) {
    Scenario scenario = with(draining("web", 2s));
    scenario.start("web").executes("web").stop("web").advance(1s).manager_dies();
    EXPECT_EQ(scenario.state("web"), "deactivating/pre-stop");
    scenario.advance(1s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

TEST(PreStopDelay, IsNoLongerForAServiceThatAsksForTime) {
    UnitSpec web = draining("web", 2s);
    web.settings().notify_access = NotifyAccess::all;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web");
    Notification extend;
    extend.extend_timeout = 60s;
    scenario.notifies("web", extend).advance(2s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

// ── a service that stops by itself

UnitSpec notifying(const std::string& name) {
    UnitSpec unit = stubborn(name, 9s);
    unit.type(ServiceType::notify);
    return unit;
}

Notification stopping() {
    Notification message;
    message.stopping = true;
    return message;
}

TEST(Stopping, ThatTakesLongIsAskedBeforeItIsKilled) {
    Scenario scenario = with(notifying("web"));
    scenario.start("web").executes("web").ready("web").notifies("web", stopping()).take_log();
    scenario.advance(5999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
    scenario.advance(2999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
}

TEST(Stopping, WhomTheMainProcessLeavesIsAskedAtOnce) {
    Scenario scenario = with(notifying("web"));
    scenario.start("web").executes("web").ready("web").stray("web");
    scenario.notifies("web", stopping()).take_log();
    scenario.exits("web");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

TEST(Stopping, IsNotAskedAgainByTheNextManager) {
    Scenario scenario = with(notifying("web"));
    scenario.start("web").executes("web").ready("web").notifies("web", stopping()).take_log();
    scenario.manager_dies();
    EXPECT_THAT(scenario.take_log(), Not(Contains("signal web.service 15 cgroup")));
    scenario.advance(6s);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
}

// ── the shutdown budget

TEST(ShutdownBudget, IsSharedAlongTheChain) {
    Scenario scenario{with_budget(10s)};
    UnitSpec app = stubborn("app");
    app.after("db.service");
    UnitSpec web = stubborn("web");
    web.after("app.service");
    scenario.load(list(stubborn("db"), std::move(app), std::move(web)));
    const std::vector<std::string> all{"web", "app", "db"};
    for (const std::string& unit : all) {
        scenario.start(unit).executes(unit);
    }
    const Time begin = scenario.now();
    scenario.shut_down();
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_EQ(scenario.state("app"), "active/running");
    while (!scenario.has_exited() && scenario.now() < begin + 60s) {
        scenario.advance(10ms);
        end_the_killed(scenario, all);
    }
    EXPECT_TRUE(scenario.has_exited());
    EXPECT_LE(scenario.now() - begin, 9s);
    EXPECT_GE(scenario.now() - begin, 8500ms);
    EXPECT_EQ(scenario.exit_status(), 1);
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("that the shutdown budget leaves it")));
}

TEST(ShutdownBudget, ThatIsEnoughShortensNothing) {
    Scenario scenario{with_budget(10s)};
    scenario.load(list(stubborn("web", 3s)));
    scenario.start("web").executes("web").shut_down().advance(2999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
    EXPECT_EQ(scenario.status("web").stop_limit, 3s);
}

TEST(ShutdownBudget, WhatAUnitLeavesFlowsToTheNext) {
    Scenario scenario{with_budget(11s)};
    UnitSpec web = stubborn("web");
    web.after("db.service");
    scenario.load(list(stubborn("db"), std::move(web)));
    scenario.start("db").executes("db").start("web").executes("web").shut_down();
    EXPECT_LT(scenario.status("web").stop_limit, 5s);
    scenario.killed("web", SIGTERM);
    EXPECT_GT(scenario.status("db").stop_limit, 9s);
}

TEST(ShutdownBudget, IsForStopsThatGoOnAlready) {
    Scenario scenario{with_budget(10s)};
    scenario.load(list(stubborn("web")));
    scenario.start("web").executes("web").stop("web").advance(1s).shut_down().advance(8999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(ShutdownBudget, LeavesExecStopTheSignalsShare) {
    Scenario scenario{with_budget(10s)};
    UnitSpec db = stubborn("db");
    db.command(CommandRole::stop, "/bin/dbstop");
    scenario.load(list(std::move(db)));
    scenario.start("db").executes("db").shut_down().advance(5s);
    EXPECT_EQ(scenario.state("db"), "deactivating/stop");
    scenario.advance(1500ms);
    EXPECT_EQ(scenario.state("db"), "deactivating/stop-sigterm");
}

TEST(ShutdownBudget, OutlivesTheManager) {
    Scenario scenario{with_budget(10s)};
    UnitSpec web = stubborn("web");
    web.after("db.service");
    scenario.load(list(stubborn("db"), std::move(web)));
    scenario.start("db").executes("db").start("web").executes("web").shut_down();
    scenario.advance(3s).manager_dies().killed("web", SIGTERM);
    EXPECT_LT(scenario.status("db").stop_limit, 6s);
    EXPECT_GT(scenario.status("db").stop_limit, 5s);
}

TEST(ShutdownBudget, GrantsAnExtensionOnlyFromWhatNobodyNeeds) {
    Scenario scenario{with_budget(10s)};
    UnitSpec web = stubborn("web", 4s);
    web.settings().notify_access = NotifyAccess::all;
    web.after("db.service");
    scenario.load(list(stubborn("db", 2s), std::move(web)));
    scenario.start("db").executes("db").start("web").executes("web").shut_down();
    Notification extend;
    extend.extend_timeout = 60s;
    scenario.notifies("web", extend).advance(6500ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(500ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(Hurry, CutsTheShutdownToTheMargin) {
    Scenario scenario{with_budget(kInfinity, 2s)};
    scenario.load(list(stubborn("web")));
    scenario.start("web").executes("web").shut_down().advance(1s).shut_down().advance(5s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    ShutdownRequested hurry;
    hurry.hurry = true;
    scenario.happens(hurry).advance(1960ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

// ── core dumps

TEST(CoreDump, ThatIsBeingWrittenHoldsSigkillBack) {
    UnitSpec web = stubborn("web", 2s);
    web.settings().timeout_abort = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").take_log();
    scenario.advance(1800ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    const CoreDumping dumping{*scenario.supervisor().find("web.service")};
    scenario.happens(dumping).advance(500ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    for (int second = 0; second < 6; ++second) {
        scenario.happens(dumping).advance(900ms);
    }
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(CoreDump, NeverMakesAStopShorter) {
    UnitSpec web = stubborn("web", 2s);
    web.settings().timeout_abort = 50ms;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").advance(1800ms);
    scenario.happens(CoreDumping{*scenario.supervisor().find("web.service")}).advance(199ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(CoreDump, IsLookedForByTheNextManagerToo) {
    Scenario scenario = with(stubborn("web", 2s));
    scenario.start("web").executes("web").stop("web").manager_dies();
    EXPECT_EQ(*scenario.supervisor().next_deadline() - scenario.now(), 1800ms);
}

TEST(CoreDump, OfWhichNothingIsHeardChangesNothing) {
    Scenario scenario = with(stubborn("web", 2s));
    scenario.start("web").executes("web").stop("web").advance(1999ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

// ── what is remembered

TEST(StopTimes, AreRememberedAlsoByTheNextManager) {
    Scenario scenario = with(stubborn("web", 10s));
    for (int second = 1; second <= 20; ++second) {
        scenario.start("web").executes("web").stop("web");
        scenario.advance(second * 100ms).killed("web", SIGTERM);
    }
    scenario.manager_dies();
    EXPECT_EQ(scenario.status("web").stops_measured, 16u);
    EXPECT_EQ(scenario.status("web").stop_time_p50, 1200ms);
    EXPECT_EQ(scenario.status("web").stop_time_p95, 2s);
}

TEST(StopTimes, NearTheLimitAreWarnedOfOnceEach) {
    Scenario scenario = with(stubborn("web", 10s));
    const auto stop_in = [&scenario](Duration time) {
        scenario.start("web").executes("web").stop("web").advance(time).killed("web", SIGTERM);
    };
    const auto warnings = [&scenario] {
        return std::count_if(scenario.said().begin(), scenario.said().end(), [](const auto& text) {
            return text.find("its stop took") != std::string::npos;
        });
    };
    stop_in(4s);
    EXPECT_EQ(warnings(), 0);
    stop_in(6s);
    EXPECT_EQ(warnings(), 1);
    stop_in(6s);
    EXPECT_EQ(warnings(), 1);
    stop_in(9s);
    EXPECT_EQ(warnings(), 2);
    stop_in(9s);
    EXPECT_EQ(warnings(), 2);
}

TEST(StopTimes, LeaveOutWhatHasALimitOfItsOwn) {
    UnitSpec web = draining("web", 5s, 10s);
    web.command(CommandRole::stop_post, "/bin/webpost");
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").advance(6s).killed("web", SIGTERM);
    scenario.advance(5s).exits("web", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.status("web").stop_time_p50, 6s);
    EXPECT_THAT(scenario.said(), Not(Contains(HasSubstr("its stop took"))));
}

TEST(ShutdownBudget, OfARecordThatWasNeverWrittenIsNone) {
    StateRestored restored;
    Scenario scenario = with(stubborn("web"));
    scenario.happens(restored).start("web").executes("web").stop("web").advance(80s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
}

TEST(StopTimes, OfWhatEndedByItselfAreNone) {
    Scenario scenario = with(stubborn("web"));
    scenario.start("web").executes("web").exits("web");
    EXPECT_EQ(scenario.status("web").stops_measured, 0u);
}

}  // namespace
}  // namespace svcd::test
