// One service's life: how it starts, what its exits mean, how it restarts, how it is told to stop.
#include <gmock/gmock.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(ServiceStart, SimpleIsActiveOnceItsProcessExists) {
    Scenario scenario = with(service("web"));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.take_log(),
                ElementsAre("spawn web.service /bin/web", "job web.service done"));
    EXPECT_NE(scenario.status("web").main.pid, 0);
}

TEST(ServiceStart, OfAnActiveUnitIsAJobThatIsDoneAtOnce) {
    Scenario scenario = with(service("web"));
    scenario.start("web").take_log();
    const JobId before = scenario.last_reply().job;
    scenario.start("web");
    EXPECT_TRUE(scenario.last_reply().was_so_already);
    EXPECT_GT(scenario.last_reply().job, before);
    EXPECT_FALSE(scenario.last_reply().refusal.has_value());
    EXPECT_THAT(scenario.take_log(), ElementsAre("job web.service done"));
    EXPECT_FALSE(scenario.status("web").job.has_value());
}

TEST(ServiceStart, WhatChangesNothingIsAJobThatIsDoneAtOnceWhateverTheVerb) {
    Scenario scenario = with(service("web"));
    for (const JobVerb verb :
         {JobVerb::stop, JobVerb::try_restart, JobVerb::try_reload_or_restart}) {
        scenario.take_log();
        scenario.ask(verb, "web");
        EXPECT_TRUE(scenario.last_reply().was_so_already);
        EXPECT_NE(scenario.last_reply().job, JobId::none);
        EXPECT_THAT(scenario.take_log(), ElementsAre("job web.service done"));
    }
    scenario.start("web");
    EXPECT_FALSE(scenario.last_reply().was_so_already);
}

TEST(ServiceStart, ExecWaitsForTheExecve) {
    UnitSpec web = service("web");
    web.type(ServiceType::exec);
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "activating/start");
    scenario.executes("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceStart, ExecOfAMissingProgramFailsTheJob) {
    UnitSpec web = service("web");
    web.type(ServiceType::exec);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 203);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::exit_code);
    EXPECT_EQ(scenario.status("web").main.status, 203);
    EXPECT_THAT(scenario.take_log(), Contains("job web.service failed"));
}

TEST(ServiceStart, NotifyWaitsForReady) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "activating/start");
    scenario.ready("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceStart, NotifyThatEndsWithoutReadyBreaksTheProtocol) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 0);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::protocol);
}

TEST(ServiceStart, TimesOutAndIsStoppedLikeAnyOther) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify).settings().timeout_start = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").advance(5s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
    scenario.killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::timeout);
    EXPECT_EQ(scenario.status("web").main.status, SIGTERM);
}

TEST(ServiceStart, ProcessThatNeverExecutesIsKilledAtTimeoutStartSec) {
    UnitSpec web = service("web");
    web.settings().timeout_start = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").advance(4999ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 main"));
    scenario.killed("web", SIGKILL);
    EXPECT_EQ(scenario.result("web"), UnitResult::timeout);
}

TEST(ServiceStart, OneshotRunsItsCommandsOneAfterTheOther) {
    UnitSpec job = service("job");
    job.type(ServiceType::oneshot).command(CommandRole::start, "/bin/second");
    Scenario scenario = with(std::move(job));
    scenario.start("job");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/job"));
    scenario.exits("job");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/job", "/bin/second"));
    EXPECT_EQ(scenario.state("job"), "activating/start");
    scenario.exits("job");
    EXPECT_EQ(scenario.state("job"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), Contains("job job.service done"));
}

TEST(ServiceStart, OneshotWithRemainAfterExitStaysActive) {
    UnitSpec job = service("job");
    job.type(ServiceType::oneshot).settings().remain_after_exit = true;
    job.command(CommandRole::stop, "/bin/undo");
    Scenario scenario = with(std::move(job));
    scenario.start("job").exits("job");
    EXPECT_EQ(scenario.state("job"), "active/exited");
    scenario.stop("job");
    EXPECT_EQ(scenario.state("job"), "deactivating/stop");
    scenario.exits("job", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("job"), "inactive/dead");
}

TEST(ServiceStart, ForkingTakesTheProcessOfThePidFile) {
    UnitSpec daemon = service("daemon");
    daemon.type(ServiceType::forking).settings().pid_file = "/run/daemon.pid";
    Scenario scenario = with(std::move(daemon));
    scenario.stray("daemon").start("daemon").exits("daemon", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("daemon"), "activating/start");
    scenario.main_process_is("daemon", 4711);
    EXPECT_EQ(scenario.state("daemon"), "active/running");
    EXPECT_EQ(scenario.status("daemon").main.pid, 4711);
}

TEST(ServiceStart, ForkingLooksAgainForAPidFileThatComesLate) {
    UnitSpec daemon = service("daemon");
    daemon.type(ServiceType::forking).settings().pid_file = "/run/daemon.pid";
    Scenario scenario = with(std::move(daemon));
    scenario.stray("daemon").start("daemon").exits("daemon", 0, ProcessRole::control);
    scenario.main_process_is_not_found("daemon").advance(20ms).main_process_is("daemon", 4711);
    EXPECT_EQ(scenario.state("daemon"), "active/running");
}

TEST(ServiceStart, ForkingDaemonMayNameItselfBeforeItsParentEnds) {
    UnitSpec daemon = service("daemon");
    daemon.type(ServiceType::forking);
    daemon.settings().notify_access = NotifyAccess::all;
    Scenario scenario = with(std::move(daemon));
    Notification named;
    named.main_pid = 4711;
    scenario.stray("daemon").start("daemon").notifies("daemon", named);
    scenario.main_process_is("daemon", 4711).exits("daemon", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("daemon"), "active/running");
}

TEST(ServiceStart, ExecStartPreThatNeverExecutesIsKilledAtTimeoutStartSec) {
    UnitSpec web = service("web");
    web.settings().timeout_start = 5s;
    web.command(CommandRole::start_pre, "/hung/pre");
    Scenario scenario = with(std::move(web));
    scenario.start("web").advance(5s);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 control"));
}

TEST(ServiceStart, ForkingWithoutAChildEndsInactive) {
    UnitSpec daemon = service("daemon");
    daemon.type(ServiceType::forking);
    Scenario scenario = with(std::move(daemon));
    scenario.start("daemon")
        .exits("daemon", 0, ProcessRole::control)
        .main_process_is_not_found("daemon");
    EXPECT_EQ(scenario.state("daemon"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), Contains("job daemon.service done"));
}

TEST(ServiceStart, ConditionThatIsNotMetSkipsTheUnit) {
    UnitSpec web = service("web");
    web.command(CommandRole::condition, "/bin/cond");
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.result("web"), UnitResult::exec_condition);
    EXPECT_THAT(scenario.take_log(), Contains("job web.service done"));
}

TEST(ServiceStart, RunsPreAndPostCommandsAroundTheMainProcess) {
    UnitSpec web = service("web");
    web.command(CommandRole::start_pre, "/bin/pre").command(CommandRole::start_post, "/bin/post");
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "activating/start-post");
    scenario.exits("web", 0, ProcessRole::control);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/pre", "/bin/web", "/bin/post"));
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceStart, FailsWithResourcesWhenThereCanBeNoProcess) {
    Scenario scenario = with(service("web"));
    scenario.spawn_fails_next(EAGAIN).start("web");
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::resources);
    EXPECT_THAT(scenario.take_log(), Contains("job web.service failed"));
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("Resource temporarily unavailable")));
}

TEST(ServiceStop, SendsSigkillOnlyAfterTimeoutStopSec) {
    UnitSpec db = service("db");
    db.settings().timeout_stop = 5s;
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").take_log();
    scenario.stop("db");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal db.service 15 cgroup"));
    scenario.advance(4999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal db.service 9 cgroup"));
    scenario.killed("db", SIGKILL);
    EXPECT_EQ(scenario.state("db"), "failed/failed");
    EXPECT_EQ(scenario.result("db"), UnitResult::timeout);
    EXPECT_THAT(scenario.take_log(), Contains("job db.service done"));
}

TEST(ServiceStop, IsOverWhenTheCgroupIsEmptyNotWhenTheMainProcessIs) {
    Scenario scenario = with(service("db"));
    scenario.start("db").stray("db").stop("db").killed("db", SIGTERM);
    EXPECT_EQ(scenario.state("db"), "deactivating/stop-sigterm");
    scenario.stray("db", false);
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
}

TEST(ServiceStop, MixedKillsTheRestOnceTheMainProcessIsGone) {
    UnitSpec db = service("db");
    db.settings().kill_mode = KillMode::mixed;
    Scenario scenario = with(std::move(db));
    scenario.start("db").stray("db").take_log();
    scenario.stop("db");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal db.service 15 both"));
    scenario.exits("db");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal db.service 9 cgroup"));
    scenario.stray("db", false);
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
    EXPECT_EQ(scenario.result("db"), UnitResult::success);
}

TEST(ServiceStop, MixedKillsWhatAMainProcessThatIsGoneLeftBehind) {
    UnitSpec db = service("db");
    db.settings().kill_mode = KillMode::mixed;
    Scenario scenario = with(std::move(db));
    scenario.start("db").stray("db").take_log();
    scenario.exits("db");
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 9 cgroup"));
    scenario.stray("db", false);
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
    EXPECT_EQ(scenario.result("db"), UnitResult::success);
}

TEST(ServiceStop, ExecStopThatAsksForMoreTimeLeavesTheSignalItsShare) {
    UnitSpec db = service("db");
    db.settings().timeout_stop = 9s;
    db.settings().notify_access = NotifyAccess::all;
    db.command(CommandRole::stop, "/bin/dbstop");
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").stop("db").take_log();
    Notification extend;
    extend.extend_timeout = 20s;
    scenario.notifies("db", extend).advance(20s);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal db.service 15 cgroup"));
    scenario.advance(2999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 9 cgroup"));
}

TEST(ServiceStart, MainPidOfWhatTheLastRunLeftIsNotTakenBeforeExecStart) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify);
    web.settings().notify_access = NotifyAccess::all;
    web.command(CommandRole::start_pre, "/bin/webpre");
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").take_log();
    Notification named;
    named.main_pid = 4711;
    scenario.notifies("web", named);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.exits("web", 0, ProcessRole::control);
    EXPECT_THAT(scenario.take_log(), Contains("spawn web.service /bin/web"));
    EXPECT_EQ(scenario.state("web"), "activating/start");
}

TEST(ServiceStop, OfKillModeProcessLeavesTheOthers) {
    UnitSpec sshd = service("sshd");
    sshd.settings().kill_mode = KillMode::process;
    Scenario scenario = with(std::move(sshd));
    scenario.start("sshd").stray("sshd").stop("sshd").killed("sshd", SIGTERM);
    EXPECT_EQ(scenario.state("sshd"), "inactive/dead");
    EXPECT_TRUE(scenario.status("sshd").left_over);
    scenario.start("sshd");
    EXPECT_EQ(scenario.state("sshd"), "active/running");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("left over")));
}

TEST(ServiceStop, ExitOf128PlusTheStopSignalIsClean) {
    Scenario scenario = with(service("jvm"));
    scenario.start("jvm").stop("jvm").exits("jvm", 143);
    EXPECT_EQ(scenario.state("jvm"), "inactive/dead");
    EXPECT_EQ(scenario.result("jvm"), UnitResult::success);
}

TEST(ServiceStop, ExecStopIsCutEarlyEnoughForTheSignalToCount) {
    UnitSpec db = service("db");
    db.settings().timeout_stop = 9s;
    db.command(CommandRole::stop, "/bin/dbstop");
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").stop("db").take_log();
    scenario.advance(5999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 15 cgroup"));
    scenario.advance(2999ms);
    EXPECT_THAT(scenario.take_log(), Not(Contains("signal db.service 9 cgroup")));
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 9 cgroup"));
}

TEST(ServiceStop, ProcessThatSurvivesSigkillMakesTheUnitStopWedged) {
    UnitSpec db = service("db");
    db.settings().timeout_stop = 1s;
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").stop("db").advance(6s);
    EXPECT_EQ(scenario.state("db"), "failed/stop-wedged");
    EXPECT_EQ(scenario.result("db"), UnitResult::stop_wedged);
    EXPECT_THAT(scenario.take_log(), Contains("job db.service done"));
    scenario.start("db");
    EXPECT_THAT(scenario.take_log(), Contains("job db.service failed"));
    scenario.killed("db", SIGKILL);
    EXPECT_EQ(scenario.state("db"), "failed/failed");
}

TEST(ServiceStop, WhileStartingCancelsTheStart) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web").stop("web");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service canceled"));
    scenario.killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
}

TEST(ServiceStop, RunsExecStopPostAlsoAfterAFailedStart) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify).command(CommandRole::stop_post, "/bin/cleanup");
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-post");
    scenario.exits("web", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

TEST(ServiceStop, WithoutSendSigkillLeavesWhatDoesNotEnd) {
    UnitSpec db = service("db");
    db.settings().send_sigkill = false;
    db.settings().timeout_stop = 1s;
    Scenario scenario = with(std::move(db));
    scenario.start("db").executes("db").stop("db").advance(1s);
    EXPECT_EQ(scenario.state("db"), "failed/failed");
    EXPECT_EQ(scenario.result("db"), UnitResult::timeout);
    EXPECT_TRUE(scenario.status("db").left_over);
}

TEST(ServiceStop, StoppingByItselfIsGivenTheSameTime) {
    UnitSpec web = service("web");
    web.settings().notify_access = NotifyAccess::main;
    web.settings().timeout_stop = 2s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").take_log();
    Notification stopping;
    stopping.stopping = true;
    scenario.notifies("web", stopping);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(2s);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
}

TEST(ServiceStop, ExtendTimeoutMovesTheDeadline) {
    UnitSpec web = service("web");
    web.settings().notify_access = NotifyAccess::main;
    web.settings().timeout_stop = 2s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").advance(1s).take_log();
    Notification extend;
    extend.extend_timeout = 5s;
    scenario.notifies("web", extend).advance(4999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
}

TEST(ServiceStop, MissingExitRecordIsWaitedForASecond) {
    Scenario scenario = with(service("web"));
    scenario.start("web").stop("web").stray("web", false);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(1s).stray("web", false);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.status("web").main.code, ExitCode::unknown);
}

TEST(ServiceRestart, OnFailureComesBackAfterRestartSec) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::on_failure, 200ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").killed("web", SIGKILL);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    EXPECT_EQ(scenario.result("web"), UnitResult::signal);
    scenario.advance(199ms);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").restarts, 1u);
}

TEST(ServiceRestart, StopsAtTheStartLimitUntilAPersonStartsIt) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1ms).definition().start_limit_burst = 3;
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    for (int round = 0; round < 3; ++round) {
        scenario.exits("web", 1).advance(1ms);
    }
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.spawned().size(), 3u);
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceRestart, StopDuringTheDelayKeepsItDown) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1s);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1).stop("web").advance(10s);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.supervisor().next_deadline(), std::nullopt);
}

TEST(ServiceRestart, PersonDoesNotWaitForTheDelay) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1h);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1).start("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceRestart, ByAJobStopsFirstAndThenStarts) {
    Scenario scenario = with(service("web"));
    scenario.start("web").take_log();
    scenario.ask(JobVerb::restart, "web");
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.take_log(),
                ElementsAre("signal web.service 15 cgroup", "spawn web.service /bin/web",
                            "job web.service done"));
}

TEST(ServiceReload, RunsExecReloadAndStaysActive) {
    UnitSpec web = service("web");
    web.command(CommandRole::reload, "/bin/reload");
    Scenario scenario = with(std::move(web));
    scenario.start("web").ask(JobVerb::reload, "web");
    EXPECT_EQ(scenario.state("web"), "reloading/reload");
    scenario.exits("web", 0, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(ServiceReload, FailureFailsTheJobAndNotTheService) {
    UnitSpec web = service("web");
    web.command(CommandRole::reload, "/bin/reload");
    Scenario scenario = with(std::move(web));
    scenario.start("web").ask(JobVerb::reload, "web").exits("web", 1, ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service failed"));
}

TEST(ServiceWatchdog, AbortsAServiceThatStopsPinging) {
    UnitSpec web = service("web");
    web.settings().watchdog = 1s;
    Scenario scenario = with(std::move(web));
    Notification ping;
    ping.watchdog = true;
    scenario.start("web").executes("web").advance(900ms).notifies("web", ping).advance(900ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.advance(100ms);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-watchdog");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 6 cgroup"));
    scenario.killed("web", SIGABRT);
    EXPECT_EQ(scenario.result("web"), UnitResult::watchdog);
}

TEST(ServiceWatchdog, EndsWithTheProcessOfAUnitThatRemains) {
    UnitSpec web = service("web");
    web.settings().watchdog = 1s;
    web.settings().remain_after_exit = true;
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web").advance(10s);
    EXPECT_EQ(scenario.state("web"), "active/exited");
}

TEST(ManagerDeath, LosesNoServiceAndNoDeadline) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 5s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").advance(2s).take_log();
    scenario.manager_dies();
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.advance(2999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 9 cgroup"));
    scenario.killed("web", SIGKILL);
    EXPECT_THAT(scenario.take_log(), Contains("job web.service done"));
}

TEST(ManagerDeath, KeepsRestartCountersAndTheRestartDelay) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 500ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1).manager_dies();
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.advance(500ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").restarts, 1u);
}

TEST(ServiceStart, WhoIsNamedAsMainProcessInVainIsRememberedInThisLife) {
    auto web = service("web");
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    Notification named;
    named.main_pid = 1;
    named.ready = true;
    scenario.start("web").notifies("web", named).main_process_is_not_found("web");
    EXPECT_EQ(scenario.status("web").refused_main.pid, 1);
    EXPECT_EQ(scenario.status("web").refused_main.why, "there is none");
    scenario.stop("web").killed("web", SIGTERM).start("web");
    EXPECT_EQ(scenario.status("web").refused_main.pid, 0);
}

}  // namespace
}  // namespace svcd::test
