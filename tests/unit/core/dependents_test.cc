// What one unit's change means to others.
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

UnitSpec needing(const std::string& name, Relation relation, const std::string& other) {
    return std::move(service(name).depends(relation, other));
}

TEST(Upholds, StartsWhatIsDownForAsLongAsItIsUp) {
    Scenario scenario = with(needing("a", Relation::upholds, "b.service"), service("b"));
    scenario.start("a");
    EXPECT_EQ(scenario.state("b"), "active/running");
    scenario.exits("b");
    EXPECT_EQ(scenario.state("b"), "active/running");
    scenario.stop("a").killed("a", SIGTERM).exits("b");
    EXPECT_EQ(scenario.state("b"), "inactive/dead");
}

TEST(Upholds, GivesUpOnAUnitThatKeepsFailing) {
    UnitSpec b = service("b");
    b.definition().start_limit_interval = Duration{0};
    Scenario scenario = with(needing("a", Relation::upholds, "b.service"), std::move(b));
    scenario.start("a");
    for (int life = 0; life < 17 && scenario.state("b") == "active/running"; ++life) {
        scenario.exits("b", 1);
    }
    EXPECT_EQ(scenario.state("b"), "failed/failed");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("for what others want")));
}

TEST(Upholds, HoldsNothingUpDuringAShutdown) {
    Scenario scenario = with(needing("a", Relation::upholds, "b.service"), service("b"));
    scenario.start("a").shut_down().killed("b", SIGTERM);
    EXPECT_EQ(scenario.state("b"), "inactive/dead");
    scenario.killed("a", SIGTERM);
    EXPECT_TRUE(scenario.has_exited());
}

TEST(StopWhenUnneeded, StopsWithTheLastThatNeedsIt) {
    UnitSpec b = service("b");
    b.definition().stop_when_unneeded = true;
    Scenario scenario = with(needing("a", Relation::wants, "b.service"),
                             needing("c", Relation::requires_, "b.service"), std::move(b));
    scenario.start("a").start("c").stop("a").killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("b"), "active/running");
    scenario.stop("c").killed("c", SIGTERM);
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
}

TEST(StopWhenUnneeded, StopsAUnitThatWasStartedByHand) {
    UnitSpec b = service("b");
    b.definition().stop_when_unneeded = true;
    Scenario scenario = with(std::move(b));
    scenario.start("b");
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
}

TEST(OnFailure, StartsItsUnitOnceTheFailureIsFinal) {
    UnitSpec a = needing("a", Relation::on_failure, "mail.service");
    a.restart(RestartPolicy::on_failure, 100ms);
    a.definition().start_limit_burst = 2;
    Scenario scenario = with(std::move(a), service("mail"));
    scenario.start("a").exits("a", 1);
    EXPECT_EQ(scenario.state("mail"), "inactive/dead");
    scenario.advance(101ms).exits("a", 1).advance(101ms);
    EXPECT_EQ(scenario.result("a"), UnitResult::exit_code);
    EXPECT_EQ(scenario.state("mail"), "active/running");
}

TEST(OnFailure, IsNotForAnOrderlyEnd) {
    Scenario scenario = with(needing("a", Relation::on_failure, "mail.service"), service("mail"));
    scenario.start("a").exits("a");
    EXPECT_EQ(scenario.state("mail"), "inactive/dead");
}

TEST(OnFailure, ComesAlsoWhenTheUnitNeverBegan) {
    UnitSpec a = needing("a", Relation::on_failure, "mail.service");
    a.requires_("b.service").after("b.service");
    UnitSpec b = service("b");
    b.type(ServiceType::oneshot);
    Scenario scenario = with(std::move(a), std::move(b), service("mail"));
    scenario.start("a").exits("b", 1);
    EXPECT_EQ(scenario.state("mail"), "active/running");
}

TEST(OnSuccess, StartsItsUnitAfterAnOrderlyEndAndAStop) {
    Scenario scenario = with(needing("a", Relation::on_success, "next.service"), service("next"));
    scenario.start("a").exits("a", 1);
    EXPECT_EQ(scenario.state("next"), "inactive/dead");
    scenario.start("a").exits("a");
    EXPECT_EQ(scenario.state("next"), "active/running");
}

TEST(OnFailure, StartsNothingDuringAShutdown) {
    Scenario scenario = with(needing("a", Relation::on_failure, "mail.service"), service("mail"));
    scenario.start("a").shut_down().killed("a", SIGKILL);
    EXPECT_EQ(scenario.state("a"), "failed/failed");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/a"));
}

TEST(PropagatesStopTo, StopsTheOtherForAJobAndForAnEndOfItsOwn) {
    Scenario scenario = with(needing("a", Relation::propagates_stop_to, "b.service"), service("b"));
    scenario.start("a").start("b").stop("a");
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
    scenario.killed("a", SIGTERM).killed("b", SIGTERM).start("a").start("b").exits("a");
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
}

TEST(PropagatesReloadTo, ReloadsTheOtherWithIt) {
    UnitSpec a = needing("a", Relation::propagates_reload_to, "b.service");
    a.command(CommandRole::reload, "/bin/reload-a");
    UnitSpec b = service("b");
    b.command(CommandRole::reload, "/bin/reload-b");
    Scenario scenario = with(std::move(a), std::move(b));
    scenario.start("a").ask(JobVerb::reload, "a");
    EXPECT_THAT(scenario.spawned(), Not(Contains("/bin/reload-b")));
    scenario.exits("a", 0, ProcessRole::control).start("b").ask(JobVerb::reload, "a");
    EXPECT_THAT(scenario.spawned(), Contains("/bin/reload-b"));
}

TEST(BindsTo, StoppedForAFailureComesBackWithIt) {
    UnitSpec db = service("db");
    db.restart(RestartPolicy::on_failure, 100ms);
    UnitSpec web = needing("web", Relation::binds_to, "db.service");
    web.after("db.service");
    Scenario scenario = with(std::move(db), std::move(web));
    scenario.start("web").exits("db", 1);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.killed("web", SIGTERM).advance(100ms);
    EXPECT_EQ(scenario.state("db"), "active/running");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(BindsTo, StoppedByAPersonStaysStopped) {
    UnitSpec db = service("db");
    db.restart(RestartPolicy::on_failure, 100ms);
    UnitSpec web = needing("web", Relation::binds_to, "db.service");
    web.after("db.service");
    Scenario scenario = with(std::move(db), std::move(web));
    scenario.start("web").exits("db", 1).stop("web").killed("web", SIGTERM).advance(100ms);
    EXPECT_EQ(scenario.state("db"), "active/running");
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
}

TEST(BindsTo, ComesBackAlsoWhenTheManagerDiedMeanwhile) {
    UnitSpec db = service("db");
    db.restart(RestartPolicy::on_failure, 100ms);
    UnitSpec web = needing("web", Relation::binds_to, "db.service");
    web.after("db.service");
    Scenario scenario = with(std::move(db), std::move(web));
    scenario.start("web").exits("db", 1).killed("web", SIGTERM).manager_dies().advance(100ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(BindsTo, AStopByAPersonThatWaitsIsNotUndone) {
    UnitSpec db = service("db");
    db.restart(RestartPolicy::on_failure, 100ms);
    UnitSpec web = needing("web", Relation::binds_to, "db.service");
    web.after("db.service");
    Scenario scenario =
        with(std::move(db), std::move(web),
             std::move(service("proxy").requires_("web.service").after("web.service")));
    scenario.start("proxy").stop("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.exits("db", 1).killed("proxy", SIGTERM).killed("web", SIGTERM).advance(101ms);
    EXPECT_EQ(scenario.state("db"), "active/running");
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
}

TEST(BindsTo, AWholeChainComesBack) {
    UnitSpec db = service("db");
    db.restart(RestartPolicy::always, 100ms);
    UnitSpec web = needing("web", Relation::binds_to, "db.service");
    web.after("db.service");
    UnitSpec worker = needing("worker", Relation::requires_, "web.service");
    worker.after("web.service");
    Scenario scenario = with(std::move(db), std::move(web), std::move(worker));
    scenario.start("worker").exits("db");
    scenario.killed("worker", SIGTERM).killed("web", SIGTERM).advance(101ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.state("worker"), "active/running");
}

TEST(Restart, DoesNotUndoAStopThatStillWaits) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(
        std::move(web), std::move(service("proxy").requires_("web.service").after("web.service")));
    scenario.start("proxy").stop("web").exits("web", 1).killed("proxy", SIGTERM).advance(1s);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_FALSE(scenario.status("web").job.has_value());
}

TEST(OnSuccess, IsNotForARestartNorForAStopBetweenTwo) {
    UnitSpec a = needing("a", Relation::on_success, "next.service");
    a.restart(RestartPolicy::on_failure, 100ms);
    a.rarely([](RareUnitSettings& rare) { rare.success_action = EmergencyAction::exit; });
    Scenario scenario = with(std::move(a), service("next"));
    scenario.start("a").exits("a", 1).advance(101ms);
    EXPECT_EQ(scenario.state("a"), "active/running");
    scenario.exits("a", 1).stop("a");
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    EXPECT_EQ(scenario.state("next"), "inactive/dead");
    EXPECT_FALSE(scenario.has_exited());
}

TEST(FailureAction, OfAKilledMainProcessExitsWith255) {
    UnitSpec a = service("a");
    a.rarely([](RareUnitSettings& rare) { rare.failure_action = EmergencyAction::exit; });
    Scenario scenario = with(std::move(a));
    scenario.start("a").killed("a", SIGSEGV);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 255);
}

TEST(PropagatesStopTo, HandsOnNoRestart) {
    Scenario scenario = with(needing("a", Relation::propagates_stop_to, "b.service"), service("b"));
    scenario.start("a").start("b").ask(JobVerb::restart, "a").killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(JobTimeout, EndsTheJobAndNotTheUnit) {
    UnitSpec a = service("a");
    a.type(ServiceType::notify).rarely([](RareUnitSettings& rare) { rare.job_timeout = 2s; });
    Scenario scenario = with(std::move(a), needing("b", Relation::requires_, "a.service"));
    scenario.start("a").advance(1999ms).take_log();
    EXPECT_TRUE(scenario.status("a").job.has_value());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("job a.service timeout"));
    EXPECT_EQ(scenario.state("a"), "activating/start");
    scenario.ready("a");
    EXPECT_EQ(scenario.state("a"), "active/running");
}

TEST(JobTimeout, OfTheRunningPartCountsFromItsBegin) {
    UnitSpec b = service("b");
    b.after("a.service").type(ServiceType::notify).rarely([](RareUnitSettings& rare) {
        rare.job_running_timeout = 2s;
    });
    UnitSpec a = service("a");
    a.type(ServiceType::notify);
    Scenario scenario = with(std::move(a), std::move(b));
    scenario.start("a").start("b").advance(5s);
    EXPECT_TRUE(scenario.status("b").job.has_value());
    scenario.ready("a").advance(1s).manager_dies().advance(999ms);
    EXPECT_TRUE(scenario.status("b").job.has_value());
    scenario.advance(1ms);
    EXPECT_FALSE(scenario.status("b").job.has_value());
}

TEST(FailureAction, ExitStopsEverythingInOrderWithTheStatus) {
    UnitSpec a = service("a");
    a.rarely([](RareUnitSettings& rare) { rare.failure_action = EmergencyAction::exit; });
    Scenario scenario = with(std::move(a), service("b"));
    scenario.start("b").start("a").exits("a", 7);
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
    scenario.killed("b", SIGTERM);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 7);
}

TEST(SuccessAction, WithForceWaitsForNothing) {
    UnitSpec a = service("a");
    a.rarely([](RareUnitSettings& rare) {
        rare.success_action = EmergencyAction::exit_force;
        rare.success_action_exit_status = 3;
    });
    Scenario scenario = with(std::move(a), service("b"));
    scenario.start("b").start("a").exits("a");
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 3);
    EXPECT_THAT(scenario.take_log(), Contains("signal b.service 9 cgroup"));
}

TEST(StartLimitAction, IsTakenWhenTheLimitIsHit) {
    UnitSpec a = service("a");
    a.restart(RestartPolicy::always, 0ms);
    a.definition().start_limit_burst = 1;
    a.rarely([](RareUnitSettings& rare) { rare.start_limit_action = EmergencyAction::exit; });
    Scenario scenario = with(std::move(a));
    scenario.start("a").exits("a").advance(1ms);
    EXPECT_TRUE(scenario.has_exited());
}

}  // namespace
}  // namespace svcd::test
