// Jobs that end before their unit is as they asked for: svcd knows for whose sake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;

TEST(GivenUpJobs, ACancelIsRememberedWithWhoAskedForIt) {
    auto web = service("web");
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    EXPECT_EQ(scenario.status("web").given_up_job, nullptr);
    const JobId job = scenario.status("web").job->id;
    scenario.happens(CancelRequested{RequestId{90}, job, Requester{7, 12, "svctl cancel", {}, {}}});
    const GivenUpJob* given_up = scenario.status("web").given_up_job;
    ASSERT_NE(given_up, nullptr);
    EXPECT_EQ(given_up->id, job);
    EXPECT_EQ(given_up->type, JobType::start);
    EXPECT_EQ(given_up->result, JobResult::canceled);
    EXPECT_EQ(given_up->asked, "cancel");
    EXPECT_EQ(given_up->by.uid, 7u);
    EXPECT_EQ(given_up->by.pid, 12);
    EXPECT_EQ(scenario.state("web"), "activating/start") << "what it has begun goes on";
}

TEST(GivenUpJobs, AStopOfWhatItNeedsTakesThePlaceOfAStart) {
    auto db = service("db");
    db.type(ServiceType::notify);
    Scenario scenario =
        with(std::move(db), std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web").stop("db");
    const GivenUpJob* given_up = scenario.status("web").given_up_job;
    ASSERT_NE(given_up, nullptr);
    EXPECT_EQ(given_up->asked, "stop");
    EXPECT_EQ(given_up->by.pid, 7);
    EXPECT_EQ(given_up->by.reason, "pulled in by db.service");
}

TEST(GivenUpJobs, AnIsolationCancelsWhatIsNotNeeded) {
    auto web = service("web");
    web.type(ServiceType::notify);
    auto rescue = target("rescue");
    rescue.definition().allow_isolate = true;
    web.definition().ignore_on_isolate = true;
    Scenario scenario = with(std::move(web), std::move(rescue));
    scenario.start("web").ask(JobVerb::start, "rescue.target", JobMode::isolate);
    ASSERT_NE(scenario.status("web").given_up_job, nullptr);
    EXPECT_EQ(scenario.status("web").given_up_job->asked, "isolate");
}

TEST(GivenUpJobs, ALimitThatWasOverIsNamed) {
    auto web = service("web");
    web.type(ServiceType::notify).rarely([](RareUnitSettings& rare) { rare.job_timeout = 1s; });
    Scenario scenario = with(std::move(web));
    scenario.start("web").advance(2s);
    ASSERT_NE(scenario.status("web").given_up_job, nullptr);
    EXPECT_EQ(scenario.status("web").given_up_job->result, JobResult::timeout);
    EXPECT_EQ(scenario.status("web").given_up_job->asked, "JobTimeoutSec");
}

TEST(GivenUpJobs, ADependentKeepsForWhoseSakeItsStartCameToNothing) {
    auto pg = service("pg");
    pg.type(ServiceType::notify);
    pg.settings().restart = RestartPolicy::on_failure;
    Scenario scenario = with(
        std::move(pg), std::move(service("migrate").requires_("pg.service").after("pg.service")),
        std::move(service("app").requires_("migrate.service").after("migrate.service")));
    scenario.start("app").executes("pg").exits("pg", 6);
    EXPECT_EQ(scenario.state("pg"), "activating/auto-restart");
    for (const char* unit : {"migrate", "app"}) {
        const GivenUpJob* given_up = scenario.status(unit).given_up_job;
        ASSERT_NE(given_up, nullptr) << unit;
        EXPECT_EQ(given_up->result, JobResult::dependency);
        EXPECT_EQ(given_up->id, scenario.status(unit).last_job);
        EXPECT_EQ(given_up->by.unit, scenario.supervisor().find("pg.service"));
        EXPECT_EQ(given_up->by.pid, 7) << "who asked for the start";
    }
}

TEST(GivenUpJobs, AChainNamesTheUnitWhoseStartWasCancelled) {
    auto slow = service("slow");
    slow.type(ServiceType::notify);
    Scenario scenario = with(
        std::move(slow), std::move(service("mid").requires_("slow.service").after("slow.service")),
        std::move(service("top").requires_("mid.service").after("mid.service")));
    scenario.start("top");
    scenario.happens(CancelRequested{RequestId{90}, scenario.status("slow").job->id,
                                     Requester{0, 12, "svctl cancel", {}, {}}});
    ASSERT_NE(scenario.status("top").given_up_job, nullptr);
    EXPECT_EQ(scenario.status("top").given_up_job->by.unit,
              scenario.supervisor().find("slow.service"));
    EXPECT_EQ(scenario.status("top").given_up_job->at, scenario.status("slow").given_up_job->at);
}

}  // namespace
}  // namespace svcd::test
