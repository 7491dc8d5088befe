// The built svctl against a daemon that behaves as svcd does: verbs, exit statuses, what is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "svctl_fixture.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Svctl, IsActiveTellsByExitStatusAndWord) {
    const Outcome active = run({"is-active", "web"});
    EXPECT_EQ(active.status, 0);
    EXPECT_EQ(active.out, "active\n");
    const Outcome inactive = run({"is-active", "db"});
    EXPECT_EQ(inactive.status, 3);
    EXPECT_EQ(inactive.out, "inactive\n");
    EXPECT_EQ(run({"is-active", "-q", "web"}).out, "");
}

TEST_F(Svctl, AnUnknownUnitIsFourForEveryVerb) {
    for (const char* verb : {"is-active", "is-failed", "status", "show", "cat", "start", "stop",
                             "restart", "list-dependencies"}) {
        EXPECT_EQ(run({verb, "nosuch"}).status, 4) << verb;
    }
    EXPECT_EQ(run({"status", "gone"}).status, 4);
    EXPECT_EQ(run({"is-active", "gone"}).status, 4);
}

TEST_F(Svctl, TheWorstOfSeveralUnitsCounts) {
    EXPECT_EQ(run({"is-active", "web", "db"}).status, 3);
    EXPECT_EQ(run({"is-active", "db", "nosuch", "web"}).status, 4);
    EXPECT_EQ(run({"start", "db", "broken"}).status, 1);
    EXPECT_EQ(daemon_.unit("db.service").active, "active");
}

TEST_F(Svctl, StartWaitsForTheJobAndCarriesARequestIdAndTheReason) {
    const Outcome outcome = run({"start", "db", "--reason=deploy 42"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(daemon_.unit("db.service").active, "active");
    ASSERT_EQ(daemon_.requests().size(), 1U);
    FakeRequest request = daemon_.requests()[0];
    EXPECT_EQ(request.verb, "start");
    EXPECT_EQ(request.mode, "replace");
    EXPECT_EQ(request.options["reason"], "deploy 42");
    EXPECT_EQ(request.options["request_id"].size(), 32U);
}

TEST_F(Svctl, SaysThatAUnitIsInThatStateAlready) {
    const Outcome outcome = run({"start", "web"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "web.service is already active\n");
    EXPECT_EQ(run({"stop", "db"}).out, "db.service is already inactive\n");
    EXPECT_EQ(run({"-q", "stop", "db"}).out, "");
}

TEST_F(Svctl, AFailedStartSaysWhyInWords) {
    const std::string log = bus_.folder() + "/current";
    std::ofstream{log} << "one\nlast words\n";
    const Outcome outcome = run({"start", "broken"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err,
                AllOf(StartsWith("error: broken.service failed to start: its main process exited "
                                 "with status 203 (its own; or svcd's, which then means: the "
                                 "executable could not be run)\n"),
                      HasSubstr("state: failed (failed), Result=exit-code"),
                      HasSubstr("svctl status broken.service")));
}

TEST_F(Svctl, AFailedDependencyIsNamed) {
    const Outcome outcome = run({"start", "needs-broken"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("a unit that it depends on failed (broken.service is "
                                       "failed: its main process exited with status 203"));
    EXPECT_THAT(outcome.err, HasSubstr("'svctl status broken.service' shows more"));
}

TEST_F(Svctl, TheDependencyThatFailedIsNamedThroughThoseThatOnlyWaitedForIt) {
    const Outcome outcome = run({"start", "needs-needs-broken"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err,
                HasSubstr("a unit that it depends on failed (needs-broken.service is inactive, "
                          "since broken.service is failed: its main process"));
    EXPECT_THAT(outcome.err, HasSubstr("'svctl status broken.service' shows more"));
}

TEST_F(Svctl, ATimeoutIsSevenAndSaysThatTheJobGoesOn) {
    const Outcome outcome = run({"--timeout=0.05", "start", "slow"});
    EXPECT_EQ(outcome.status, 7);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("goes on"), HasSubstr("svctl cancel 1")));
}

TEST_F(Svctl, NoBlockReturnsWhileTheJobGoesOn) {
    const Outcome outcome = run({"--no-block", "--json", "start", "slow"});
    EXPECT_EQ(outcome.status, 0);
    const auto list = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(list[0]["job"], 1);
    EXPECT_TRUE(list[0]["result"].is_null());
}

TEST_F(Svctl, AStopThatNeededSigkillIsAWarningAndEightWhenStrict) {
    const Outcome lenient = run({"stop", "deaf"});
    EXPECT_EQ(lenient.status, 0);
    EXPECT_THAT(lenient.err, HasSubstr("SIGKILL was needed"));
    EXPECT_EQ(run({"start", "deaf"}).status, 0);
    EXPECT_EQ(run({"stop", "--strict", "deaf"}).status, 8);
}

TEST_F(Svctl, ASigkillThatWasMeantIsNoneThatWasNeeded) {
    const Outcome mixed = run({"stop", "--strict", "mixed"});
    EXPECT_EQ(mixed.status, 0);
    EXPECT_THAT(mixed.out + mixed.err, HasSubstr("as KillMode=mixed says"));
    EXPECT_THAT(mixed.out + mixed.err, Not(HasSubstr("needed")));
}

TEST_F(Svctl, WhatIsLeftOverGotNoSigkill) {
    const Outcome spared = run({"stop", "--strict", "spared"});
    EXPECT_EQ(spared.status, 0);
    EXPECT_THAT(spared.err, HasSubstr("left over: KillMode is none"));
    EXPECT_THAT(spared.err, Not(HasSubstr("SIGKILL")));
}

/// What its record tells is of another stop.
TEST_F(Svctl, ATimeoutWithoutASigkillNeededNone) {
    const Outcome stopped = run({"stop", "--strict", "stubborn"});
    EXPECT_EQ(stopped.status, 0);
    EXPECT_THAT(stopped.err, Not(HasSubstr("SIGKILL")));
}

TEST_F(Svctl, NotPermittedIsSix) {
    const Outcome outcome = run({"start", "forbidden"});
    EXPECT_EQ(outcome.status, 6);
    EXPECT_THAT(outcome.err, HasSubstr("only root may start it"));
}

TEST_F(Svctl, GlobsAreExpandedAndAnEmptyOneFailsWhereSomethingWouldChange) {
    make_file("worker@.service");
    EXPECT_EQ(run({"start", "worker@*"}).status, 0);
    EXPECT_EQ(daemon_.unit("worker@1.service").active, "active");
    EXPECT_EQ(daemon_.unit("worker@2.service").active, "active");
    EXPECT_EQ(run({"stop", "nothing*"}).status, 4);
    EXPECT_EQ(run({"status", "nothing*"}).status, 0);
}

TEST_F(Svctl, RescueEmergencyAndDefaultIsolateTheirTargets) {
    for (const char* verb : {"rescue", "emergency", "default"}) {
        EXPECT_EQ(run({verb}).status, 4) << verb;
    }
    ASSERT_EQ(daemon_.requests().size(), 3U);
    EXPECT_EQ(daemon_.requests()[0].unit, "rescue.target");
    EXPECT_EQ(daemon_.requests()[1].unit, "emergency.target");
    EXPECT_EQ(daemon_.requests()[2].unit, "default.target");
    EXPECT_EQ(daemon_.requests()[2].mode, "isolate");
}

TEST_F(Svctl, ARestartWithAChangedFileTakesADecision) {
    const Outcome undecided = run({"restart", "edited"});
    EXPECT_EQ(undecided.status, 2);
    EXPECT_THAT(undecided.err, AllOf(HasSubstr("has changed since it was loaded"),
                                     HasSubstr("--reload"), HasSubstr("--stale")));
    EXPECT_THAT(daemon_.requests(), IsEmpty());
    EXPECT_EQ(run({"restart", "--stale", "edited"}).status, 0);
    EXPECT_TRUE(daemon_.unit("edited.service").file_changed);
    EXPECT_EQ(run({"restart", "--reload", "--stale", "edited"}).status, 2);
    EXPECT_EQ(run({"restart", "--reload", "edited"}).status, 0);
    EXPECT_FALSE(daemon_.unit("edited.service").file_changed);
    EXPECT_EQ(run({"restart", "edited"}).status, 0);
}

TEST_F(Svctl, ARestartAfterAReloadThatKeptTheOldDefinitionIsNine) {
    daemon_.set_reload_errors({"/etc/edited.service.yaml:3:1: unknown key 'Foo'"});
    const Outcome outcome = run({"restart", "--reload", "edited"});
    EXPECT_EQ(outcome.status, 9);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("unknown key 'Foo'"),
                                   HasSubstr("edited.service keeps its old definition")));
    EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(Svctl, KillCancelAndResetFailedReachTheDaemon) {
    EXPECT_EQ(run({"kill", "-s", "HUP", "--kill-whom=main", "web"}).status, 0);
    EXPECT_EQ(run({"kill", "-9", "web"}).status, 0);
    EXPECT_EQ(run({"kill", "--signal=40", "--value=42", "web"}).status, 0);
    EXPECT_EQ(run({"kill", "-q", "-77", "web"}).status, 2);
    EXPECT_EQ(run({"cancel", "7"}).status, 0);
    EXPECT_EQ(run({"reset-failed", "broken"}).status, 0);
    EXPECT_THAT(daemon_.calls(),
                ElementsAre("KillUnit web.service main 1", "KillUnit web.service all 9",
                            "QueueSignalUnit web.service all 40 42", "CancelJob 7",
                            "ResetFailedUnit broken.service"));
}

TEST_F(Svctl, ExplainTellsTheLastStopOrTheOneThatIsAskedFor) {
    EXPECT_THAT(run({"explain", "web"}).out,
                AllOf(StartsWith("● web.service is up"),
                      HasSubstr("web.service ended without being asked by svcd: its main "
                                "process exited with status 0\n")));
    EXPECT_THAT(run({"explain", "-n", "2", "web"}).out,
                StartsWith("× web.service was stopped in 9 s"));
    const Outcome list = run({"explain", "--all", "web"});
    EXPECT_EQ(std::ranges::count(list.out, '\n'), 2);
    const nlohmann::json json = nlohmann::json::parse(run({"--json", "explain", "web"}).out);
    EXPECT_EQ(json["stops"].size(), 1U);
    EXPECT_EQ(json["stops"][0]["record"]["main_pid"], 5);
    EXPECT_THAT(
        run({"explain", "stubborn"}).out,
        AllOf(StartsWith("● stubborn.service is up"),
              HasSubstr("was being stopped at the shutdown; svcd left before it was down")));
    EXPECT_EQ(run({"explain", "-n", "3", "web"}).status, 1);
    EXPECT_EQ(run({"explain", "nosuch"}).status, 4);
    EXPECT_EQ(run({"explain", "-n", "0", "web"}).status, 2);
}

TEST_F(Svctl, DoctorLooksAtWhatRunsAndTellsByTheExitStatus) {
    const Outcome well = run({"doctor", "web", "stubborn"});
    EXPECT_EQ(well.status, 0) << well.err;
    EXPECT_EQ(well.out, "2 services examined, nothing found.\n");
    const Outcome edited = run({"doctor", "edited"});
    EXPECT_EQ(edited.status, 1);
    EXPECT_THAT(edited.out, HasSubstr("Its unit file has changed since it was loaded"));
    EXPECT_EQ(run({"doctor", "nosuch"}).status, 4);
}

TEST_F(Svctl, PlotShowsTheStopWhenThereWasOneSinceTheBoot) {
    const std::string boot = R"({"began_usec": 1000, "more": 0, "units": [
        {"unit": "web.service", "inactive_exit_usec": 2000, "active_enter_usec": 52000,
         "active_state": "active", "sub": "running", "after": []}]})";
    const std::string stop = R"({"after": {}, "more": 0, "records": [
        {"unit": "db.service", "began_usec": 900, "duration_usec": 7000, "events": []}]})";
    daemon_.set_timelines(boot, stop);
    EXPECT_THAT(run({"plot"}).out, HasSubstr(">Start of svcd with 1 unit in 51 ms<"));
    EXPECT_THAT(run({"plot", "--stop"}).out, HasSubstr(">Stop of 1 unit in 7.0 ms<"));
    daemon_.set_timelines(boot, R"({"after": {}, "more": 0, "records": [
        {"unit": "db.service", "began_usec": 90000, "duration_usec": 7000, "events": []}]})");
    EXPECT_THAT(run({"plot"}).out, HasSubstr(">Stop of 1 unit in 7.0 ms<"));
    EXPECT_THAT(run({"plot", "--boot"}).out, HasSubstr(">Start of svcd with 1 unit in 51 ms<"));
    EXPECT_EQ(run({"blame"}).out, "50 ms  web.service\n");
    EXPECT_EQ(run({"blame", "--stop"}).out, "7.0 ms  db.service\n");
    EXPECT_EQ(run({"critical-chain", "--no-legend", "web"}).out, "web.service @1.0 ms +50 ms\n");
    const Outcome absent = run({"critical-chain", "--stop", "web"});
    EXPECT_EQ(absent.status, 1);
    EXPECT_THAT(absent.err, HasSubstr("error: web.service: it is not among what was stopped last"));
    EXPECT_EQ(run({"plot", "--boot", "--stop"}).status, 2);
    EXPECT_EQ(run({"critical-chain", "web", "db"}).status, 2);
    EXPECT_EQ(nlohmann::json::parse(run({"plot", "--json"}).out)["units"][0]["unit"], "db.service");
}

TEST_F(Svctl, WithoutATimelineThereIsAMessageAndNoPicture) {
    for (const char* verb : {"plot", "blame", "critical-chain"}) {
        const Outcome boot = run({verb});
        EXPECT_EQ(boot.status, 1) << verb;
        EXPECT_EQ(boot.out, "");
        EXPECT_THAT(boot.err, HasSubstr("no unit was started when svcd was"));
        const Outcome stop = run({verb, "--stop"});
        EXPECT_EQ(stop.status, 1) << verb;
        EXPECT_THAT(stop.err, HasSubstr("nobody has asked for a stop"));
    }
    daemon_.set_timelines("nonsense", "[]");
    EXPECT_EQ(run({"plot"}).status, 1);
}

TEST_F(Svctl, IsolateIsAStartOfThatMode) {
    EXPECT_EQ(run({"isolate", "loop.target"}).status, 0);
    EXPECT_EQ(daemon_.requests()[0].verb, "start");
    EXPECT_EQ(daemon_.requests()[0].mode, "isolate");
}

TEST_F(Svctl, StatusShowsStateProcessesAndLog) {
    const Outcome outcome = run({"status", "web"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out,
                AllOf(StartsWith("● web.service\n"), HasSubstr("active (running)"),
                      HasSubstr("Main PID: 4711 (web)"),
                      HasSubstr("├─4711 /usr/bin/web --port 80\n"), HasSubstr("└─4712 worker\n")));
    const Outcome failed = run({"status", "broken"});
    EXPECT_EQ(failed.status, 3);
    EXPECT_THAT(failed.out, AllOf(StartsWith("× broken.service\n"),
                                  HasSubstr("the executable could not be run")));
}

TEST_F(Svctl, ShowPrintsKeysAsSystemctlDoesAndBareValues) {
    EXPECT_EQ(run({"show", "web", "-p", "Id,TimeoutStopUSec"}).out,
              "Id=web.service\nTimeoutStopUSec=1min 30s\n");
    EXPECT_EQ(run({"show", "-P", "SubState", "web"}).out, "running\n");
    EXPECT_EQ(run({"show", "-p", "Id", "web", "db"}).out, "Id=web.service\n\nId=db.service\n");
    EXPECT_EQ(nlohmann::json::parse(run({"show", "--json", "web"}).out)["TimeoutStopUSec"],
              90'000'000);
    EXPECT_EQ(run({"show", "-p", "Version", "--value"}).out, "9.9\n");
}

TEST_F(Svctl, ShowAnswersForAnUnknownUnitToo) {
    const Outcome outcome = run({"show", "-P", "LoadState", "nosuch"});
    EXPECT_EQ(outcome.status, 4);
    EXPECT_EQ(outcome.out, "not-found\n");
    const auto json = nlohmann::json::parse(run({"show", "--json", "nosuch"}).out);
    EXPECT_EQ(json["ActiveState"], "inactive");
}

TEST_F(Svctl, AListSaysWhichNamesAreUnknown) {
    const Outcome outcome = run({"list-units", "nosuch", "web", "none*"});
    EXPECT_EQ(outcome.status, 4);
    EXPECT_THAT(outcome.out, StartsWith("web.service"));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("nosuch.service"), Not(HasSubstr("none"))));
    EXPECT_EQ(run({"list-jobs", "nosuch"}).status, 4);
}

TEST_F(Svctl, ListUnitsHidesWhatIsInactiveUnlessAsked) {
    const Outcome piped = run({});
    EXPECT_THAT(piped.out, AllOf(HasSubstr("web.service"), HasSubstr("broken.service"),
                                 Not(HasSubstr("db.service")), Not(HasSubstr("UNIT"))));
    EXPECT_THAT(run({"list-units", "--all"}).out, HasSubstr("db.service"));
    EXPECT_THAT(run({"list-units", "--failed"}).out, Not(HasSubstr("web.service")));
    const auto json = nlohmann::json::parse(run({"list-units", "--json", "web*"}).out);
    EXPECT_EQ(json.size(), 1U);
    EXPECT_EQ(json[0]["main_pid"], 4711);
    EXPECT_TRUE(json[0]["job"].is_null());
}

TEST_F(Svctl, ListDependenciesMarksACycleInsteadOfRunningRound) {
    EXPECT_EQ(run({"list-dependencies", "--plain", "loop.target"}).out,
              "loop.target\n  loop.target (shown above)\n");
    EXPECT_EQ(run({"list-dependencies", "--plain", "web"}).out, "web.service\n  db.service\n");
}

TEST_F(Svctl, DaemonReloadIsNineWhenAUnitIsInvalid) {
    EXPECT_EQ(run({"daemon-reload"}).status, 0);
    daemon_.set_reload_errors({"/etc/x.service.yaml:3:1: unknown key 'Foo'"});
    const Outcome outcome = run({"daemon-reload"});
    EXPECT_EQ(outcome.status, 9);
    EXPECT_THAT(outcome.err, HasSubstr("error: /etc/x.service.yaml:3:1: unknown key 'Foo'"));
}

TEST_F(Svctl, IsSystemRunningIsZeroOnlyForRunning) {
    const Outcome outcome = run({"is-system-running"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "degraded\n");
}

TEST_F(Svctl, ErrorsAreOneObjectWithJson) {
    const Outcome outcome = run({"--json", "start", "nosuch"});
    EXPECT_EQ(outcome.status, 4);
    const auto error = nlohmann::json::parse(outcome.err)["error"];
    EXPECT_EQ(error["name"], "org.svcd1.NoSuchUnit");
    EXPECT_EQ(error["unit"], "nosuch.service");
    EXPECT_TRUE(error["location"].is_null());
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("nosuch.service"));
}

TEST_F(Svctl, VersionTellsBoth) {
    EXPECT_THAT(run({"version"}).out, AllOf(StartsWith("svctl "), HasSubstr("\nsvcd 9.9\n")));
}

TEST_F(Svctl, WaitReturnsAtOnceWhenTheStateIsReached) {
    EXPECT_EQ(run({"wait", "web", "--for=active"}).status, 0);
    EXPECT_EQ(run({"wait", "db", "--for=active", "--timeout=0.05"}).status, 7);
}

TEST(SvctlAlone, SaysWhatItTriedWhenThereIsNoDaemon) {
    const Outcome outcome = run_svctl({"--bus=/nonexistent/bus", "is-active", "web"});
    EXPECT_EQ(outcome.status, 5);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("svcd can't be reached: tried /nonexistent/bus"),
                                   HasSubstr("No such file or directory")));
    EXPECT_THAT(outcome.out, IsEmpty());
}

TEST(SvctlAlone, TheTimeoutAlsoEndsTheWaitForADaemonThatIsSilent) {
    const std::string path = ::testing::TempDir() + "svctl-silent-" + std::to_string(::getpid());
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.copy(&address.sun_path[0], sizeof address.sun_path - 1), 100U);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener, 5), 0);
    const Outcome outcome = run_svctl({"--bus=" + path, "--timeout=0.01", "is-active", "web"});
    EXPECT_EQ(outcome.status, 7);
    EXPECT_THAT(outcome.err, StartsWith("error: svcd has not answered in the time given\n"));
    const Outcome json = run_svctl({"--bus=" + path, "--timeout=0.01", "--json", "start", "web"});
    EXPECT_EQ(json.status, 7);
    EXPECT_EQ(nlohmann::json::parse(json.err)["error"]["name"], "org.svcd1.TimedOut");
    ::close(listener);
    ::unlink(path.c_str());
}

TEST(SvctlAlone, AnUnknownVerbIsTwoWithASuggestion) {
    const Outcome outcome = run_svctl({"statsu"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("did you mean 'svctl status'?"));
}

TEST(SvctlAlone, EscapeDoesWhatSystemdEscapeDoes) {
    const auto out = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "escape");
        return run_svctl(arguments).out;
    };
    EXPECT_EQ(out({"/bar/baz-foo", "a b"}), "-bar-baz\\x2dfoo a\\x20b\n");
    EXPECT_EQ(out({"-p", "/srv/data/"}), "srv-data\n");
    EXPECT_EQ(out({"--path", "--suffix=mount", "/"}), "-.mount\n");
    EXPECT_EQ(out({"--template=systemd-nspawn@.service", "My Container 1", "container/III"}),
              "systemd-nspawn@My\\x20Container\\x201.service "
              "systemd-nspawn@container-III.service\n");
    EXPECT_EQ(out({"-u", "a\\x20b-c"}), "a b/c\n");
    EXPECT_EQ(out({"-up", "--", "srv-data", "-"}), "/srv/data /\n");
    EXPECT_EQ(out({"--unescape", "--instance", "foo@a-b.service"}), "a/b\n");
    EXPECT_EQ(out({"-m", "web", "/srv/data"}), "web.service srv-data.mount\n");
    EXPECT_EQ(out({"--json", "a/b"}), "[\"a-b\"]\n");
    EXPECT_EQ(run_svctl({"escape"}).status, 2);
    EXPECT_EQ(run_svctl({"escape", "--template=foo.service", "x"}).status, 2);
    EXPECT_EQ(run_svctl({"escape", "--suffix=foo", "x"}).status, 2);
    EXPECT_EQ(run_svctl({"escape", "--instance", "x"}).status, 2);
    EXPECT_EQ(run_svctl({"escape", "-u", "a\\y"}).status, 1);
    EXPECT_EQ(run_svctl({"escape", "-p", "/a/../b"}).status, 1);
}

TEST_F(Svctl, SupervisorIssue783AReloadOfTheDaemonThatNamesAServiceIsRefused) {
    for (const char* verb : {"daemon-reload", "daemon-reexec", "exit", "reboot", "rescue"}) {
        EXPECT_EQ(run({verb, "web"}).status, 2) << verb;
    }
    EXPECT_THAT(daemon_.requests(), IsEmpty());
    EXPECT_THAT(daemon_.calls(), IsEmpty());
}

TEST_F(Svctl, SupervisorQuickIssue2AndFinitIssue60WhatMatchesNothingIsAnError) {
    for (const char* verb : {"start", "stop", "restart", "kill", "reset-failed"}) {
        EXPECT_EQ(run({verb, "nothing*"}).status, 4) << verb;
        EXPECT_EQ(run({verb, "nothing"}).status, 4) << verb;
    }
}

TEST_F(Svctl, SystemdIssue504GibberishIsNoUnit) {
    EXPECT_EQ(run({"stop", "zzzz.servicezzzz"}).status, 4);
    EXPECT_EQ(run({"disable", "zzzz.servicezzzz"}).status, 2);
}

TEST_F(Svctl, SystemdPull4072AUnitThatBeginsWithADashStandsBehindTwoDashes) {
    EXPECT_THAT(run({"status", "-.slice"}).err, HasSubstr("stands after '--'"));
    EXPECT_EQ(run({"status", "--", "-.slice"}).status, 4);
}

TEST(SvctlAlone, SystemdIssue13534EscapeTakesATextThatBeginsWithADash) {
    EXPECT_EQ(run_svctl({"escape", "-u", "--", "-org-openbmc"}).out, "/org/openbmc\n");
}

TEST(SvctlAlone, WhatIsTypedWinsOverTheEnvironment) {
    const PrivateBus bus;
    const FakeDaemon daemon{bus, {}};
    const auto run = [&](const std::vector<std::string>& arguments) {
        return run_svctl(arguments, {"SVCTL_BUS=" + bus.socket(), "XDG_RUNTIME_DIR=/nonexistent"});
    };
    EXPECT_THAT(run({"version"}).out, HasSubstr("svcd 9.9"));
    EXPECT_THAT(run({"--user", "list-units"}).err, HasSubstr("/nonexistent/svcd/bus"));
    EXPECT_THAT(run({"--runtime-dir=/nonexistent/run", "list-units"}).err,
                HasSubstr("/nonexistent/run/bus"));
    EXPECT_THAT(run({"--system", "version"}).out, Not(HasSubstr("svcd 9.9")));
}

TEST(SvctlAlone, VersionAndHelpNeedNoDaemon) {
    EXPECT_EQ(run_svctl({"--bus=/nonexistent/bus", "--version"}).status, 0);
    EXPECT_EQ(run_svctl({"--help"}).status, 0);
    EXPECT_THAT(run_svctl({"start", "--help"}).out, HasSubstr("--job-mode"));
}

}  // namespace
}  // namespace svcd
