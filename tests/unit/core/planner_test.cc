#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>

#include "core/types/plan.h"
#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

UnitSpec stops_in(const std::string& name, Duration timeout) {
    UnitSpec unit = service(name);
    unit.settings().timeout_stop = timeout;
    return unit;
}

/// db; app after and requiring db; web after and requiring app; cron beside them. All are up.
Scenario shop(const SupervisorOptions& options = {}) {
    Scenario scenario{options};
    UnitSpec app = stops_in("app", 20s);
    app.after("db.service").requires_("db.service");
    UnitSpec web = stops_in("web", 10s);
    web.after("app.service").requires_("app.service");
    scenario.load(list(stops_in("db", 30s), std::move(app), std::move(web), stops_in("cron", 5s)));
    for (const char* unit : {"db", "app", "web", "cron"}) {
        scenario.start(unit).executes(unit);
    }
    scenario.take_log();
    return scenario;
}

Plan plan(Scenario& scenario, JobVerb verb, const std::vector<std::string>& units) {
    std::vector<UnitId> ids;
    for (const std::string& unit : units) {
        ids.push_back(*scenario.supervisor().find(unit + ".service"));
    }
    return scenario.supervisor().plan(verb, ids, JobMode::replace);
}

/// "1 stop web.service"
std::vector<std::string> lines(Scenario& scenario, const Plan& plan) {
    std::vector<std::string> result;
    for (const PlannedJob& job : plan.jobs) {
        result.push_back(std::to_string(job.wave) + " " + std::string(name_of(job.type)) + " " +
                         std::string(scenario.supervisor().name(job.unit)));
    }
    return result;
}

TEST(Planner, TakesDependentsDownFirst) {
    Scenario scenario = shop();
    const Plan stop = plan(scenario, JobVerb::stop, {"db"});
    EXPECT_THAT(lines(scenario, stop),
                ElementsAre("1 stop web.service", "2 stop app.service", "3 stop db.service"));
    EXPECT_EQ(stop.longest, 60s);
    EXPECT_EQ(stop.jobs[2].begins, 30s);
    EXPECT_EQ(stop.jobs[0].because.relation, Relation::required_by);
    EXPECT_EQ(scenario.supervisor().name(stop.jobs[0].because.by), "app.service");
    EXPECT_EQ(stop.jobs[2].because.kind, Because::Kind::asked);
}

TEST(Planner, ChangesNothing) {
    Scenario scenario = shop();
    plan(scenario, JobVerb::stop, {"db"});
    scenario.supervisor().plan_shutdown();
    EXPECT_THAT(scenario.supervisor().jobs(), IsEmpty());
    EXPECT_THAT(scenario.take_log(), IsEmpty());
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Planner, ShowsARestartAsAStopAndAStart) {
    Scenario scenario = shop();
    const Plan restart = plan(scenario, JobVerb::restart, {"app"});
    EXPECT_THAT(lines(scenario, restart),
                ElementsAre("1 stop web.service", "2 stop app.service", "3 start app.service",
                            "4 start web.service"));
}

TEST(Planner, KnowsTheChainThatDecidesAndTheSlackOfTheOthers) {
    Scenario scenario = shop();
    const Plan down = scenario.supervisor().plan_shutdown();
    EXPECT_EQ(down.longest, 60s);
    for (const PlannedJob& job : down.jobs) {
        const bool is_cron = scenario.supervisor().name(job.unit) == "cron.service";
        EXPECT_EQ(job.is_critical, !is_cron);
        EXPECT_EQ(job.slack, is_cron ? Duration{55s} : Duration{0});
    }
}

TEST(Planner, WhatHasNothingToEndStopsAtOnce) {
    UnitSpec once = stops_in("once", 30s);
    once.type(ServiceType::oneshot);
    once.settings().remain_after_exit = true;
    UnitSpec again = stops_in("again", 20s);
    again.settings().restart = RestartPolicy::always;
    Scenario scenario{SupervisorOptions{}};
    scenario.load(list(std::move(once), std::move(again)));
    scenario.start("once").executes("once").exits("once", 0).start("again").executes("again");
    EXPECT_EQ(scenario.supervisor().plan_shutdown().longest, 20s);
    scenario.exits("again", 0);
    EXPECT_EQ(scenario.state("once"), "active/exited");
    EXPECT_EQ(scenario.state("again"), "activating/auto-restart");
    EXPECT_EQ(scenario.supervisor().plan_shutdown().longest, Duration{0});
}

TEST(Planner, SharesTheShutdownBudgetAsTheShutdownWill) {
    SupervisorOptions options;
    options.shutdown_budget = 31s;
    options.shutdown_margin = 1s;
    Scenario scenario = shop(options);
    const Plan down = scenario.supervisor().plan_shutdown();
    EXPECT_EQ(down.budget, 30s);
    EXPECT_LE(down.longest, 30s);
    std::map<std::string, Duration> limits;
    for (const PlannedJob& job : down.jobs) {
        limits[std::string(scenario.supervisor().name(job.unit))] = job.limit;
    }
    EXPECT_EQ(limits["cron.service"], 5s);
    EXPECT_LT(limits["db.service"], 30s);
    scenario.shut_down();
    EXPECT_EQ(scenario.status("web").stop_limit, limits["web.service"]);
}

TEST(Planner, CountsWhatNobodyNeedsAnyMore) {
    UnitSpec helper = stops_in("helper", 7s);
    helper.definition().stop_when_unneeded = true;
    UnitSpec web = stops_in("web", 3s);
    web.wants("helper.service").after("helper.service");
    Scenario scenario = with(std::move(helper), std::move(web));
    scenario.start("web").executes("web").executes("helper");
    const Plan stop = plan(scenario, JobVerb::stop, {"web"});
    EXPECT_THAT(lines(scenario, stop), ElementsAre("1 stop web.service", "2 stop helper.service"));
    EXPECT_EQ(stop.jobs[1].because.kind, Because::Kind::unneeded);
    EXPECT_EQ(stop.longest, 10s);
    scenario.stop("web").killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("helper"), "deactivating/stop-sigterm");
}

TEST(Planner, PullsInWhatAStartNeeds) {
    UnitSpec db = service("db");
    db.type(ServiceType::notify);
    db.settings().timeout_start = 8s;
    UnitSpec old = service("old");
    UnitSpec web = service("web");
    web.requires_("db.service").after("db.service").depends(Relation::conflicts, "old.service");
    Scenario scenario = with(std::move(db), std::move(old), std::move(web));
    scenario.start("old");
    const Plan start = plan(scenario, JobVerb::start, {"web"});
    EXPECT_THAT(lines(scenario, start),
                ElementsAre("1 start db.service", "1 stop old.service", "2 start web.service"));
}

TEST(Planner, SaysThatThereIsNothingToDo) {
    Scenario scenario = shop();
    const Plan start = plan(scenario, JobVerb::start, {"web"});
    EXPECT_THAT(start.jobs, IsEmpty());
    EXPECT_THAT(start.notes, ElementsAre(HasSubstr("web.service is active")));
}

TEST(Planner, SaysWhyItWouldBeRefused) {
    UnitSpec web = service("web");
    web.definition().refuse_manual_stop = true;
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    const Plan stop = plan(scenario, JobVerb::stop, {"web"});
    ASSERT_TRUE(stop.refusal.has_value());
    EXPECT_THAT(stop.refusal->message, HasSubstr("RefuseManualStop"));
}

TEST(Planner, SaysWhatUpholdsBringsBack) {
    UnitSpec web = service("web");
    UnitSpec guard = service("guard");
    guard.depends(Relation::upholds, "web.service");
    Scenario scenario = with(std::move(web), std::move(guard));
    scenario.start("guard").executes("guard").executes("web");
    EXPECT_THAT(plan(scenario, JobVerb::stop, {"web"}).notes,
                Contains(AllOf(HasSubstr("web.service"), HasSubstr("guard.service Upholds it"))));
}

TEST(Planner, EndlessTimesAreSaidToBe) {
    Scenario scenario = with(stops_in("web", kInfinity), stops_in("db", 4s));
    scenario.start("web").executes("web").start("db").executes("db");
    const Plan down = scenario.supervisor().plan_shutdown();
    EXPECT_EQ(down.longest, kInfinity);
}

}  // namespace
}  // namespace svcd::test
