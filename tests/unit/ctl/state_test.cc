// What is said of a unit's state: who started it, why it is restarted or not, its files, its log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "earlier_life.h"
#include "explain_state.h"
#include "explain_stop.h"
#include "log_lines.h"
#include "print_lists.h"
#include "print_status.h"
#include "start_words.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

StateFacts unit_in(const char* active, const char* sub, Json properties = Json::object()) {
    StateFacts facts;
    facts.properties = {{"Id", "web.service"},
                        {"LoadState", "loaded"},
                        {"ActiveState", active},
                        {"SubState", sub},
                        {"Result", "success"}};
    facts.properties.update(properties);
    return facts;
}

std::string page_of(const StateFacts& facts) {
    Screen wide;
    wide.width = 1000;
    return explanation_text(explain_state(facts), wide);
}

std::string started_by(const Json& starter) {
    return started_by_text({{"Id", "web.service"}, {"StartedBy", starter}});
}

TEST(StartedBy, IsSaidInWords) {
    EXPECT_EQ(started_by({"asked", 0, 4711, "/usr/bin/svctl start web", "", "", ""}),
              "by root (uid 0) with 'svctl start web', PID 4711");
    EXPECT_EQ(
        started_by({"asked", 0, 4711, "svctl start web", "deploy", "cron.service", ""}),
        "by root (uid 0) with 'svctl start web', PID 4711, a process of cron.service; reason: "
        "\"deploy\"");
    EXPECT_EQ(started_by({"boot", 0, 0, "", "boot", "", ""}),
              "by svcd: it is the unit that the boot starts");
    EXPECT_EQ(started_by({"pulled-in", 0, 4711, "svctl start shop", "pulled in by shop.target",
                          "shop.target", "Requires"}),
              "pulled in by shop.target, which Requires it; asked for by root (uid 0) with 'svctl "
              "start shop', PID 4711");
    EXPECT_EQ(started_by({"pulled-in", 0, 4711, "svctl start shop", "pulled in by shop.target",
                          "web.service", "Requires"}),
              "pulled in by web.service, which Requires it; asked for by root (uid 0) with 'svctl "
              "start shop', PID 4711; all of it for shop.target");
    EXPECT_EQ(started_by({"pulled-in", 0, 0, "", "boot", "shop.target", "Wants"}),
              "pulled in by shop.target, which Wants it; reason: \"boot\"");
    EXPECT_EQ(started_by({"pulled-in", 0, 0, "", "Restart=", "db.service", "RequiredBy"}),
              "restarted with db.service, which it Requires; reason: \"Restart=\"");
    EXPECT_THAT(started_by({"on-failure", 0, 0, "", "", "job.service", ""}),
                HasSubstr("OnFailure of job.service"));
    EXPECT_THAT(started_by({"on-success", 0, 0, "", "", "job.service", ""}),
                HasSubstr("OnSuccess of job.service"));
    EXPECT_THAT(started_by({"upholds", 0, 0, "", "", "shop.target", ""}),
                HasSubstr("Upholds of shop.target"));
}

TEST(StartedBy, SaysWhereItIsNotKnown) {
    EXPECT_EQ(started_by({"unknown", UINT32_MAX, 0, "", "", "", ""}),
              "by whom is not known any more");
    EXPECT_EQ(started_by({"asked"}), "");
    EXPECT_THAT(started_by({"asked", UINT32_MAX, 0, "", "", "", ""}), HasSubstr("not known"));
    EXPECT_THAT(started_by({"upholds", 0, 0, "", "", "", ""}), HasSubstr("not loaded any more"));
}

TEST(State, SaysWhoStartedAndByWhichRule) {
    const Json starter = {"asked", 0, 4711, "svctl start web", "", "", ""};
    EXPECT_THAT(page_of(unit_in("active", "running", {{"StartedBy", starter}})),
                HasSubstr("Started   by root (uid 0) with 'svctl start web'"));
    EXPECT_THAT(page_of(unit_in("active", "running", {{"RestartRule", "Restart: always"}})),
                HasSubstr("Restarted by svcd itself (Restart: always)"));
    EXPECT_THAT(page_of(unit_in("inactive", "dead", {{"StartedBy", starter}})),
                Not(HasSubstr("4711")));
    EXPECT_THAT(page_of(unit_in("activating", "auto-restart",
                                {{"RestartRule", "RestartForceExitStatus"}, {"Restart", "no"}})),
                HasSubstr("Svcd restarts it by itself (RestartForceExitStatus)"));
    EXPECT_THAT(page_of(unit_in("failed", "failed", {{"RestartRule", "RestartPreventExitStatus"}})),
                HasSubstr("does not restart it"));
}

TEST(State, PicksRemediesByTheKindOfWhatIsAwaited) {
    const auto waits = [](const char* kind) {
        return page_of(unit_in(
            "activating", "start",
            {{"Type", "notify"}, {"StartWaitsFor", "something"}, {"StartWaitsForKind", kind}}));
    };
    EXPECT_THAT(waits("ready-missing"), HasSubstr("Type: exec"));
    EXPECT_THAT(waits("ready-refused"), HasSubstr("NotifyAccess: all"));
    EXPECT_THAT(waits("pid-file-wrong"), HasSubstr("PIDFile: the path"));
    EXPECT_THAT(waits("start-timeout"), Not(HasSubstr("What to change")));
}

TEST(Stop, PicksRemediesByTheKindOfTheFailure) {
    const auto mend = [](const char* kind) {
        StopRecord record;
        record.unit = "web.service";
        StopEvent failure;
        failure.what = "failure";
        failure.kind = kind;
        failure.text = "it says READY=1 and PIDFile /x";
        record.result = "timeout";
        record.events.push_back(failure);
        const auto found = out_of_time(record);
        const auto promise = promise_not_kept(record);
        return found ? found->mend : promise ? promise->mend : "";
    };
    EXPECT_THAT(mend("ready-missing"), HasSubstr("Type: exec"));
    EXPECT_THAT(mend("pid-file-wrong"), HasSubstr("PIDFile: the path"));
    EXPECT_THAT(mend("start-timeout"), Not(HasSubstr("PIDFile: the path")));
    EXPECT_THAT(mend("ended-before-ready"), HasSubstr("Type: exec"));
    EXPECT_THAT(mend("not-ready"), Not(HasSubstr("Type: exec")));
}

TEST(State, TellsAFileThatIsGoneFromOneThatHasChanged) {
    const Json changed = {{"NeedDaemonReload", true}, {"FragmentPath", "/u/web.service.yaml"}};
    EXPECT_THAT(page_of(unit_in("active", "running", changed)), HasSubstr("has changed since"));
    Json gone = changed;
    gone["GoneFiles"] = {"/u/web.service.yaml"};
    EXPECT_THAT(
        page_of(unit_in("active", "running", gone)),
        testing::AllOf(HasSubstr("/u/web.service.yaml is gone"), Not(HasSubstr("Have it read"))));
    gone["GoneFiles"] = {"/u/web.service.d/a.yaml"};
    EXPECT_THAT(page_of(unit_in("active", "running", gone)),
                HasSubstr("drop-in /u/web.service.d/a.yaml is gone"));
    StatusFacts status;
    status.properties = unit_in("active", "running", gone).properties;
    EXPECT_THAT(status_text(status, {}), HasSubstr("the drop-in /u/web.service.d/a.yaml is gone"));
}

TEST(State, SaysThatADefinitionWasRefused) {
    EXPECT_THAT(
        page_of(unit_in("active", "running",
                        {{"LoadError", {"x", "would close an ordering cycle: a after b"}}})),
        HasSubstr("not in force as they are now: would close an ordering cycle"));
}

TEST(State, SaysWhatElseIsKnown) {
    StateFacts facts = unit_in("active", "running");
    facts.ordering_cycle = "it is not ordered after db.service, to break an ordering cycle";
    facts.earlier_life = "PID 7 is of an earlier life of the unit";
    facts.own_jobs = {"reload of db.service (job 9, waiting)"};
    EXPECT_THAT(page_of(facts), testing::AllOf(HasSubstr("to break an ordering cycle"),
                                               HasSubstr("PID 7 is of an earlier life"),
                                               HasSubstr("reload of db.service (job 9, waiting)")));
}

TEST(EarlierLife, IsOfProcessesThatAStopHasLeftOver) {
    StopRecord last;
    last.began = 1'000;
    last.kill_mode = "process";
    const Json properties = {{"ActiveState", "active"}, {"InactiveExitTimestampMonotonic", 2'000}};
    EXPECT_FALSE(were_left_over(properties, last));
    last.left_over = true;
    EXPECT_TRUE(were_left_over(properties, last));
    EXPECT_EQ(earlier_life_text({815}, last),
              "PID 815 is of an earlier life of the unit: its stop left it over, since KillMode is "
              "process");
    last.began = 3'000;  // the stop of this very life
    EXPECT_FALSE(were_left_over(properties, last));
}

TEST(LogLines, AreThoseOfTheLastLife) {
    std::string path = "/tmp/svcd-log-lines-XXXXXX";
    const int file = ::mkstemp(path.data());
    ASSERT_GE(file, 0);
    ::close(file);
    std::ofstream{path} << "one\ntwo\nthree\n";
    EXPECT_THAT(last_lines(path, 10), ElementsAre("one", "two", "three"));
    EXPECT_THAT(last_lines(path, 10, 4), ElementsAre("two", "three"));
    EXPECT_THAT(last_lines(path, 1, 4), ElementsAre("three"));
    EXPECT_THAT(last_lines(path, 10, 14), IsEmpty());
    EXPECT_THAT(last_lines(path, 10, 5'000), ElementsAre("one", "two", "three"));  // emptied since
    ::unlink(path.c_str());
    EXPECT_EQ(log_begin_of({{"LogBegin", UINT64_MAX}}), 0U);
    EXPECT_EQ(log_begin_of({{"LogBegin", 12}}), 12U);
}

TEST(Lists, ShowAUnitThatIsNamedByAnAlias) {
    UnitRow row;
    row.name = "web.service";
    row.active = "inactive";
    UnitFilter filter;
    filter.patterns = {"al"};
    EXPECT_FALSE(is_shown(filter, row));
    filter.units = {"web.service"};
    EXPECT_TRUE(is_shown(filter, row));
}

TEST(Status, SaysWhereAUserInstanceHasItsSystemSlice) {
    StatusFacts facts;
    facts.properties = {{"Id", "system.slice"},
                        {"ActiveState", "active"},
                        {"SubState", "active"},
                        {"ControlGroup", "/user/app.slice"}};
    EXPECT_THAT(status_text(facts, {}), HasSubstr("where a user instance has its system.slice"));
    facts.properties["ControlGroup"] = "/system.slice";
    EXPECT_THAT(status_text(facts, {}), Not(HasSubstr("user instance")));
}

}  // namespace
}  // namespace svcd
