// What svctl explain makes of a stop record: a sample for each verdict, and the page as a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain_samples.h"
#include "explain_state.h"
#include "explain_stop.h"
#include "explain_words.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Headline, SaysWhatHappenedInASentence) {
    const Json two = Json::array({process(812, 1, "web"), process(815, 812, "helper")});
    Json record = killed(two);
    EXPECT_EQ(explained(record).headline,
              "web.service was stopped in 20.0 s; SIGKILL was needed for both processes");
    record["events"][1]["to"] = {812, 815, 816};
    EXPECT_EQ(explained(record).headline,
              "web.service was stopped in 20.0 s; SIGKILL was needed for 2 of 3 processes");
    record["events"][1]["to"] = {812, 814};  // 815 came later: nobody knows how many there were
    EXPECT_EQ(explained(record).headline,
              "web.service was stopped in 20.0 s; SIGKILL was needed for 2 processes");
    EXPECT_EQ(explained(clean()).headline, "web.service was stopped in 210 ms, cleanly");
    EXPECT_EQ(explained(clean({{"shutdown", true}})).headline,
              "web.service was stopped in 210 ms at the shutdown, cleanly");
    EXPECT_EQ(
        explained(by_itself("exit-code", "exited", 3)).headline,
        "web.service ended without being asked by svcd: its main process exited with status 3");
    Json start = by_itself("timeout", "killed", 15);
    start["from"] = "start";
    start["events"].push_back({{"at_usec", 0},
                               {"what", "failure"},
                               {"kind", "start-timeout"},
                               {"text",
                                "it did not start within TimeoutStartSec (1 s): READY=1 "
                                "had not come"}});
    EXPECT_EQ(explained(start).headline,
              "web.service failed to start: it did not start within TimeoutStartSec (1 s): READY=1 "
              "had not come");
}

TEST(Headline, OfAStopThatGoesOnSaysForHowLong) {
    Json record = killed(Json::array({process(812, 1, "web")}));
    record["events"] = {state(0, "stop-sigterm"), sent(200, "SIGTERM", "stop", {812})};
    record["duration_usec"] = nullptr;
    const Explanation explanation =
        explained(record, {{"SubState", "stop-sigterm"}, {"StopDeadlineUSec", 1'020'000'000}});
    EXPECT_EQ(explanation.headline, "web.service is being stopped, for 5 s now");
    EXPECT_EQ(fact(explanation, "Waiting"), "waits after SIGTERM; SIGKILL in 15 s");
}

TEST(Headline, OfAStopThatSvcdLeftSaysThatAndDoesNotGoOn) {
    Json record = killed(Json::array({process(812, 1, "web", {{"caught", {"SIGTERM"}}})}));
    record["duration_usec"] = nullptr;
    record["lost"] = true;
    record["events"] = {
        state(0, "stop-sigterm"), sent(200, "SIGTERM", "stop", {812}),
        left(3'000'000, Json::array({process(812, 1, "web", {{"caught", {"SIGTERM"}}})}))};
    record["main_code"] = "none";
    record["sigkill"] = false;
    const Explanation explanation =
        explained(record, {{"SubState", "running"}, {"StopDeadlineUSec", 1'020'000'000}});
    EXPECT_EQ(explanation.headline,
              "web.service was being stopped; svcd left before it was down, after 3 s");
    EXPECT_EQ(fact(explanation, "Waiting"), "");
    EXPECT_EQ(fact(explanation, "Limit"), "20 s (TimeoutStopSec)");
    EXPECT_THAT(why(record), AllOf(HasSubstr("had not ended"), Not(HasSubstr("yet"))));
    EXPECT_EQ(explanation.timeline.front().share, "3 s, 15 % of the limit");
    record["asked_by"] = nullptr;
    EXPECT_THAT(explained(record).headline, StartsWith("web.service was going down; svcd left"));
}

TEST(Asked, NamesWhoItWas) {
    EXPECT_EQ(fact(explained(clean()), "Asked by"),
              "root (uid 0) with 'svctl stop web', PID 4711; reason: \"deploy 42\"");
    Json record = clean();
    record["asked_by"]["command"] = "svctl stop db";
    EXPECT_THAT(fact(explained(record, {{"Requires", {"db.service"}}}), "Asked by"),
                HasSubstr("; web.service went along, since it Requires db.service"));
    record["asked_by"]["pid"] = 0;
    EXPECT_THAT(fact(explained(record), "Asked by"), StartsWith("svcd itself (a stop job)"));
    EXPECT_EQ(fact(explained(by_itself("watchdog", "killed", 6)), "Asked by"), "");
    EXPECT_EQ(fact(explained(clean({{"asked_by", nullptr}, {"shutdown", true}})), "Asked by"),
              "the shutdown of everything");
}

TEST(Ends, AreToldWithWhoSentTheSignal) {
    EXPECT_EQ(fact(explained(clean()), "Ended"),
              "PID 812 was killed by SIGTERM, which svcd sent to end it: a clean stop");
    EXPECT_EQ(fact(explained(clean({{"main_code", "exited"}, {"main_status", 143}})), "Ended"),
              "PID 812 exited with status 143 (that is 128 + SIGTERM): many programs report "
              "the signal so, as a clean stop");
    EXPECT_EQ(fact(explained(killed(Json::array({process(812, 1, "web")}))), "Ended"),
              "PID 812 (web) was killed by SIGKILL, which svcd sent since the time was over");
    EXPECT_THAT(fact(explained(by_itself("signal", "killed", 9)), "Ended"),
                HasSubstr("by nobody svcd can name"));
    EXPECT_THAT(fact(explained(by_itself("oom-kill", "killed", 9)), "Ended"),
                HasSubstr("the kernel's OOM killer"));
    EXPECT_THAT(fact(explained(clean({{"main_code", "exited"}, {"main_status", 137}})), "Ended"),
                Not(HasSubstr("child")));
    EXPECT_EQ(end_text("exited", 203),
              "exited with status 203/EXEC (the executable could not be run)");
    EXPECT_EQ(end_text("killed", 11),
              "was killed by SIGSEGV (invalid memory access, or a signal that was sent)");
}

TEST(ProcessVerdicts, WhatNoSignalReaches) {
    const auto of = [](Json changes) {
        return why(killed(Json::array({process(812, 1, "web", std::move(changes))})));
    };
    EXPECT_THAT(of({{"state", "D"},
                    {"syscall", "openat"},
                    {"wait_channel", "nfs4_wait"},
                    {"stack", {"rpc_wait_bit_killable", "nfs4_proc_getattr"}}}),
                AllOf(HasSubstr("uninterruptible sleep (state D), in the system call openat, at "
                                "nfs4_wait"),
                      HasSubstr("rpc_wait_bit_killable < nfs4_proc_getattr"),
                      HasSubstr("end only by a signal that kills")));
    EXPECT_THAT(of({{"state", "D"}, {"wait_channel", "blk_mq_get_tag"}}),
                HasSubstr("SIGKILL neither"));
    EXPECT_THAT(of({{"state", "D"}, {"core_dumping", true}}), HasSubstr("writing its core dump"));
    EXPECT_THAT(of({{"wait_channel", "do_freezer_trap"}}), HasSubstr("frozen with its cgroup"));
    EXPECT_THAT(of({{"state", "t"}, {"tracer", 99}}), HasSubstr("debugger or tracer, PID 99"));
    EXPECT_THAT(of({{"state", "T"}}), HasSubstr("is stopped (SIGSTOP or SIGTSTP)"));
    EXPECT_THAT(of({{"state", "Z"}, {"threads", 3}}), HasSubstr("2 others of it run on"));
    const Json family =
        Json::array({process(812, 1, "web"), process(815, 812, "worker", {{"state", "Z"}})});
    EXPECT_THAT(sentence(explained(killed(family)).verdicts[1]),
                "PID 815 (worker) has ended already, but its parent, PID 812 (web), does not take "
                "its exit status (a zombie).");
}

TEST(ProcessVerdicts, WhomADiskOrServerKeeps) {
    const Json stuck = process(812, 1, "web", {{"state", "D"}, {"stack", {"nfs_wait_bit"}}});
    EXPECT_THAT(mends_of(explained(killed(Json::array({stuck}))).verdicts).front(),
                HasSubstr("an NFS server that does not answer"));
}

TEST(ProcessVerdicts, WhatBecameOfTheStopSignal) {
    const auto of = [](Json changes, Json early = Json::array()) {
        return why(killed(Json::array({process(812, 1, "web", std::move(changes))}), Json::object(),
                          std::move(early)));
    };
    const Json term = {"SIGTERM"};
    EXPECT_THAT(of({{"ignored", term}}), HasSubstr("PID 812 (web) ignores SIGTERM: the program"));
    EXPECT_THAT(of({{"blocked", term}, {"pending", term}}), HasSubstr("blocks SIGTERM, which is"));
    EXPECT_THAT(of({{"is_namespace_init", true}}), HasSubstr("is PID 1 of a PID namespace"));
    EXPECT_THAT(
        of({{"caught", term}, {"syscall", "epoll_wait"}, {"sockets", 12}}),
        "PID 812 (web) catches SIGTERM, but had not ended 20.0 s later; it waits for events "
        "(epoll_wait) and has 12 sockets open.");
    EXPECT_THAT(of({{"caught", term}, {"syscall", "accept4"}}), HasSubstr("with SA_RESTART"));
    EXPECT_THAT(of({{"blocked", term}}), HasSubstr("takes SIGTERM by signalfd or sigwait"));
    EXPECT_THAT(of(Json::object()), HasSubstr("did not catch SIGTERM when svcd looked"));
    EXPECT_THAT(of({{"caught", term}, {"tracer", 5}}), HasSubstr("is traced by PID 5"));
    EXPECT_THAT(of({{"caught", term}}, {{{"at_usec", 5'000},
                                         {"what", "notify"},
                                         {"from", 812},
                                         {"stopping", true},
                                         {"status", "closing"}}}),
                AllOf(HasSubstr("said STOPPING=1 after 5.0 ms and then did not end"),
                      HasSubstr("its last STATUS was \"closing\"")));
    EXPECT_THAT(
        of({{"caught", term}},
           {{{"at_usec", 5'000}, {"what", "notify"}, {"from", 812}, {"extend_usec", 2'000'000}}}),
        HasSubstr("asked for more time once (EXTEND_TIMEOUT_USEC), after 5.0 ms for 2 s"));
}

TEST(ProcessVerdicts, AnIgnoredHangupIsNohupAndAnInterruptTheShellsBackground) {
    const Json hup = {{"stop_signal", "SIGHUP"}};
    EXPECT_THAT(why(killed(Json::array({process(812, 1, "web", {{"ignored", {"SIGHUP"}}})}), hup)),
                HasSubstr("nohup does that"));
    const Json interrupt = {{"stop_signal", "SIGINT"}};
    EXPECT_THAT(
        why(killed(Json::array({process(812, 1, "web", {{"ignored", {"SIGINT", "SIGQUIT"}}})}),
                   interrupt)),
        HasSubstr("'&'"));
}

TEST(ProcessVerdicts, AShellThatWaitsForItsChild) {
    const Json family =
        Json::array({process(812, 1, "sh", {{"caught", {"SIGTERM"}}, {"syscall", "wait4"}}),
                     process(815, 812, "python3", {{"ignored", {"SIGTERM"}}})});
    const Json record = killed(family, {{"command", "/bin/sh -c x"}});
    EXPECT_EQ(
        why(record),
        "PID 812 (sh) is a shell that catches SIGTERM and has a child, PID 815 (python3). If it "
        "waits for that in the foreground, its trap comes after that; if not, it sits in its "
        "trap; that one got SIGTERM, too, and has not ended.");
    EXPECT_THAT(kinds(record), ElementsAre("shell-wrapper", "ignores-signal"));
    EXPECT_THAT(mends_of(explained(record).verdicts).front(), HasSubstr("'exec'"));
}

TEST(ProcessVerdicts, AShellOrAPythonIsKnownByWhatItExecutes) {
    const auto of = [](Json changes, Json more = Json::array()) {
        Json all = Json::array({process(812, 1, "start-web", std::move(changes))});
        all.insert(all.end(), more.begin(), more.end());
        return why(killed(all));
    };
    const Json shell = {
        {"caught", {"SIGTERM"}}, {"syscall", "wait4"}, {"executable", "/usr/bin/bash"}};
    EXPECT_THAT(of(shell),
                AllOf(HasSubstr("is a shell that catches SIGTERM"),
                      HasSubstr("its trap comes after that"), Not(HasSubstr("SA_RESTART"))));
    Json python = shell;
    python["executable"] = "/usr/bin/python3.11 (deleted)";
    EXPECT_THAT(of(python, Json::array({process(815, 812, "sleep")})),
                AllOf(HasSubstr("its child, PID 815 (sleep), has not ended either"),
                      Not(HasSubstr("Python goes on"))));
    python["syscall"] = "futex";
    python["threads"] = 2;
    EXPECT_THAT(of(python), HasSubstr("each thread that is not a daemon thread"));
    python["syscall"] = "pause";
    EXPECT_THAT(of(python), HasSubstr("if its handler has returned: Python goes on waiting"));
    python["executable"] = "/usr/bin/perl";
    python["syscall"] = "read";
    EXPECT_THAT(of(python), Not(HasSubstr("SA_RESTART")));
    python["executable"] = "/bin/busybox";
    EXPECT_THAT(of(python), Not(HasSubstr("is a shell"))) << "it is what it was called as";
}

TEST(ProcessVerdicts, AStopThatHasJustBegunHasNothingToMend) {
    Json record = killed(Json::array({process(812, 1, "web")}));
    record["events"] = {state(0, "stop-sigterm"), sent(200, "SIGTERM", "stop", {812})};
    record["duration_usec"] = nullptr;
    Surroundings around;
    around.processes = {
        read_process(process(812, 1, "web", {{"caught", {"SIGTERM"}}, {"syscall", "poll"}}))};
    around.now_monotonic = 1'001'000'000;
    const auto at_once = explain_stop(read_record(record), around).verdicts;
    ASSERT_FALSE(at_once.empty());
    EXPECT_EQ(at_once[0].mend, "");
    around.now_monotonic = 1'011'000'000;
    EXPECT_THAT(explain_stop(read_record(record), around).verdicts[0].mend,
                HasSubstr("Have it end sooner"));
}

TEST(UnitVerdicts, WhatWasThereWhenTheMainProcessEnded) {
    const auto of = [](const char* origin, const char* code = "exited", int status = 0) {
        Json process = {{"pid", 815}, {"name", "helper"}, {"state", "S"}, {"origin", origin}};
        return by_itself(
            "success", code, status,
            Json::array(
                {{{"at_usec", 0}, {"what", "left"}, {"pids", {815}}, {"processes", {process}}}}));
    };
    EXPECT_THAT(explanation_text(explained(of("main")), {}),
                AllOf(HasSubstr("ended and left PID 815 (helper) behind"), HasSubstr("forking")));
    EXPECT_THAT(explanation_text(explained(of("before-main")), {}),
                AllOf(HasSubstr("PID 815 (helper) was there when the main process ended; it was "
                                "started before that"),
                      Not(HasSubstr("behind"))));
    EXPECT_THAT(explanation_text(explained(of("")), {}), HasSubstr("who had started it is not"));
    EXPECT_EQ(explanation_text(explained(of("main", "killed", 9)), {}).find("behind"),
              std::string::npos)
        << "the same kill may have ended it";
}

TEST(ProcessVerdicts, TheRestThatKillModeMixedDoesNotReach) {
    Json record = killed(Json::array({process(815, 812, "python3")}), {{"kill_mode", "mixed"}});
    record["events"][1]["to"] = {812};
    record["main_status"] = 15;
    record["command"] = "/bin/sh -c x";
    EXPECT_THAT(why(record),
                AllOf(StartsWith("PID 815 (python3) got no SIGTERM from svcd: KillMode: mixed"),
                      HasSubstr("a shell, if it still was one, does not pass")));
    record["command"] = "/opt/web";
    EXPECT_THAT(kinds(record), ElementsAre("not-signalled"));
    record["events"][2]["processes"].push_back(process(812, 1, "web"));
    record["events"][2]["processes"][0]["parent"] = 1;
    EXPECT_THAT(kinds(record), ElementsAre("escaped", "ending"));
    EXPECT_THAT(why(record), HasSubstr("forked twice"));
}

TEST(ProcessVerdicts, WhatWasForkedAfterTheSignal) {
    Json record = killed(Json::array({process(812, 1, "web"), process(900, 812, "late")}));
    record["events"][1]["to"] = {812};
    EXPECT_EQ(explained(record).verdicts[1].kind, "forked-later");
}

TEST(ProcessVerdicts, OfManyAlikeAreOneSentence) {
    Json processes = Json::array();
    for (ProcessId pid = 815; pid < 823; ++pid) {
        processes.push_back(process(pid, 812, "worker", {{"ignored", {"SIGTERM"}}}));
    }
    const std::string text = explanation_text(explained(killed(processes)), {});
    EXPECT_THAT(text, HasSubstr("  - Each of PIDs 815, 816, 817, 818 and 4 more (worker) ignores "
                                "SIGTERM"));
}

TEST(UnitVerdicts, CommandsThatHangOrFail) {
    const Json spawn = {{"at_usec", 0},
                        {"what", "spawn"},
                        {"setting", "ExecStop"},
                        {"pid", 900},
                        {"command", "/opt/drain"}};
    Json exit = {{"at_usec", 6'600'000}, {"what", "exit"},        {"role", "control"},
                 {"pid", 900},           {"setting", "ExecStop"}, {"command", "/opt/drain"},
                 {"code", "killed"},     {"status", 15}};
    Json record = clean();
    record["events"] = {state(0, "stop"), spawn, sent(6'600'000, "SIGTERM", "kill-control", {900}),
                        exit};
    EXPECT_THAT(kinds(record), ElementsAre("exec-stop-hung"));
    EXPECT_THAT(why(record), HasSubstr("had not ended after 6.6 s, 33 % of the limit"));
    exit["code"] = "exited";
    exit["status"] = 1;
    record["events"] = {state(0, "stop"), spawn, exit};
    EXPECT_THAT(kinds(record), ElementsAre("exec-stop-failed"));
    EXPECT_THAT(why(record), HasSubstr("exited with status 1 after 6.6 s."));  // nothing was left
    record["events"].push_back(sent(6'600'000, "SIGTERM", "stop", {812}));
    EXPECT_THAT(why(record), HasSubstr("exited with status 1 after 6.6 s; svcd went on with "
                                       "SIGTERM"));
}

TEST(UnitVerdicts, WhatCameNearToItsLimit) {
    EXPECT_THAT(why(clean({{"duration_usec", 30'000'000}})), HasSubstr("svcd itself was held up"));
    Json record = clean({{"duration_usec", 12'100'000}});
    record["events"] = {state(0, "stop"), state(12'000'000, "stop-sigterm"),
                        main_exit(12'100'000, "killed", 15), state(12'100'000, "dead")};
    EXPECT_THAT(why(record), HasSubstr("a little more and svcd cuts ExecStop short"));
    record["events"][1] = state(6'000'000, "stop-sigterm");
    EXPECT_THAT(why(record), HasSubstr("60 % of its limit; a little more and SIGKILL comes"));
}

TEST(UnitVerdicts, LimitsThatWereShort) {
    EXPECT_THAT(why(clean({{"shutdown", true}, {"limit_usec", 3'000'000}})),
                HasSubstr("gave it 3 s of the 20 s of its TimeoutStopSec: 17 s less"));
    EXPECT_THAT(why(clean({{"throttled_usec", 100'000}})),
                HasSubstr("held its processes back for 100 ms of the 210 ms"));
    EXPECT_THAT(kinds(clean({{"duration_usec", 17'000'000}})), ElementsAre("nearly-out-of-time"));
    EXPECT_THAT(kinds(clean()), IsEmpty());
}

TEST(UnitVerdicts, WhatIsNearTheLimitCountsOnlyTheTimeThatTheLimitIsFor) {
    // 1 s of 20 s, and 18 s of ExecStopPost, which has a limit of its own.
    EXPECT_THAT(kinds(clean({{"duration_usec", 19'000'000},
                             {"events",
                              {state(0, "stop-sigterm"), state(1'000'000, "stop-post"),
                               state(18'000'000, "final-sigterm"), state(19'000'000, "dead")}}})),
                IsEmpty());
    // 10 s of serving on leave 10 s, of which it took 1 s.
    Json record =
        clean({{"duration_usec", 11'000'000},
               {"events",
                {state(0, "pre-stop"), state(10'000'000, "stop-sigterm"),
                 sent(10'000'200, "SIGTERM", "stop", {812}), state(11'000'000, "dead")}}});
    EXPECT_THAT(kinds(record), IsEmpty());
    record["duration_usec"] = 18'000'000;
    record["events"][3]["at_usec"] = 18'000'000;
    EXPECT_THAT(why(record), HasSubstr("took 80 % of its limit"));
}

TEST(UnitVerdicts, WhoEndedTheMainProcess) {
    EXPECT_THAT(kinds(by_itself("signal", "killed", 9)), ElementsAre("killed-outside"));
    EXPECT_THAT(kinds(by_itself("signal", "killed", 10)), ElementsAre("ended-by-signal"));
    EXPECT_THAT(kinds(by_itself("oom-kill", "killed", 9)), ElementsAre("oom"));
    EXPECT_THAT(kinds(by_itself("signal", "killed", 11)), ElementsAre("crashed"));
    EXPECT_THAT(kinds(by_itself("core-dump", "dumped", 6)), ElementsAre("crashed"));
    EXPECT_THAT(kinds(by_itself("exit-code", "exited", 203)), ElementsAre("not-executed"));
    EXPECT_THAT(kinds(by_itself("exit-code", "exited", 1)), ElementsAre("failed-itself"));
    const Json kill = {{"at_usec", 0},        {"what", "asked-kill"},
                       {"signal", "SIGKILL"}, {"uid", 0},
                       {"pid", 77},           {"command", "svctl kill -s KILL web"}};
    const Json record = by_itself("signal", "killed", 9, Json::array({kill}));
    EXPECT_THAT(kinds(record), ElementsAre("killed-by-user"));
    EXPECT_THAT(fact(explained(record), "Ended"), HasSubstr("root (uid 0) sent with svctl kill"));
}

TEST(UnitVerdicts, AKillThatDidNothingIsNoCause) {
    Json kill = {{"at_usec", -500'000}, {"what", "asked-kill"},
                 {"signal", "SIGUSR1"}, {"uid", 0},
                 {"pid", 77},           {"command", "svctl kill -s USR1 web"}};
    const auto exited = [&] { return by_itself("exit-code", "exited", 3, Json::array({kill})); };
    EXPECT_THAT(kinds(exited()), ElementsAre("failed-itself"));
    EXPECT_THAT(kinds(by_itself("signal", "killed", 9, Json::array({kill}))),
                ElementsAre("killed-outside"));
    kill["at_usec"] = -2'000;
    EXPECT_THAT(kinds(exited()), ElementsAre("killed-by-user", "failed-itself"));
    kill.update({{"at_usec", -3'000'000}, {"signal", "SIGTERM"}});
    EXPECT_THAT(kinds(exited()), ElementsAre("killed-by-user", "failed-itself"));
}

TEST(UnitVerdicts, SigkillWithoutAWord) {
    Json record = killed(Json::array({process(812, 1, "web")}));
    record["events"].erase(1);
    record["events"][2]["cause"] = "kill-signal-is-kill";
    EXPECT_THAT(kinds(record), ElementsAre("killed-at-once"));
    EXPECT_THAT(why(record), HasSubstr("since that is the KillSignal"));
}

TEST(UnitVerdicts, WhatOutlivesSigkill) {
    const Json stuck = Json::array({process(812, 1, "web", {{"state", "D"}})});
    Json record = killed(stuck, {{"result", "stop-wedged"}});
    record["events"].push_back({{"at_usec", 25'000'000},
                                {"what", "processes"},
                                {"why", "wedged"},
                                {"processes", stuck},
                                {"more", 0}});
    EXPECT_THAT(kinds(record), ElementsAre("uninterruptible", "wedged"));
    EXPECT_THAT(explained(record).headline, HasSubstr("processes outlived SIGKILL"));
}

TEST(Timeline, HasAPhaseALineWithItsShare) {
    const Json record = killed(Json::array({process(812, 1, "web")}));
    const auto rows = explained(record).timeline;
    ASSERT_EQ(rows.size(), 7U);
    EXPECT_TRUE(rows[0].is_phase);
    EXPECT_EQ(rows[0].text, "waits after SIGTERM");
    EXPECT_EQ(rows[0].share, "20.0 s, 100 % of the limit");
    EXPECT_EQ(rows[1].text, "SIGTERM to PID 812 (web), to end it");
    EXPECT_EQ(rows[2].text, "1 process is left: PID 812");
    EXPECT_EQ(rows[3].text, "SIGKILL to PID 812 (web), since the time was over");
    EXPECT_EQ(rows[6].text, "failed (timeout)");
}

TEST(Timeline, MessagesAlikeAreToldOnce) {
    Json early = Json::array();
    for (Usec i = 1; i < 20; ++i) {
        early.push_back({{"at_usec", i * 1'000'000},
                         {"what", "notify"},
                         {"from", 812},
                         {"extend_usec", 1'500'000}});
    }
    const Json record = killed(Json::array({process(812, 1, "web")}), Json::object(), early);
    EXPECT_EQ(explained(record).timeline.size(), 9U);
}

TEST(Page, HasTheAnswerBeforeTheHistory) {
    const Json record = killed(Json::array({process(812, 1, "web", {{"ignored", {"SIGTERM"}}})}));
    const std::string text = explanation_text(explained(record), {});
    EXPECT_THAT(text, StartsWith("× web.service was stopped in 20.0 s; SIGKILL was needed\n"
                                 "  Asked by  root (uid 0) with 'svctl stop web', PID 4711"));
    EXPECT_LT(text.find("\nWhy\n"), text.find("\nWhat to change\n"));
    EXPECT_LT(text.find("\nWhat to change\n"), text.find("\nHow it went\n"));
    Screen narrow;
    narrow.width = 60;
    std::string line;
    std::istringstream lines{explanation_text(explained(record), narrow)};
    while (std::getline(lines, line)) {
        EXPECT_LE(width_of(line), 60U) << line;
    }
}

TEST(Page, IsHarmlessAndCompleteWhateverTheRecordHas) {
    Json record = killed(Json::array({process(812, 1, "\x1b[2Jevil")}));
    EXPECT_THAT(explanation_text(explained(record), {}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(explanation_text(explained(Json::object()), {}), Not(IsEmpty()));
    EXPECT_THAT(explanation_text(explained({{"unit", 5}, {"events", {1, "x", nullptr}}}), {}),
                Not(IsEmpty()));
}

TEST(Page, AsJsonHasWholeSentences) {
    const Json list = verdicts_json(
        explained(killed(Json::array({process(812, 1, "web", {{"state", "T"}})}))).verdicts);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["pid"], 812);
    EXPECT_EQ(list[0]["kind"], "stopped");
    EXPECT_THAT(list[0]["text"].get<std::string>(), StartsWith("PID 812 (web) is stopped"));
    EXPECT_THAT(list[0]["mend"].get<std::string>(),
                HasSubstr("svctl kill --signal=CONT web.service"));
}

StateFacts unit_in(const char* active, const char* sub, Json properties = Json::object()) {
    StateFacts facts;
    facts.properties = {{"Id", "web.service"},
                        {"LoadState", "loaded"},
                        {"ActiveState", active},
                        {"SubState", sub},
                        {"Result", "success"}};
    facts.properties.update(properties);
    facts.now = 1'790'000'100'000'000;
    facts.now_monotonic = 1'005'000'000;
    return facts;
}

std::string state_why(const StateFacts& facts) {
    const auto verdicts = explain_state(facts).verdicts;
    return verdicts.empty() ? "" : sentence(verdicts.front());
}

TEST(States, SayWhatKeepsAUnitFromRunning) {
    EXPECT_EQ(explain_state(unit_in("inactive", "dead")).headline,
              "web.service is not running, and has not been started since svcd began");
    EXPECT_THAT(state_why(unit_in("inactive", "dead",
                                  {{"LoadState", "bad-setting"},
                                   {"LoadError", {"x", "/web.yaml:3:1: unknown key 'Exec'"}}})),
                HasSubstr("unknown key 'Exec'"));
    const Json unmet = Json::array({Json::array({"ConditionPathExists", false, false, "/x", -1})});
    EXPECT_EQ(state_why(unit_in("inactive", "dead", {{"Conditions", unmet}})),
              "It was not started, since ConditionPathExists=/x does not hold.");
    EXPECT_THAT(state_why(unit_in("failed", "failed",
                                  {{"Result", "start-limit-hit"},
                                   {"StartLimitBurst", 5},
                                   {"StartLimitIntervalUSec", 10'000'000}})),
                HasSubstr("started 5 times in 10 s"));
    StateFacts facts = unit_in("inactive", "dead");
    facts.culprits = "db.service is failed: its main process exited with status 1";
    EXPECT_THAT(state_why(facts), HasSubstr("A unit that it needs is down: db.service is failed"));
}

TEST(States, SayWhatAUnitOnTheWayWaitsFor) {
    StateFacts facts = unit_in("inactive", "dead");
    facts.job = {{"Id", 12},           {"JobType", "start"},
                 {"State", "waiting"}, {"RequesterPID", 5},
                 {"RequesterUID", 0},  {"RequesterCommand", "svctl start web"}};
    facts.waits_for = {"db.service (start, running)"};
    EXPECT_THAT(state_why(facts), HasSubstr("waits until these are through: db.service (start, "
                                            "running)"));
    EXPECT_THAT(explain_state(facts).facts[0].text, HasSubstr("asked for by root (uid 0) with"));
    EXPECT_THAT(explain_state(unit_in("activating", "auto-restart",
                                      {{"StateDeadlineUSec", 1'010'000'000}, {"NRestarts", 4}}))
                    .headline,
                "web.service is down and is started again in 5 s");
    EXPECT_THAT(state_why(unit_in("activating", "start",
                                  {{"Type", "notify"}, {"StartWaitsFor", "READY=1 has not come"}})),
                HasSubstr("Type: notify: READY=1 has not come"));
    EXPECT_THAT(state_why(unit_in("active", "running", {{"NeedDaemonReload", true}})),
                HasSubstr("has changed since it was loaded"));
}

}  // namespace
}  // namespace svcd
