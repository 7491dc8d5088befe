// How a unit goes down, as the recorder writes it.
#include <sys/resource.h>

#include "unit/manager/stop_recorder_fixture.h"

namespace svcd {
namespace {

using test::service;
using test::target;
using test::UnitSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(StopRecorderTest, AStopByAJobFromItsSignalToItsEnd) {
    load(service("a"));
    start("a.service");
    now_ += 10s;
    ask(JobVerb::stop, "a.service");
    const json begun = record("a.service");
    EXPECT_TRUE(begun["duration_usec"].is_null());
    EXPECT_EQ(begun["sub"], "stop-sigterm");
    now_ += 30ms;
    main_exits();
    empties("a.service");
    const json ended = record("a.service");
    EXPECT_THAT(outline(ended), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                            "exit main", "empty", "state dead"));
    EXPECT_EQ(ended["duration_usec"], 30'000);
    EXPECT_EQ(ended["began_usec"], 11'000'000);
    EXPECT_EQ(ended["began_realtime_usec"], 1'000'011'000'000);
    EXPECT_EQ(ended["from"], "running");
    EXPECT_EQ(ended["main_pid"], 101);
    EXPECT_EQ(ended["asked_by"]["type"], "stop");
    EXPECT_EQ(ended["asked_by"]["uid"], 1000);
    EXPECT_EQ(ended["asked_by"]["command"], "svctl stop \xef\xbf\xbd");
    EXPECT_EQ(ended["asked_by"]["reason"], "a roll-out");
    EXPECT_EQ(ended["sub"], "dead");
    EXPECT_EQ(ended["main_code"], "exited");
    EXPECT_FALSE(ended["sigkill"]);
    EXPECT_FALSE(ended.contains("throttled_usec"));
    EXPECT_THAT(records("a.service"), SizeIs(1));
    EXPECT_EQ(examined_, 0) << "an ordinary stop looks at no process";
}

TEST_F(StopRecorderTest, WhatIsKnownIsWrittenBeforeSigkillIsSent) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    advance(90s);
    ASSERT_THAT(saved_before_kill_, SizeIs(1));
    const json saved = saved_before_kill_[0];
    EXPECT_EQ(outline(saved).back(), "processes sigkill");
    const json process = saved["events"].back()["processes"][0];
    EXPECT_EQ(process["pid"], 101);
    EXPECT_EQ(process["ignored"], json::array({"SIGTERM"}));
    EXPECT_EQ(process["state"], "D");
    EXPECT_FALSE(saved["sigkill"]) << "not yet";
    const json now = record("a.service");
    EXPECT_EQ(outline(now).back(), "signal SIGKILL deadline");
    EXPECT_EQ(now["events"].back()["to"], json::array({101}));
    EXPECT_TRUE(now["sigkill"]);
}

TEST_F(StopRecorderTest, AWedgedUnitsRecordSaysWhereItHangsAndGoesOn) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    advance(90s);
    advance(5s);
    const json wedged = record("a.service");
    EXPECT_EQ(wedged["sub"], "stop-wedged");
    EXPECT_TRUE(wedged["duration_usec"].is_null());
    EXPECT_EQ(outline(wedged).back(), "processes wedged");
    EXPECT_THAT(said_, ElementsAre("a.service: PID 101 (dd) in uninterruptible sleep in nfs_wait"));
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    empties("a.service");
    EXPECT_EQ(record("a.service")["sub"], "failed");
    EXPECT_EQ(record("a.service")["duration_usec"], 95'000'000);
}

TEST_F(StopRecorderTest, WhatTheUnitDidItselfComesFirst) {
    load(service("a").restart(RestartPolicy::always));
    start("a.service");
    main_exits(3);
    empties("a.service");
    const json ended = record("a.service");
    EXPECT_TRUE(ended["asked_by"].is_null());
    EXPECT_EQ(outline(ended).front(), "exit main");
    EXPECT_EQ(ended["events"][0]["at_usec"], 0);
    EXPECT_EQ(ended["sub"], "auto-restart");
    EXPECT_EQ(ended["result"], "exit-code");
    EXPECT_EQ(ended["main_status"], 3);
    recorder_->end_turn();
    advance(100ms);  // the restart itself is no stop
    EXPECT_THAT(records("a.service"), SizeIs(1));
}

TEST_F(StopRecorderTest, ARestartKeepsTheOldLifesInvocationAndResult) {
    load(service("a"));
    start("a.service");
    const auto old_life = supervisor_->status(id("a.service")).invocation_id;
    ask(JobVerb::restart, "a.service");
    main_exits();
    empties("a.service");  // and starts in the same step
    const json ended = record("a.service");
    ASSERT_NE(supervisor_->status(id("a.service")).invocation_id, old_life);
    EXPECT_EQ(ended["sub"], "dead");
    EXPECT_EQ(ended["main_pid"], 101);
    EXPECT_EQ(ended["asked_by"]["type"], "restart");
    EXPECT_EQ(std::stoull(ended["invocation"].get<std::string>().substr(0, 16), nullptr, 16),
              old_life[0]);
}

TEST_F(StopRecorderTest, AKillShortlyBeforeBelongsToTheStopThatItCauses) {
    load(service("a"), service("b"));
    start("a.service");
    KillRequested kill;
    kill.request = RequestId{2};
    kill.unit = id("a.service");
    kill.signal = SIGUSR1;
    kill.requester.uid = 7;
    step(kill);
    EXPECT_THAT(records("a.service"), IsEmpty());
    now_ += 2s;
    main_exits(1);
    EXPECT_THAT(outline(record("a.service")), testing::Contains("asked-kill SIGUSR1"));
    EXPECT_EQ(record("a.service")["events"][0]["at_usec"], -2'000'000);
    EXPECT_EQ(record("a.service")["events"][1]["cause"], "user");
    empties("a.service");
    start("a.service");
    step(KillRequested{kill});
    now_ += 1min;
    main_exits(1);
    EXPECT_EQ(outline(record("a.service"))[0], "exit main") << "that is too long ago";
}

TEST_F(StopRecorderTest, AKillOfASliceBelongsToTheStopsOfItsServices) {
    UnitSpec in = service("in");
    in.rarely([](RareUnitSettings& rare) { rare.slice = "big-small.slice"; });
    load(std::move(in), service("other"), test::slice("big"), test::slice("big-small"));
    ask(JobVerb::start, "big.slice");
    start("other.service");
    start("in.service");
    KillRequested kill;
    kill.request = RequestId{2};
    kill.unit = id("big.slice");
    kill.signal = SIGKILL;
    step(kill);
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    const json record_of_in = record("in.service");
    ASSERT_THAT(outline(record_of_in),
                testing::IsSupersetOf({"asked-kill SIGKILL", "signal SIGKILL user"}));
    EXPECT_EQ(record_of_in["events"][1]["to"], json::array({last_pid_}));
    ask(JobVerb::stop, "other.service");
    EXPECT_EQ(outline(record("other.service"))[0], "state stop-sigterm")
        << "it is in another slice";
}

TEST_F(StopRecorderTest, AReloadThatWasKilledBelongsToTheStopThatFollows) {
    load(service("a").command(CommandRole::reload, "/bin/reload"));
    start("a.service");
    step(ExecSucceeded{main_});
    ask(JobVerb::reload, "a.service");
    step(ExecSucceeded{control_});
    advance(90s);
    EXPECT_THAT(records("a.service"), IsEmpty()) << "the unit is still up";
    ask(JobVerb::stop, "a.service");
    EXPECT_EQ(outline(record("a.service"))[0], "signal SIGKILL kill-control");
}

TEST_F(StopRecorderTest, ControlProcessesAreNamedByTheirSetting) {
    load(service("a").command(CommandRole::stop, "/bin/stopper"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    step(ProcessExited{control_, ExitCode::exited, 5});
    const json now = record("a.service");
    EXPECT_THAT(outline(now),
                ElementsAre("state stop", "spawn ExecStop", "exit ExecStop control",
                            "failure ExecStop", "state stop-sigterm", "signal SIGTERM stop"));
    EXPECT_EQ(now["events"][2]["status"], 5);
    EXPECT_THAT(now["events"][1]["command"].get<std::string>(), HasSubstr("/bin/stopper"));
}

TEST_F(StopRecorderTest, WhoIsLeftAfterTheMainProcessIsToldOnce) {
    load(service("a"));
    start("a.service");
    cgroup_ = {101, 150};
    ask(JobVerb::stop, "a.service");
    cgroup_ = {150};
    main_exits();
    recorder_->exit_handled(id("a.service"));
    recorder_->exit_handled(id("a.service"));
    const json now = record("a.service");
    EXPECT_EQ(outline(now).back(), "left");
    EXPECT_EQ(now["events"].back()["pids"], json::array({150}));
}

TEST_F(StopRecorderTest, WhoIsThereAtAnUnaskedEndIsLookedAtBeforeItGetsASignal) {
    load(service("a"));
    start("a.service");
    cgroup_ = {150};
    main_exits();
    const json now = record("a.service");
    EXPECT_THAT(outline(now),
                ElementsAre("exit main", "left", "state stop-sigterm", "signal SIGTERM stop"));
    const json left = now["events"][1]["processes"][0];
    EXPECT_EQ(left["pid"], 150);
    EXPECT_EQ(left["name"], "dd");
    EXPECT_EQ(left["origin"], "before-main") << "it was started at the boot";
}

TEST_F(StopRecorderTest, NotificationsCountOnlyWhenTheySaySomethingOfTheStop) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification ready;
    ready.unit = id("a.service");
    ready.sender = 101;
    ready.ready = true;
    step(ready);
    ask(JobVerb::stop, "a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.watchdog = true;
    step(word);
    word.status = "closing \"files\"";
    word.extend_timeout = 120s;
    step(word);
    const json now = record("a.service");
    EXPECT_THAT(outline(now), ElementsAre("state stop-sigterm", "signal SIGTERM stop", "notify"));
    EXPECT_EQ(now["events"][2]["status"], "closing \"files\"");
    EXPECT_EQ(now["events"][2]["extend_usec"], 120'000'000);
    EXPECT_FALSE(now["events"][2].contains("stopping"));
}

TEST_F(StopRecorderTest, WhatNotifyAccessForbidsIsNotSaid) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.ready = true;
    step(word);
    ask(JobVerb::stop, "a.service");
    word.ready = false;
    word.sender = 666;
    word.stopping = true;
    word.status = "all is well";
    for (int count = 0; count < 100; ++count) {
        step(word);
    }
    word.sender = 101;
    step(word);
    const json now = record("a.service");
    const auto words = outline(now);
    EXPECT_EQ(std::count(words.begin(), words.end(), "notify"), 1);
    EXPECT_EQ(std::count(words.begin(), words.end(), "notify-refused"), kStopEventsRejectedMax);
    EXPECT_EQ(now["events"].back()["from"], 101) << "there is room for what is allowed";
    EXPECT_EQ(now["events_dropped"], 100 - kStopEventsRejectedMax);
}

TEST_F(StopRecorderTest, AUnitThatSaysThatItStopsHasARecordThatBeginsWithIt) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.ready = true;
    step(word);
    word.ready = false;
    word.stopping = true;
    step(word);
    EXPECT_THAT(outline(record("a.service")), ElementsAre("notify", "state stop-sigterm"));
}

TEST_F(StopRecorderTest, HasLimitsOfItsEventsAndOfItsLength) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.ready = true;
    step(word);
    cgroup_.clear();
    for (Pid pid = 101; pid < 400; ++pid) {
        cgroup_.push_back(pid);
    }
    ask(JobVerb::stop, "a.service");
    word.ready = false;
    word.status = std::string(kStatusTextMax, '\x01');  // six bytes each in JSON
    for (int count = 0; count < 1000; ++count) {
        step(word);
    }
    advance(90s);
    advance(5s);
    const json now = record("a.service");
    EXPECT_LE(now["events"].size(), kStopEventsMax);
    EXPECT_EQ(now["sub"], "stop-wedged");
    EXPECT_GT(now["events_dropped"], 0);
    EXPECT_LE(log_->read(now["id"])->text.size(), kStopTextMax);
}

TEST_F(StopRecorderTest, OfManyProcessesOnlySomeAreLookedAt) {
    load(service("a"));
    start("a.service");
    for (Pid pid = 200; pid < 1200; ++pid) {
        cgroup_.push_back(pid);
    }
    ask(JobVerb::stop, "a.service");
    advance(90s);
    const json processes = record("a.service")["events"][4];  // after the failure, and its state
    ASSERT_EQ(processes["what"], "processes");
    EXPECT_LE(processes["processes"].size(), kProcessesShown);
    EXPECT_EQ(processes["processes"].size() + processes["more"].get<std::size_t>(), 1001U);
    EXPECT_LE(examined_, static_cast<int>(kProcessesShown) + 1);
}

TEST_F(StopRecorderTest, TheCpuQuotaIsCountedWhereThereIsOne) {
    load(service("a"));
    start("a.service");
    throttled_ = 500us;
    ask(JobVerb::stop, "a.service");
    throttled_ = 2500us;
    main_exits();
    empties("a.service");
    EXPECT_EQ(record("a.service")["throttled_usec"], 2000);
}

TEST_F(StopRecorderTest, TheCpuTimeIsToldOfASignalThatALimitSends) {
    UnitSpec limited = service("a");
    auto exec = std::make_shared<ExecSettings>();
    exec->limits = {{RLIMIT_CPU, RLIM_INFINITY, 3}};
    limited.settings().exec = exec;
    load(std::move(limited), service("b"));
    cpu_time_ = 2990ms;
    start("a.service");
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    empties("a.service");
    const json exit = record("a.service")["events"][0];
    EXPECT_EQ(exit["cpu_usec"], 2'990'000);
    EXPECT_EQ(exit["cpu_hard_usec"], 3'000'000);
    EXPECT_FALSE(exit.contains("cpu_soft_usec"));
    start("b.service");
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    empties("b.service");
    EXPECT_FALSE(record("b.service")["events"][0].contains("cpu_usec")) << "it has no limit";
}

TEST_F(StopRecorderTest, TheMainProcessIsLookedAtBeforeTheWatchdogSendsItsSignal) {
    UnitSpec watched = service("a");
    watched.settings().watchdog = 2s;
    load(std::move(watched));
    start("a.service");
    advance(2s);
    const auto words = outline(record("a.service"));
    const auto looked = std::ranges::find(words, "processes watchdog");
    const auto sent = std::ranges::find(words, "signal SIGABRT watchdog");
    ASSERT_NE(sent, words.end());
    EXPECT_LT(looked, sent);
}

TEST_F(StopRecorderTest, ATargetHasARecordToo) {
    load(target("t"));
    throttled_ = 1ms;  // an answer that nobody should ask for
    ask(JobVerb::start, "t.target");
    ask(JobVerb::stop, "t.target");
    const json ended = record("t.target");
    EXPECT_EQ(ended["from"], "active");
    EXPECT_EQ(ended["kill_mode"], "none");
    EXPECT_FALSE(ended.contains("throttled_usec"));
    EXPECT_TRUE(ended["timeout_usec"].is_null());
    EXPECT_EQ(ended["duration_usec"], 0);
}

TEST_F(StopRecorderTest, AShutdownIsMarkedAlsoInStopsThatWereGoingOnAlready) {
    load(service("a"), service("b"));
    start("a.service");
    start("b.service");
    ask(JobVerb::stop, "a.service");
    EXPECT_FALSE(record("a.service")["shutdown"]);
    now_ += 1s;
    step(ShutdownRequested{});
    EXPECT_TRUE(record("a.service")["shutdown"]);
    EXPECT_TRUE(record("b.service")["shutdown"]);
    for (const StopSummary& stop : log_->stops()) {
        EXPECT_EQ(stop.shutdown_usec, to_usec(now_));
    }
}

TEST_F(StopRecorderTest, TheSighupOfSendSighup) {
    auto a = service("a");
    a.settings().send_sighup = true;
    load(std::move(a));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    EXPECT_THAT(
        outline(record("a.service")),
        ElementsAre("state stop-sigterm", "signal SIGTERM stop", "signal SIGHUP send-sighup"));
    EXPECT_EQ(record("a.service")["events"][2]["to"], json::array({101}));
}

TEST_F(StopRecorderTest, ACoreDumpThatSigkillWaitsForIsToldOnce) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 89s + 900ms;
    step(CoreDumping{id("a.service")});
    step(CoreDumping{id("a.service")});
    const auto words = outline(record("a.service"));
    EXPECT_EQ(std::count(words.begin(), words.end(), "core-dump"), 1);
    EXPECT_GT(record("a.service")["limit_usec"], 90'000'000);
}

}  // namespace
}  // namespace svcd
