// What becomes of the jobs of a stop, and what else svcd knows of it because it acted.
#include "unit/manager/stop_recorder_fixture.h"

namespace svcd {
namespace {

using test::service;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class StopRecorderJobs : public StopRecorderTest {
protected:
    json event(std::string_view unit, std::string_view what) {
        const json found = record(unit);
        for (const json& each : found["events"]) {
            if (each["what"] == what) {
                return each;
            }
        }
        return {};
    }
    void ask_as(Pid pid, std::optional<UnitId> unit, JobVerb verb = JobVerb::stop) {
        JobRequested event;
        event.request = RequestId{9};
        event.unit = id("a.service");
        event.verb = verb;
        event.requester = Requester{7, pid, "svctl stop a", "the second", unit};
        step(std::move(event));
    }
    void cancel(JobId job = JobId::none) {
        step(CancelRequested{RequestId{3}, job, Requester{7, 12, "svctl cancel", {}, {}}});
    }
};

TEST_F(StopRecorderJobs, TheUnitOfWhoAsks) {
    load(service("a"), service("janitor"));
    start("a.service");
    ask_as(12, id("janitor.service"));
    EXPECT_EQ(record("a.service")["asked_by"]["unit"], "janitor.service");
    start("janitor.service");
    ask(JobVerb::stop, "janitor.service");
    EXPECT_EQ(record("janitor.service")["asked_by"]["unit"], "");
}

TEST_F(StopRecorderJobs, ASecondWhoAsksForTheSameStop) {
    load(service("a"), service("janitor"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 1s;
    ask_as(12, id("janitor.service"));
    const json again = event("a.service", "job");
    EXPECT_EQ(again["at_usec"], 1'000'000);
    EXPECT_EQ(again["type"], "stop");
    EXPECT_EQ(again["uid"], 7);
    EXPECT_EQ(again["pid"], 12);
    EXPECT_EQ(again["reason"], "the second");
    EXPECT_EQ(again["unit"], "janitor.service");
    EXPECT_EQ(record("a.service")["asked_by"]["uid"], 1000);
    EXPECT_EQ(record("a.service")["asked_by"]["unit"], "");
}

TEST_F(StopRecorderJobs, ASecondWhoAsksBeforeTheStopHasBegun) {
    load(service("a"), std::move(service("b").after("a.service")));
    start("a.service");
    start("b.service");
    ask(JobVerb::stop, "b.service");
    ask(JobVerb::stop, "a.service");  // waits for b
    now_ += 1s;
    ask_as(12, std::nullopt);
    main_exits();
    empties("b.service");
    EXPECT_EQ(event("a.service", "job")["pid"], 12);
    EXPECT_EQ(record("a.service")["asked_by"]["pid"], 4711);
}

TEST_F(StopRecorderJobs, AStopWhoseJobIsCancelled) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 1s;
    cancel();
    const json given_up = event("a.service", "job-given-up");
    EXPECT_EQ(given_up["type"], "stop");
    EXPECT_EQ(given_up["result"], "canceled");
    EXPECT_EQ(given_up["asked"], "cancel");
    EXPECT_EQ(given_up["uid"], 7);
    EXPECT_EQ(given_up["command"], "svctl cancel");
    EXPECT_EQ(record("a.service")["asked_by"]["uid"], 1000);
}

TEST_F(StopRecorderJobs, AStopWhoseJobTookTooLong) {
    for (const bool whole : {true, false}) {
        auto a = service("a");
        a.rarely([whole](RareUnitSettings& rare) {
            (whole ? rare.job_timeout : rare.job_running_timeout) = 2s;
        });
        load(std::move(a));
        start("a.service");
        ask(JobVerb::stop, "a.service");
        advance(3s);
        const json given_up = event("a.service", "job-given-up");
        EXPECT_EQ(given_up["result"], "timeout");
        EXPECT_EQ(given_up["asked"], whole ? "JobTimeoutSec" : "JobRunningTimeoutSec");
        EXPECT_EQ(given_up["pid"], 0);
        main_exits();
        empties("a.service");
    }
}

TEST_F(StopRecorderJobs, AStopThatAStartTakesThePlaceOf) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 1s;
    ask_as(12, std::nullopt, JobVerb::start);
    EXPECT_EQ(event("a.service", "job-given-up")["asked"], "start");
    EXPECT_EQ(event("a.service", "job-given-up")["pid"], 12);
}

TEST_F(StopRecorderJobs, AStartThatAStopTakesThePlaceOfIsToldByWhoAskedForThat) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    EXPECT_EQ(record("a.service")["from"], "start");
    EXPECT_THAT(outline(record("a.service")), Not(Contains("job-given-up")));
}

}  // namespace
}  // namespace svcd
