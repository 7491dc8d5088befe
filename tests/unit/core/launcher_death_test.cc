// svcd itself was killed: what is adopted, and what an end means that nobody saw.
#include <gmock/gmock.h>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;

TEST(LauncherDeath, WhatRunsIsAdoptedAndItsExitKnown) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::on_failure, 500ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").launcher_dies();
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(
        scenario.supervisor().record(*scenario.supervisor().find("web.service")).main.is_foreign,
        1);
    scenario.exits("web", 3);
    EXPECT_EQ(scenario.status("web").main.status, 3);
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.advance(500ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(
        scenario.supervisor().record(*scenario.supervisor().find("web.service")).main.is_foreign,
        0);
}

/// What nobody saw: a failure, unless it had been asked to end.
struct UnknownEndCase {
    RestartPolicy policy;
    const char* state;
};
class UnknownEnds : public testing::TestWithParam<UnknownEndCase> {};

TEST_P(UnknownEnds, RestartPolicies) {
    UnitSpec web = service("web");
    web.restart(GetParam().policy, 500ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").launcher_dies({"web"});
    EXPECT_EQ(scenario.state("web"), GetParam().state);
    EXPECT_EQ(scenario.result("web"), UnitResult::exit_unknown);
    EXPECT_EQ(scenario.status("web").main.code, ExitCode::unknown);
}

INSTANTIATE_TEST_SUITE_P(
    LauncherDeath,
    UnknownEnds,
    testing::Values(UnknownEndCase{RestartPolicy::no, "failed/failed"},
                    UnknownEndCase{RestartPolicy::on_success, "failed/failed"},
                    UnknownEndCase{RestartPolicy::on_abort, "failed/failed"},
                    UnknownEndCase{RestartPolicy::on_watchdog, "failed/failed"},
                    UnknownEndCase{RestartPolicy::on_failure, "activating/auto-restart"},
                    UnknownEndCase{RestartPolicy::on_abnormal, "activating/auto-restart"},
                    UnknownEndCase{RestartPolicy::always, "activating/auto-restart"}));

TEST(LauncherDeath, AStopThatEndedUnseenIsAGoodOne) {
    Scenario scenario = with(service("web"));
    scenario.start("web").executes("web").stop("web").launcher_dies({"web"});
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_EQ(scenario.result("web"), UnitResult::success);
}

TEST(LauncherDeath, AOneshotThatEndedUnseenHasFailed) {
    UnitSpec job = service("job");
    job.type(ServiceType::oneshot);
    Scenario scenario;
    std::vector<UnitSpec> units;
    units.push_back(std::move(job));
    units.push_back(std::move(service("web").requires_("job.service").after("job.service")));
    scenario.load(std::move(units));
    scenario.start("web").executes("job").launcher_dies({"job"});
    EXPECT_EQ(scenario.state("job"), "failed/failed");
    EXPECT_EQ(scenario.result("job"), UnitResult::exit_unknown);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
}

}  // namespace
}  // namespace svcd::test
