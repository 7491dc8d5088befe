// What the less common settings of a service change.
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

constexpr auto kControl = ProcessRole::control;

UnitSpec of_type(const std::string& name, ServiceType type) {
    UnitSpec spec = service(name);
    spec.type(type);
    return spec;
}

// ── Type

TEST(TypeIdle, IsActiveAtOnceAndStartsOnceNoJobIsLeft) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late");
    EXPECT_EQ(scenario.state("late"), "active/running");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow"));
    scenario.ready("slow");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow", "/bin/late"));
    scenario.exits("late");
    EXPECT_EQ(scenario.state("late"), "inactive/dead");
}

TEST(TypeIdle, WaitsFiveSecondsAtMost) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late").advance(4999ms);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow"));
    scenario.advance(1ms);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow", "/bin/late"));
}

TEST(TypeIdle, StoppedBeforeItsProcessIsNeverStarted) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late").stop("late");
    EXPECT_EQ(scenario.state("late"), "inactive/dead");
    scenario.ready("slow").advance(10s);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow"));
}

TEST(TypeIdle, IsNotForgottenWhenTheManagerDies) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late").manager_dies();
    EXPECT_EQ(scenario.state("late"), "active/running");
    scenario.ready("slow");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow", "/bin/late"));
}

TEST(TypeIdle, ThatIsForgottenWhileItWaitsIsNoHarm) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late").stop("late");
    scenario.load(list(of_type("slow", ServiceType::notify)));
    scenario.ready("slow");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow"));
}

TEST(TypeIdle, WaitsFiveSecondsAlsoWhenTheManagerDies) {
    Scenario scenario =
        with(of_type("late", ServiceType::idle), of_type("slow", ServiceType::notify));
    scenario.start("slow").start("late").manager_dies().advance(5001ms);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/slow", "/bin/late"));
}

TEST(Definition, ThatComesDuringTheStopOfARestartIsTheOneThatStarts) {
    Scenario scenario = with(service("web"));
    scenario.start("web").ask(JobVerb::restart, "web");
    UnitSpec changed{"web.service"};
    changed.command(CommandRole::start, "/bin/new");
    scenario.load(list(std::move(changed)));
    scenario.killed("web", SIGTERM);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/web", "/bin/new"));
}

TEST(Definition, OfTypeDbusForARunningServiceDoesNotEndIt) {
    Scenario scenario = with(service("web"));
    scenario.start("web").take_log();
    UnitSpec changed = of_type("web", ServiceType::dbus);
    changed.command(CommandRole::reload, "/bin/reload").rarely([](RareServiceSettings& rare) {
        rare.bus_name = "org.example.Web";
    });
    scenario.load(list(std::move(changed)));
    EXPECT_THAT(scenario.take_log(), Contains("watch name web.service"));
    scenario.ask(JobVerb::reload, "web").exits("web", 0, kControl);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(MainPid, OfASuccessorIsTakenOnceItsParentHasEnded) {
    UnitSpec web = of_type("web", ServiceType::notify);
    web.settings().notify_access = NotifyAccess::all;
    Scenario scenario = with(std::move(web));
    scenario.start("web").ready("web").stray("web");
    Notification successor;
    successor.main_pid = 4711;
    scenario.notifies("web", successor).main_process_is_not_found("web");
    scenario.exits("web").main_process_is("web", 4711);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").main.pid, 4711);
}

TEST(MainPid, OfASuccessorThatIsGoneLeavesTheEndAsItWas) {
    UnitSpec web = of_type("web", ServiceType::notify);
    web.settings().notify_access = NotifyAccess::all;
    Scenario scenario = with(std::move(web));
    scenario.start("web").ready("web").stray("web");
    Notification successor;
    successor.main_pid = 4711;
    scenario.notifies("web", successor).main_process_is_not_found("web");
    scenario.exits("web", 3).main_process_is_not_found("web");
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    EXPECT_EQ(scenario.result("web"), UnitResult::exit_code);
}

BusNameChanged name_of_bus(Scenario& scenario, const std::string& unit, bool has_owner) {
    return BusNameChanged{*scenario.supervisor().find(unit + ".service"), has_owner, 0};
}

TEST(TypeDbus, IsActiveOnceItsNameHasAnOwnerAndEndsWithIt) {
    Scenario scenario = with(of_type("bus", ServiceType::dbus));
    scenario.start("bus");
    EXPECT_EQ(scenario.state("bus"), "activating/start");
    EXPECT_THAT(scenario.take_log(), Contains("watch name bus.service"));
    scenario.happens(name_of_bus(scenario, "bus", true));
    EXPECT_EQ(scenario.state("bus"), "active/running");
    scenario.happens(name_of_bus(scenario, "bus", false));
    EXPECT_EQ(scenario.state("bus"), "deactivating/stop-sigterm");
    scenario.killed("bus", SIGTERM);
    EXPECT_EQ(scenario.state("bus"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), Contains("unwatch name bus.service"));
}

TEST(TypeDbus, WithoutItsNameTimesOut) {
    UnitSpec bus = of_type("bus", ServiceType::dbus);
    bus.settings().timeout_start = 3s;
    Scenario scenario = with(std::move(bus));
    scenario.start("bus").executes("bus").advance(3s).killed("bus", SIGTERM);
    EXPECT_EQ(scenario.result("bus"), UnitResult::timeout);
}

TEST(TypeNotifyReload, SignalsAndWaitsForTheAnswerToThisReload) {
    Scenario scenario = with(of_type("web", ServiceType::notify_reload));
    scenario.start("web").ready("web").take_log();
    scenario.advance(1s).ask(JobVerb::reload, "web");
    EXPECT_EQ(scenario.state("web"), "reloading/reload-signal");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 1 main"));
    Notification stale;
    stale.reloading = true;
    stale.monotonic = scenario.now() - 1ms;
    scenario.notifies("web", stale);
    EXPECT_EQ(scenario.state("web"), "reloading/reload-signal");
    scenario.ready("web");
    EXPECT_EQ(scenario.state("web"), "reloading/reload-signal");
    Notification reloading;
    reloading.reloading = true;
    reloading.monotonic = scenario.now() + 1ms;
    scenario.advance(2ms).notifies("web", reloading);
    EXPECT_EQ(scenario.state("web"), "reloading/reload-notify");
    scenario.ready("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service done"));
}

TEST(TypeNotifyReload, ThatDoesNotAnswerFailsTheReloadAndGoesOn) {
    UnitSpec web = of_type("web", ServiceType::notify_reload);
    web.settings().timeout_start = 3s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").ready("web").ask(JobVerb::reload, "web").take_log();
    scenario.advance(3s);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service failed"));
}

TEST(TypeForking, WithoutGuessMainPidIsKnownByItsCgroup) {
    UnitSpec daemon = of_type("daemon", ServiceType::forking);
    daemon.settings().guess_main_pid = false;
    Scenario scenario = with(std::move(daemon));
    scenario.stray("daemon").start("daemon").exits("daemon", 0, kControl);
    EXPECT_EQ(scenario.state("daemon"), "active/running");
    EXPECT_THAT(scenario.take_log(), Not(Contains("identify daemon.service")));
    scenario.stray("daemon", false);
    EXPECT_EQ(scenario.state("daemon"), "inactive/dead");
}

TEST(ExitType, CgroupOutlivesTheMainProcess) {
    UnitSpec app = service("app");
    app.settings().exit_type = ExitType::cgroup;
    Scenario scenario = with(std::move(app));
    scenario.start("app").stray("app").exits("app");
    EXPECT_EQ(scenario.state("app"), "active/running");
    scenario.stray("app", false);
    EXPECT_EQ(scenario.state("app"), "inactive/dead");
}

// ── who may notify

TEST(NotifyAccess, IsForTheMainProcessUnlessSaidOtherwise) {
    UnitSpec web = of_type("web", ServiceType::notify);
    web.command(CommandRole::start_pre, "/bin/pre");
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 0, kControl);
    Notification ready;
    ready.ready = true;
    ready.sender = 9999;
    scenario.notifies("web", ready);
    EXPECT_EQ(scenario.state("web"), "activating/start");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("NotifyAccess")));
    scenario.ready("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(NotifyAccess, AllTakesItFromAnyOfItsProcesses) {
    UnitSpec web = of_type("web", ServiceType::notify);
    web.settings().notify_access = NotifyAccess::all;
    Scenario scenario = with(std::move(web));
    Notification ready;
    ready.ready = true;
    ready.sender = 9999;
    scenario.start("web").notifies("web", ready);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

// ── time

TEST(RuntimeMaxSec, StopsAServiceThatHasRunForSoLong) {
    UnitSpec job = service("job");
    job.settings().runtime_max = 10s;
    Scenario scenario = with(std::move(job));
    scenario.start("job").executes("job").advance(9999ms);
    EXPECT_EQ(scenario.state("job"), "active/running");
    scenario.advance(1ms);
    EXPECT_EQ(scenario.state("job"), "deactivating/stop-sigterm");
    scenario.killed("job", SIGTERM);
    EXPECT_EQ(scenario.result("job"), UnitResult::timeout);
}

TEST(TimeoutStartFailureMode, KillSendsNoOtherSignal) {
    UnitSpec web = of_type("web", ServiceType::notify);
    web.settings().timeout_start = 2s;
    web.settings().timeout_start_failure_mode = TimeoutFailureMode::kill;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").take_log();
    scenario.advance(2s);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-sigkill");
}

TEST(TimeoutStopFailureMode, AbortGivesTimeForACoreDump) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 2s;
    web.settings().timeout_abort = 7s;
    web.settings().watchdog_signal = SIGQUIT;
    web.settings().timeout_stop_failure_mode = TimeoutFailureMode::abort;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").stop("web").take_log();
    scenario.advance(2s);
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 3 cgroup"));
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-watchdog");
    scenario.advance(6999ms);
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    scenario.advance(1ms);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 9 cgroup"));
}

TEST(TimeoutStopFailureMode, AbortInExecStopPost) {
    UnitSpec web = service("web");
    web.settings().timeout_stop = 3s;
    web.settings().timeout_stop_failure_mode = TimeoutFailureMode::abort;
    web.command(CommandRole::stop_post, "/bin/post");
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web").advance(2s);
    EXPECT_EQ(scenario.state("web"), "deactivating/final-watchdog");
    scenario.killed("web", SIGABRT, kControl);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

// ── signals

TEST(RestartKillSignal, IsForARestartOnly) {
    UnitSpec web = service("web");
    web.settings().restart_kill_signal = SIGUSR1;
    Scenario scenario = with(std::move(web));
    scenario.start("web").take_log();
    scenario.ask(JobVerb::restart, "web");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 10 cgroup"));
    scenario.killed("web", SIGUSR1).take_log();
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.stop("web");
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
}

TEST(SendSighup, FollowsTheStopSignal) {
    UnitSpec shell = service("shell");
    shell.settings().send_sighup = true;
    Scenario scenario = with(std::move(shell));
    scenario.start("shell").take_log();
    scenario.stop("shell");
    EXPECT_THAT(scenario.take_log(), Contains("signal shell.service 15 cgroup and SIGHUP"));
}

TEST(OomPolicy, DecidesWhatFollowsAKillByTheKernel) {
    for (const auto& [policy, state] : {std::pair{OomPolicy::continue_, "active/running"},
                                        std::pair{OomPolicy::stop, "deactivating/stop-sigterm"},
                                        std::pair{OomPolicy::kill, "deactivating/stop-sigkill"}}) {
        UnitSpec web = service("web");
        web.settings().oom_policy = policy;
        Scenario scenario = with(std::move(web));
        scenario.start("web");
        scenario.happens(OomKilled{*scenario.supervisor().find("web.service")});
        EXPECT_EQ(scenario.state("web"), state);
        if (policy != OomPolicy::continue_) {
            scenario.killed("web", SIGKILL);
            EXPECT_EQ(scenario.result("web"), UnitResult::oom_kill);
        }
    }
}

// ── restarts

TEST(RestartPreventExitStatus, KeepsItDown) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always).rarely([](RareServiceSettings& rare) {
        rare.restart_prevent_exit_status.statuses.set(3);
        rare.restart_prevent_exit_status.signals.set(SIGUSR2);
    });
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 3);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    scenario.start("web").killed("web", SIGUSR2);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    scenario.start("web").exits("web", 4);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
}

TEST(RestartForceExitStatus, RestartsWhateverRestartSays) {
    UnitSpec web = service("web");
    web.rarely([](RareServiceSettings& rare) { rare.restart_force_exit_status.statuses.set(9); });
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 9);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
}

UnitSpec backing_off() {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1s);
    web.settings().restart_steps = 4;
    web.settings().restart_max_delay = 16s;
    web.definition().start_limit_interval = Duration{0};
    return web;
}

TEST(RestartSteps, LeadGeometricallyToTheLongestDelay) {
    Scenario scenario = with(backing_off());
    scenario.start("web");
    for (const Duration delay :
         {Duration{1s}, Duration{2s}, Duration{4s}, Duration{8s}, Duration{16s}, Duration{16s}}) {
        scenario.exits("web", 1).advance(delay - Duration{1000});
        EXPECT_EQ(scenario.state("web"), "activating/auto-restart") << delay.count();
        scenario.advance(Duration{2000});
        EXPECT_EQ(scenario.state("web"), "active/running") << delay.count();
    }
}

TEST(RestartSteps, BeginAnewAfterItRanWellAndForAPerson) {
    Scenario scenario = with(backing_off());
    scenario.start("web").exits("web", 1).advance(1s).exits("web", 1).advance(2s);
    scenario.advance(30s).exits("web", 1).advance(1001ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.exits("web", 1).start("web").exits("web", 1).advance(1001ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(RestartSteps, AreKeptWhenTheManagerDies) {
    Scenario scenario = with(backing_off());
    scenario.start("web").exits("web", 1).advance(1s).exits("web", 1).manager_dies().advance(1s);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.advance(1001ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(SuccessExitStatus, CountsForControlProcessesToo) {
    UnitSpec web = service("web");
    web.command(CommandRole::start_pre, "/bin/pre").rarely([](RareServiceSettings& rare) {
        rare.success_exit_status.statuses.set(75);
    });
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 75, kControl);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

}  // namespace
}  // namespace svcd::test
