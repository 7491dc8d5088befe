// Reloads that go another way: the main process changes, or ends, or asks for a stop meanwhile.
#include <gmock/gmock.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

UnitSpec forking_with_pid_file() {
    UnitSpec web = service("web");
    web.type(ServiceType::forking).command(CommandRole::reload, "/bin/upgrade");
    web.settings().pid_file = "/run/web.pid";
    return web;
}

UnitSpec notifying() {
    UnitSpec web = service("web");
    web.type(ServiceType::notify).command(CommandRole::reload, "/bin/upgrade");
    web.settings().notify_access = NotifyAccess::all;
    return web;
}

Notification naming(Pid pid) {
    Notification message;
    message.sender = pid;
    message.main_pid = pid;
    return message;
}

Scenario started_forking() {
    Scenario scenario = with(forking_with_pid_file());
    scenario.start("web").stray("web").exits("web", 0, ProcessRole::control);
    scenario.main_process_is("web", 500);
    return scenario;
}

TEST(ReloadWithSuccessor, OfAForkingServiceIsTakenFromThePidFileWhenTheCommandEnds) {
    Scenario it = started_forking();
    ASSERT_EQ(it.state("web"), "active/running");
    it.ask(JobVerb::reload, "web").exits("web");
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.exits("web", 0, ProcessRole::control).main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.status("web").main.pid, 501);
    EXPECT_THAT(it.take_log(), Contains("job web.service done"));
}

TEST(ReloadWithSuccessor, IsTakenAlsoWhenTheOldMainProcessEndsBadly) {
    Scenario it = started_forking();
    it.ask(JobVerb::reload, "web").killed("web", SIGKILL);
    it.exits("web", 0, ProcessRole::control).main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.result("web"), UnitResult::success);
}

TEST(ReloadWithSuccessor, IsTakenAlsoByAnotherManager) {
    Scenario it = started_forking();
    it.ask(JobVerb::reload, "web").exits("web").manager_dies();
    it.exits("web", 0, ProcessRole::control).main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(ReloadWithSuccessor, ThatDoesNotComeEndsTheServiceAndFailsTheReload) {
    Scenario it = started_forking();
    it.ask(JobVerb::reload, "web").killed("web", SIGKILL).take_log();
    it.exits("web", 0, ProcessRole::control).main_process_is_not_found("web");
    EXPECT_THAT(it.take_log(), Contains("job web.service failed"));
    it.stray("web", false);
    EXPECT_EQ(it.state("web"), "failed/failed");
    EXPECT_EQ(it.result("web"), UnitResult::signal);
}

TEST(ReloadWithSuccessor, OfANotifyServiceIsTheOneThatItNamed) {
    Scenario it = with(notifying());
    it.start("web").ready("web").stray("web").ask(JobVerb::reload, "web");
    it.notifies("web", naming(501)).main_process_is_not_found("web");  // its parent is still there
    it.exits("web").exits("web", 0, ProcessRole::control).main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.status("web").main.pid, 501);
}

TEST(ReloadWithSuccessor, MayNameItselfOnceTheOldMainProcessIsGone) {
    Scenario it = with(notifying());
    it.start("web").ready("web").stray("web").ask(JobVerb::reload, "web").exits("web");
    it.notifies("web", naming(501)).main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.exits("web", 0, ProcessRole::control);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.status("web").main.pid, 501);
}

TEST(ReloadWithSuccessor, IsWaitedForWhileItIsLookedAt) {
    Scenario it = with(notifying());
    it.start("web").ready("web").stray("web").ask(JobVerb::reload, "web").exits("web");
    it.notifies("web", naming(501)).exits("web", 0, ProcessRole::control);
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.main_process_is("web", 501);
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(ReloadWithSuccessor, OfANotifyReloadServiceAnswersTheReload) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify_reload);
    web.settings().notify_access = NotifyAccess::all;
    Scenario it = with(std::move(web));
    it.start("web").ready("web").stray("web").ask(JobVerb::reload, "web");
    it.notifies("web", naming(501)).main_process_is_not_found("web");
    it.exits("web").main_process_is("web", 501);
    Notification reloading;
    reloading.reloading = true;
    reloading.monotonic = it.now();
    it.notifies("web", reloading).ready("web");
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(Reload, ThatEndsTheServiceHasFailed) {
    UnitSpec web = service("web");
    web.command(CommandRole::reload, "/bin/reload");
    Scenario it = with(std::move(web));
    it.start("web").ask(JobVerb::reload, "web").killed("web", SIGHUP).take_log();
    it.exits("web", 0, ProcessRole::control);
    EXPECT_THAT(it.take_log(), Contains("job web.service failed"));
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

// ── STOPPING=1

TEST(StoppingInAReload, IsTakenBackByReady) {
    Scenario it = with(notifying());
    it.start("web").ready("web").ask(JobVerb::reload, "web");
    Notification stopping;
    stopping.stopping = true;
    it.notifies("web", stopping).ready("web").exits("web", 0, ProcessRole::control);
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(StoppingInAReload, IsAStopWhenNothingTakesItBack) {
    Scenario it = with(notifying());
    it.start("web").ready("web").ask(JobVerb::reload, "web");
    Notification stopping;
    stopping.stopping = true;
    it.notifies("web", stopping).exits("web", 0, ProcessRole::control);
    EXPECT_EQ(it.state("web"), "deactivating/stop-sigterm");
}

TEST(StoppingOutsideAReload, IsAStopWhateverFollows) {
    Scenario it = with(notifying());
    Notification stopping;
    stopping.stopping = true;
    it.start("web").ready("web").notifies("web", stopping).ready("web");
    EXPECT_EQ(it.state("web"), "deactivating/stop-sigterm");
}

// ── the PID file

TEST(PidFile, IsRemovedAfterEveryEndAlsoBeforeARestart) {
    UnitSpec web = forking_with_pid_file();
    web.restart(RestartPolicy::always, 100ms);
    Scenario it = with(std::move(web));
    it.start("web").stray("web").exits("web", 0, ProcessRole::control).main_process_is("web", 500);
    it.take_log();
    it.killed("web", SIGKILL).main_process_is_not_found("web");
    EXPECT_THAT(it.take_log(), Not(Contains("remove PID file of web.service")));
    it.stray("web", false);
    EXPECT_EQ(it.state("web"), "activating/auto-restart");
    EXPECT_THAT(it.take_log(), Contains("remove PID file of web.service"));
}

// ── a reload by a signal that the program has no use for

constexpr std::uint64_t bit(int signal) {
    return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
}

UnitSpec reloaded_by(std::vector<std::string> argv) {
    UnitSpec web = service("web");
    Command command;
    command.role = CommandRole::reload;
    command.path = argv.front();
    command.argv = std::move(argv);
    web.settings().commands.push_back(std::move(command));
    return web;
}

Scenario& ask_with(Scenario& it, std::uint64_t taken, bool force = false) {
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *it.supervisor().find("web.service");
    request.verb = JobVerb::reload;
    request.requester.pid = 1;
    request.force = force;
    request.main_takes = {{request.unit, taken}};
    return it.happens(request);
}

TEST(ReloadBySignal, IsRefusedWhenTheProgramWouldEndOfIt) {
    const std::vector<std::vector<std::string>> spellings{
        {"/bin/kill", "-HUP", "$MAINPID"},       {"kill", "-1", "${MAINPID}"},
        {"/bin/kill", "-s", "HUP", "$MAINPID"},  {"/bin/kill", "-s", "SIGHUP", "--", "$MAINPID"},
        {"kill", "--signal=HUP", "$MAINPID"},    {"kill", "-SIGHUP", "$MAINPID"},
        {"kill", "--signal", "hup", "$MAINPID"},
    };
    for (const auto& argv : spellings) {
        Scenario it = with(reloaded_by(argv));
        it.start("web").advance(1s);
        ask_with(it, bit(SIGTERM));
        ASSERT_TRUE(it.last_reply().refusal.has_value()) << testing::PrintToString(argv);
        EXPECT_EQ(it.last_reply().refusal->kind, RefusalKind::reload_would_end);
        EXPECT_THAT(it.last_reply().refusal->message, HasSubstr("SIGHUP"));
        EXPECT_EQ(it.state("web"), "active/running");
        ask_with(it, bit(SIGHUP));
        EXPECT_EQ(it.state("web"), "reloading/reload");
    }
}

TEST(ReloadBySignal, IsSentWithForceOrInTheFirstSecondOrWhenOtherCommandsMatter) {
    Scenario forced = with(reloaded_by({"kill", "-HUP", "$MAINPID"}));
    forced.start("web").advance(1s);
    EXPECT_EQ(ask_with(forced, 0, true).state("web"), "reloading/reload");
    Scenario early = with(reloaded_by({"kill", "-HUP", "$MAINPID"}));
    early.start("web").advance(999ms);
    EXPECT_EQ(ask_with(early, 0).state("web"), "reloading/reload");
    for (const std::vector<std::string>& argv : std::vector<std::vector<std::string>>{
             {"kill", "-WINCH", "$MAINPID"}, {"kill", "-HUP", "1"}, {"/bin/reload", "$MAINPID"}}) {
        Scenario other = with(reloaded_by(argv));
        other.start("web").advance(1s);
        EXPECT_EQ(ask_with(other, 0).state("web"), "reloading/reload");
    }
    UnitSpec two = reloaded_by({"/bin/check", "config"});
    two.settings().commands.push_back(
        reloaded_by({"kill", "-HUP", "$MAINPID"}).settings().commands.back());
    Scenario second = with(std::move(two));
    second.start("web").advance(1s);
    EXPECT_EQ(ask_with(second, 0).state("web"), "reloading/reload");
}

TEST(ReloadBySignal, OfANotifyReloadServiceIsLookedAtToo) {
    UnitSpec web = service("web");
    web.type(ServiceType::notify_reload);
    web.settings().reload_signal = SIGUSR1;
    Scenario it = with(std::move(web));
    it.start("web").ready("web").advance(1s);
    EXPECT_TRUE(ask_with(it, bit(SIGHUP)).last_reply().refusal.has_value());
    EXPECT_EQ(ask_with(it, bit(SIGUSR1)).state("web"), "reloading/reload-signal");
}

// ── a reload by a signal: its effect comes after the end of the command that sends it

Scenario signalled() {
    UnitSpec web = reloaded_by({"/bin/kill", "-HUP", "$MAINPID"});
    web.settings().notify_access = NotifyAccess::all;
    Scenario it = with(std::move(web));
    it.start("web").stray("web").ask(JobVerb::reload, "web").take_log();
    it.exits("web", 0, ProcessRole::control);
    return it;
}

TEST(EffectOfAReload, IsWaitedForAMoment) {
    Scenario it = signalled();
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.advance(249ms);
    EXPECT_THAT(it.take_log(), Not(Contains("job web.service done")));
    it.advance(1ms);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_THAT(it.take_log(), Contains("job web.service done"));
}

TEST(EffectOfAReload, ThatEndsTheServiceHasFailedAtOnce) {
    Scenario it = signalled();
    it.advance(100ms).exits("web");
    EXPECT_THAT(it.take_log(), Contains("job web.service failed"));
    it.stray("web", false);
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(EffectOfAReload, IsJudgedByAnotherManagerToo) {
    Scenario it = signalled();
    it.advance(100ms).manager_dies().exits("web");
    EXPECT_THAT(it.take_log(), Contains("job web.service failed"));
    Scenario other = signalled();
    other.advance(100ms).manager_dies().advance(150ms);
    EXPECT_EQ(other.state("web"), "active/running");
}

TEST(EffectOfAReload, IsWaitedForAlsoWhenASignalIsTheLastOfSeveralCommands) {
    UnitSpec web = service("web");
    web.command(CommandRole::reload, "/bin/check");
    web.settings().commands.push_back(
        reloaded_by({"kill", "-HUP", "$MAINPID"}).settings().commands.back());
    Scenario it = with(std::move(web));
    it.start("web").ask(JobVerb::reload, "web").exits("web", 0, ProcessRole::control);
    it.exits("web", 0, ProcessRole::control);
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.advance(250ms);
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(EffectOfAReload, IsNotWaitedForAfterAnotherProgramOrOneThatFailed) {
    UnitSpec plain = service("web");
    plain.command(CommandRole::reload, "/bin/reload");
    Scenario other = with(std::move(plain));
    other.start("web").ask(JobVerb::reload, "web").exits("web", 0, ProcessRole::control);
    EXPECT_EQ(other.state("web"), "active/running");
    Scenario failed = with(reloaded_by({"kill", "-HUP", "$MAINPID"}));
    failed.start("web").ask(JobVerb::reload, "web").take_log();
    failed.exits("web", 1, ProcessRole::control);
    EXPECT_EQ(failed.state("web"), "active/running");
    EXPECT_THAT(failed.take_log(), Contains("job web.service failed"));
}

TEST(EffectOfAReload, IsOverWhenTheServiceSaysSo) {
    Scenario it = signalled();
    Notification reloading;
    reloading.reloading = true;
    it.notifies("web", reloading).advance(1s);
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.ready("web");
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_THAT(it.take_log(), Contains("job web.service done"));
    Scenario ready = signalled();
    ready.ready("web");
    EXPECT_EQ(ready.state("web"), "active/running");
}

TEST(EffectOfAReload, MayBeASuccessorThatIsThenLookedFor) {
    Scenario it = signalled();
    it.notifies("web", naming(501)).main_process_is_not_found("web");
    it.exits("web").advance(1s);
    EXPECT_EQ(it.state("web"), "reloading/reload");
    it.main_process_is("web", 501).advance(250ms);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.status("web").main.pid, 501);
}

TEST(EffectOfAReload, IsNotWaitedForByAStop) {
    Scenario it = signalled();
    it.stop("web");
    EXPECT_EQ(it.state("web"), "deactivating/stop-sigterm");
}

// ── a reload that a stop hook asks for

TEST(ReloadByAStopHook, DoesNotWaitForTheStopThatItIsPartOf) {
    UnitSpec proxy = service("proxy");
    proxy.command(CommandRole::reload, "/bin/reload-proxy");
    UnitSpec web = service("web");
    web.after("proxy.service").command(CommandRole::stop, "/bin/leave-proxy");
    Scenario it = with(std::move(proxy), std::move(web));
    it.start("proxy").start("web").stop("web");
    ASSERT_EQ(it.state("web"), "deactivating/stop");
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *it.supervisor().find("proxy.service");
    request.verb = JobVerb::reload;
    request.requester.pid = 77;
    it.happens(request);
    EXPECT_EQ(it.state("proxy"), "active/running");  // somebody else's waits
    request.requester.unit = it.supervisor().find("web.service");
    it.happens(request);
    EXPECT_EQ(it.state("proxy"), "reloading/reload");
}

/// web is after proxy, both are to be stopped, and web's ExecStop runs.
Scenario stopping_both() {
    UnitSpec proxy = service("proxy");
    proxy.command(CommandRole::reload, "/bin/reload-proxy");
    UnitSpec web = service("web");
    web.after("proxy.service").command(CommandRole::stop, "/bin/leave-proxy");
    UnitSpec user = service("user");
    user.requires_("proxy.service");
    UnitSpec friend_of_proxy = service("friend");
    friend_of_proxy.wants("proxy.service");
    Scenario it =
        with(std::move(proxy), std::move(web), std::move(user), std::move(friend_of_proxy));
    it.ask_all(JobVerb::start, {"proxy", "web"}).ask_all(JobVerb::stop, {"web", "proxy"});
    return it;
}

Scenario& ask_from_web(Scenario& it, JobVerb verb, const std::string& unit) {
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *it.supervisor().find(unit + ".service");
    request.verb = verb;
    request.requester.pid = 77;
    request.requester.unit = it.supervisor().find("web.service");
    return it.happens(request);
}

TEST(ReloadByAStopHook, DoesNotUndoAStopThatWaits) {
    for (const auto& [verb, unit] : std::vector<std::pair<JobVerb, std::string>>{
             {JobVerb::reload, "proxy"}, {JobVerb::restart, "proxy"}, {JobVerb::start, "user"}}) {
        Scenario it = stopping_both();
        ASSERT_EQ(it.state("web"), "deactivating/stop");
        ASSERT_EQ(it.state("proxy"), "active/running");
        ask_from_web(it, verb, unit);
        ASSERT_TRUE(it.last_reply().refusal.has_value()) << unit;
        EXPECT_THAT(it.last_reply().refusal->message, HasSubstr("a process of web.service"));
        it.exits("web", 0, ProcessRole::control).killed("web", SIGTERM);
        EXPECT_EQ(it.state("proxy"), "deactivating/stop-sigterm");
        it.killed("proxy", SIGTERM);
        EXPECT_EQ(it.state("proxy"), "inactive/dead");
    }
}

TEST(ReloadByAStopHook, GoesOnWithoutWhatItOnlyWishesFor) {
    Scenario it = stopping_both();
    ask_from_web(it, JobVerb::start, "friend");
    EXPECT_FALSE(it.last_reply().refusal.has_value());
    EXPECT_EQ(it.state("friend"), "active/running");
    it.exits("web", 0, ProcessRole::control).killed("web", SIGTERM);
    EXPECT_EQ(it.state("proxy"), "deactivating/stop-sigterm");
}

TEST(CancelledJob, OfAnotherRequestIsToldWithWhoAskedForIt) {
    Scenario it = stopping_both();
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *it.supervisor().find("proxy.service");
    request.requester.pid = 4711;
    request.requester.command = "svctl start proxy";
    it.happens(request);
    EXPECT_FALSE(it.last_reply().refusal.has_value());
    EXPECT_THAT(it.said(), Contains(HasSubstr("is cancelled: a start was asked for meanwhile, by "
                                              "PID 4711 of uid 0 ('svctl start proxy')")));
}

// ── the main process is moved to another cgroup

TEST(MovedMainProcess, IsFollowedAndReachedByAStop) {
    Scenario it = with(service("web"));
    it.start("web");
    CgroupEmptied emptied;
    emptied.unit = *it.supervisor().find("web.service");
    emptied.moved = static_cast<Token>(it.supervisor().record(emptied.unit).main.token);
    it.happens(emptied).advance(5s).happens(emptied);
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(std::count_if(it.said().begin(), it.said().end(),
                            [](const std::string& text) {
                                return text.find("another cgroup") != std::string::npos;
                            }),
              1);
    const auto is_told = testing::ElementsAre(
        HasSubstr("has been moved to another cgroup: a stop still reaches it"));
    EXPECT_THAT(it.status("web").exec_warnings, is_told);
    it.manager_dies().take_log();
    EXPECT_THAT(it.status("web").exec_warnings, is_told);
    it.stop("web");
    EXPECT_THAT(it.take_log(), Contains("signal web.service 15 cgroup"));
    it.killed("web", SIGTERM);
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

// ── the cgroup is empty, and how the main process has ended is not known yet

CgroupEmptied emptied_cgroup_of(Scenario& it, bool exit_is_to_come) {
    CgroupEmptied emptied;
    emptied.unit = *it.supervisor().find("web.service");
    emptied.exit_is_to_come = exit_is_to_come;
    return emptied;
}

TEST(UnreadExit, IsWaitedForAsLongAsItIsCertainToCome) {
    Scenario it = with(service("web"));
    it.start("web").stop("web");
    for (int second = 0; second < 8; ++second) {
        it.happens(emptied_cgroup_of(it, true)).advance(1s);
        it.happens(emptied_cgroup_of(it, true));
        ASSERT_EQ(it.state("web"), "deactivating/stop-sigterm");
    }
    it.killed("web", SIGTERM);
    EXPECT_EQ(it.state("web"), "inactive/dead");
    EXPECT_EQ(it.result("web"), UnitResult::success);
    EXPECT_EQ(it.status("web").main.code, ExitCode::killed);
}

TEST(UnreadExit, IsGivenUpAtASecondLookThatFindsNoTraceOfIt) {
    Scenario it = with(service("web"));
    it.start("web").happens(emptied_cgroup_of(it, true)).advance(1s);
    EXPECT_EQ(it.state("web"), "active/running");
    it.happens(emptied_cgroup_of(it, false));
    EXPECT_EQ(it.result("web"), UnitResult::exit_unknown);
}

}  // namespace
}  // namespace svcd::test
