// What svctl explain says of two causes that look alike: which evidence tells the one from the
// other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain_samples.h"
#include "explain_wait.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Evidence, AShellThatHasTakenTheSignalIsNotAccusedOfWaiting) {
    // The stop began at 1,000 s, and SIGTERM was sent 200 µs later.
    const auto of = [](Json child) {
        return killed(
            Json::array({process(812, 1, "bash", {{"caught", {"SIGTERM"}}, {"syscall", "wait4"}}),
                         process(815, 812, "sleep", std::move(child))}),
            {{"command", "/bin/bash -c x"}});
    };
    EXPECT_THAT(why(of({{"started_usec", 1'000'020'000}})),
                HasSubstr("PID 815 (sleep), was started after SIGTERM: its trap, or a loop"));
    EXPECT_THAT(why(of({{"started_usec", 1'000'000'000}})),
                HasSubstr("was started within 10 ms of SIGTERM"));
    EXPECT_THAT(why(of({{"started_usec", 900'000'000}, {"ignored", {"SIGINT", "SIGQUIT"}}})),
                HasSubstr("runs in the background, which does not keep its trap from running"));
    EXPECT_THAT(
        why(of({{"started_usec", 900'000'000}})),
        AllOf(HasSubstr("a child from before that, PID 815 (sleep). If it waits for that in "
                        "the foreground"),
              HasSubstr("if not, its trap does not end it")));
}

TEST(Evidence, WhenAProcessWasStartedTellsWhyItDidNotGetTheSignal) {
    const auto of = [](Json started, const char* mode) {
        Json record =
            killed(Json::array({process(900, 812, "late", {{"started_usec", std::move(started)}})}),
                   {{"kill_mode", mode}});
        record["events"][1]["to"] = {812};
        return record;
    };
    EXPECT_THAT(kinds(of(1'000'500'000, "mixed")), Contains("forked-later"));
    EXPECT_THAT(kinds(of(900'000'000, "mixed")), Contains("not-signalled"));
    EXPECT_THAT(kinds(of(1'000'500'000, "control-group")), Contains("forked-later"));
    EXPECT_THAT(kinds(of(900'000'000, "control-group")), Contains("moved-in"));
    Json main_first = of(900'000'000, "control-group");
    main_first["main_first"] = true;
    EXPECT_THAT(kinds(main_first), Contains("not-signalled"));
    EXPECT_THAT(why(main_first),
                HasSubstr("by LeftoverTimeoutSec it is sent first to the main process"));
    Json many = of(900'000'000, "control-group");
    many["events"][1]["more"] = 44;  // who got it, too, the record doesn't say
    EXPECT_THAT(kinds(many), ElementsAre("killed-outside"));
}

TEST(Evidence, TheFreezerOfCgroupV1LetsNoSignalThrough) {
    const Json frozen =
        Json::array({process(812, 1, "web", {{"state", "D"}, {"wait_channel", "__refrigerator"}})});
    EXPECT_THAT(why(killed(frozen)),
                AllOf(HasSubstr("freezer of cgroup v1"), HasSubstr("no signal, SIGKILL neither")));
}

TEST(Evidence, ASignalOfAFaultMayHaveBeenSent) {
    EXPECT_THAT(why(by_itself("signal", "killed", 11)),
                HasSubstr("SIGSEGV (invalid memory access, or a signal that was sent); svcd can't "
                          "tell the one from the other"));
    EXPECT_THAT(mends_of(explained(by_itself("core-dump", "dumped", 11)).verdicts).front(),
                HasSubstr("$_siginfo"));
    EXPECT_THAT(explained(by_itself("core-dump", "dumped", 11)).headline,
                HasSubstr("web.service went down: its main process dumped core"));
    EXPECT_THAT(mends_of(explained(by_itself("signal", "killed", 31)).verdicts).front(),
                HasSubstr("type=1326"));
}

TEST(Evidence, TheCpuTimeTellsWhetherALimitKilled) {
    const auto of = [](int signal, Usec used, const char* limit) {
        Json record = by_itself("signal", "killed", signal);
        record["events"][0]["cpu_usec"] = used;
        record["events"][0][limit] = 10'000'000;
        return record;
    };
    EXPECT_THAT(kinds(of(9, 9'900'000, "cpu_hard_usec")), ElementsAre("cpu-limit"));
    EXPECT_THAT(why(of(9, 200'000, "cpu_hard_usec")), HasSubstr("nor was its hard LimitCPU"));
    EXPECT_THAT(why(of(9, 90'000'000, "cpu_hard_usec")),
                HasSubstr("its processes had used about 90 s of CPU time"));
    EXPECT_THAT(why(of(9, 8'000'000, "cpu_hard_usec")),
                HasSubstr("a hard LimitCPU (its processes had used about 8 s of CPU time"));
    Json shared = of(9, 9'900'000, "cpu_hard_usec");
    shared["events"].push_back({{"at_usec", 10}, {"what", "left"}, {"pids", {815}}});
    EXPECT_THAT(kinds(shared), Contains("killed-outside")) << "who used that time is not known";
    EXPECT_THAT(why(of(24, 10'100'000, "cpu_soft_usec")), HasSubstr("by the kernel"));
    EXPECT_THAT(why(of(24, 100'000, "cpu_soft_usec")), HasSubstr("which was sent"));
    EXPECT_THAT(why(by_itself("signal", "killed", 24)), HasSubstr("or a signal that was sent"));
}

TEST(Evidence, WhatTheMainProcessWasLikeWhenTheWatchdogBit) {
    const auto of = [](Json changes) {
        return by_itself(
            "watchdog", "killed", 6,
            Json::array({{{"at_usec", 0},
                          {"what", "processes"},
                          {"why", "watchdog"},
                          {"processes", Json::array({process(812, 1, "web", std::move(changes))})},
                          {"more", 0}},
                         {{"at_usec", 10},
                          {"what", "signal"},
                          {"signal", "SIGABRT"},
                          {"cause", "watchdog"},
                          {"to", {812}}},
                         {{"at_usec", 10},
                          {"what", "failure"},
                          {"kind", "watchdog"},
                          {"text", "it has sent no WATCHDOG=1"}}}));
    };
    EXPECT_THAT(kinds(of({{"state", "T"}})), ElementsAre("stopped", "watchdog"));
    EXPECT_THAT(why(of({{"state", "T"}})), HasSubstr("was stopped (SIGSTOP or SIGTSTP)"));
    EXPECT_THAT(mends_of(explained(of({{"state", "T"}})).verdicts),
                ElementsAre("Find out who sends it SIGSTOP."));
    EXPECT_THAT(why(of({{"syscall", "futex"}})),
                HasSubstr("was seen like this: it waits for a lock"));
}

TEST(Evidence, AStopWaitedForWhatWasDownTheMomentThatItBegan) {
    StopRecord record;
    record.began = 10'000'000;
    record.asked_by = Requester{};
    record.asked_by->type = "stop";
    record.asked_by->at = 6'000'000;
    StopRecord early;
    early.unit = "early.service";
    early.began = 6'000'000;
    early.duration = 1'000'000;
    StopRecord last = early;
    last.unit = "web.service";
    last.duration = 3'999'000;
    EXPECT_EQ(wait_before_stop(record, {early, last})->unit, "web.service");
    EXPECT_EQ(wait_before_stop(record, {early, last})->waited, 4'000'000U);
    EXPECT_EQ(wait_before_stop(record, {early})->unit, "");
    record.asked_by->type = "restart";  // its job may have been a start before
    EXPECT_FALSE(wait_before_stop(record, {early}));
    record.asked_by->at = 9'950'000;
    EXPECT_FALSE(wait_before_stop(record, {early, last}));
}

}  // namespace
}  // namespace svcd
