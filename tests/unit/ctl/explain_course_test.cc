// What svctl explain makes of what svcd wrote down because it acted: jobs, managers, signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain_state.h"
#include "explain_stop.h"
#include "explanation.h"
#include "given_up_job.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Json stop_with(const Json& events) {
    return {{"unit", "web.service"},
            {"id", 1},
            {"began_usec", 1'000'000},
            {"from", "running"},
            {"main_pid", 812},
            {"command", "/usr/bin/web"},
            {"asked_by",
             {{"job", 4},
              {"type", "stop"},
              {"at_usec", 1'000'000},
              {"uid", 0},
              {"pid", 4711},
              {"command", "/bin/svctl stop web"},
              {"reason", ""},
              {"unit", "janitor.service"}}},
            {"kill_mode", "control-group"},
            {"stop_signal", "SIGTERM"},
            {"send_sigkill", true},
            {"timeout_usec", 1'000'000},
            {"limit_usec", 1'000'000},
            {"events", events},
            {"duration_usec", 500'000},
            {"sub", "dead"},
            {"result", "success"},
            {"main_code", "exited"},
            {"main_status", 0}};
}

Json event(Usec at, const char* what, Json fields = Json::object()) {
    Json all = {{"at_usec", at}, {"what", what}};
    all.update(fields);
    return all;
}

Json by_root(const char* command, const char* unit = "") {
    return {{"job", 4},           {"type", "stop"}, {"uid", 0},    {"pid", 12},
            {"command", command}, {"reason", ""},   {"unit", unit}};
}

template <typename... Events>
Json stop_of(const Events&... events) {
    Json all = Json::array();
    (all.push_back(events), ...);
    return stop_with(all);
}

std::string explained(const Json& record) {
    return explanation_text(explain_stop(read_record(record), Surroundings{}), Screen{});
}

TEST(ExplainCourse, TheUnitOfWhoAskedIsNamed) {
    EXPECT_THAT(explained(stop_with(Json::array())), HasSubstr("a process of janitor.service"));
    EXPECT_THAT(explained(stop_of(event(100, "job", by_root("svctl stop web", "cron.service")))),
                HasSubstr("asked for a stop, too ('svctl stop web', PID 12, of cron.service)"));
}

TEST(ExplainCourse, AStopThatCameAlongTellsWithWhich) {
    Json record = stop_with(Json::array());
    record["asked_by"]["command"] = "svctl stop db";
    record["asked_by"]["reason"] = "pulled in by db.service";
    const StopRecord stop = read_record(record);
    EXPECT_THAT(asked_text(stop, {{"BindsTo", {"db.service"}}}),
                AllOf(HasSubstr("web.service went along, since it BindsTo db.service"),
                      Not(HasSubstr("reason"))));
    EXPECT_THAT(asked_text(stop, Json::object()),
                HasSubstr("web.service went along with db.service"));
}

TEST(ExplainCourse, AStopThatCameAlongThroughAnotherNamesTheNext) {
    Json record = stop_with(Json::array());
    record["asked_by"].update({{"command", "svctl start new"},
                               {"reason", "pulled in by new.service"},
                               {"relation", "RequiredBy"},
                               {"other", "old.service"}});
    EXPECT_THAT(asked_text(read_record(record), {{"Conflicts", {"new.service"}}}),
                HasSubstr("; web.service went along, since it Requires old.service; what was asked "
                          "for concerns new.service"));
    record["asked_by"].update({{"pid", 0},
                               {"command", ""},
                               {"reason", "old.service BindsTo db.service, which has ended"},
                               {"relation", "BoundBy"}});
    EXPECT_THAT(asked_text(read_record(record), Json::object()),
                HasSubstr("web.service went along, since it BindsTo old.service; old.service "
                          "BindsTo db.service, which has ended"));
}

TEST(ExplainCourse, WhoWentAlongWithAnAutomaticRestartSaysWithWhich) {
    Json record = stop_with(Json::array());
    record["asked_by"].update({{"pid", 0}, {"command", ""}, {"reason", "Restart= of db.service"}});
    EXPECT_EQ(asked_text(read_record(record), {{"PartOf", {"db.service"}}}),
              "svcd itself: web.service went along with db.service, which Restart= restarts, since "
              "it is PartOf db.service");
    EXPECT_THAT(asked_text(read_record(record), Json::object()),
                HasSubstr("went along with db.service, which Restart= restarts"));
}

TEST(ExplainCourse, AJobThatWasGivenUpIsToldWithWhoDidIt) {
    Json cancel = by_root("svctl cancel");
    cancel.update({{"result", "canceled"}, {"asked", "cancel"}});
    EXPECT_THAT(
        explained(stop_of(event(100, "job-given-up", cancel))),
        HasSubstr("Its stop job was cancelled by root (uid 0) with 'svctl cancel', PID 12; the "
                  "stop went on without it."));
    Json timeout = by_root("");
    timeout.update({{"pid", 0}, {"result", "timeout"}, {"asked", "JobTimeoutSec"}});
    EXPECT_THAT(
        explained(stop_of(event(100, "job-given-up", timeout))),
        HasSubstr("Its stop job was given up, since JobTimeoutSec was over; the stop went on "
                  "without it."));
}

TEST(ExplainCourse, AStartWhoseJobWasGivenUpGoesOn) {
    StateFacts facts;
    facts.properties = {
        {"Id", "web.service"},
        {"ActiveState", "activating"},
        {"SubState", "start"},
        {"InactiveExitTimestampMonotonic", 50},
        {"Requires", {"db.service"}},
        {"GivenUpJob", {7, 100, "start", "canceled", "cancel", 0, 12, "svctl cancel", "", ""}}};
    const auto found = start_job_given_up(facts);
    ASSERT_TRUE(found);
    EXPECT_EQ(
        found->text,
        "its start job was cancelled by root (uid 0) with 'svctl cancel', PID 12; the start goes "
        "on");
    facts.properties["InactiveExitTimestampMonotonic"] = 101;
    EXPECT_FALSE(start_job_given_up(facts)) << "that was an earlier start";
    facts.properties["GivenUpJob"] =
        Json::array({7, 200, "start", "canceled", "stop", 0, 12, "svctl stop db",
                     "pulled in by db.service", "cron.service"});
    EXPECT_THAT(give_up_text(*read_given_up_job(facts.properties), facts.properties),
                AllOf(HasSubstr("a process of cron.service, asked for a stop"),
                      HasSubstr("since it Requires db.service")));
}

TEST(ExplainCourse, AnotherManagerThatWentOnIsTold) {
    EXPECT_THAT(explained(stop_of(event(100, "manager", {{"how", "died"}}))),
                HasSubstr("manager had died"));
    EXPECT_THAT(explained(stop_of(event(100, "manager", {{"how", "left"}}))),
                AllOf(HasSubstr("made room for another"), Not(HasSubstr("died"))));
    EXPECT_THAT(explained(stop_of(event(100, "manager", {{"how", "away"}}))),
                HasSubstr("none had run for a while"));
}

TEST(ExplainCourse, TheSighupThatEndedItWasSvcds) {
    Json record = stop_of(
        event(0, "signal", {{"signal", "SIGTERM"}, {"cause", "stop"}, {"to", {812}}}),
        event(0, "signal", {{"signal", "SIGHUP"}, {"cause", "send-sighup"}, {"to", {812}}}));
    record["main_code"] = "killed";
    record["main_status"] = 1;
    EXPECT_THAT(main_end_text(read_record(record)),
                HasSubstr("which svcd sent since SendSIGHUP is on"));
}

TEST(ExplainCourse, WhatACommandOfTheStopLeftIsItsOwn) {
    const Json spawn =
        event(0, "spawn", {{"setting", "ExecStop"}, {"pid", 900}, {"command", "/bin/sh -c x"}});
    const Json end = event(100, "exit",
                           {{"role", "control"},
                            {"pid", 900},
                            {"code", "exited"},
                            {"status", 0},
                            {"setting", "ExecStop"}});
    const auto left = [](ProcessId session) {
        return event(
            1'000, "processes",
            {{"why", "sigkill"},
             {"processes", Json::array({Json{{"pid", 901}, {"session", session}, {"name", "x"}}})},
             {"more", 0}});
    };
    const auto found = left_by_command(read_record(stop_of(spawn, end, left(900))));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->text,
              "ExecStop (/bin/sh -c x, PID 900) had started PID 901 and ended without "
              "waiting for it");
    EXPECT_FALSE(left_by_command(read_record(stop_of(spawn, end, left(812)))));
    EXPECT_FALSE(left_by_command(read_record(stop_of(spawn, left(900))))) << "it runs still";
}

TEST(ExplainCourse, AWordThatWasRefusedIsNotSaid) {
    Json record = stop_of(
        event(0, "notify-refused", {{"from", 66}, {"stopping", true}, {"extend_usec", 9'000'000}}));
    record["limit_usec"] = 2'000'000;
    const std::string text = explained(record);
    EXPECT_THAT(text, HasSubstr("which was refused"));
    EXPECT_THAT(text, Not(HasSubstr("it asked for")));
}

TEST(ExplainCourse, ACoreDumpTookTheTime) {
    Json record = stop_of(event(900'000, "core-dump"));
    record["limit_usec"] = 2'000'000;
    EXPECT_THAT(explained(record), AllOf(HasSubstr("was writing a core dump"),
                                         HasSubstr("and more, for a core dump")));
}

TEST(ExplainCourse, EachExtensionIsTold) {
    Json events = Json::array();
    for (const Usec extend : {Usec{100'000}, Usec{200'000}, Usec{300'000}}) {
        events.push_back(event(extend, "notify", {{"from", 812}, {"extend_usec", extend}}));
    }
    EXPECT_THAT(explained(stop_with(events)),
                AllOf(HasSubstr("100 ms"), HasSubstr("200 ms"), HasSubstr("300 ms")));
}

TEST(ExplainCourse, AMainProcessThatWasNotTakenIsTold) {
    StateFacts facts;
    facts.properties = {{"RefusedMainPID", {1, "it is in the cgroup /, not the unit's"}}};
    EXPECT_EQ(
        main_pid_refused(facts)->text,
        "it said MAINPID=1, and svcd did not take that process for its main process: it is in "
        "the cgroup /, not the unit's");
    facts.properties["RefusedMainPID"] = Json::array({0, ""});
    EXPECT_FALSE(main_pid_refused(facts));
}

}  // namespace
}  // namespace svcd
