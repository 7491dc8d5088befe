// Conditions and asserts: what a start does while they are looked at, and after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

UnitSpec with_conditions(UnitSpec spec) {
    spec.rarely([](RareUnitSettings& rare) {
        rare.conditions.push_back(Condition{ConditionKind::path_exists, false, false, true, "/x"});
        rare.conditions.push_back(Condition{ConditionKind::user, true, false, false, "root"});
    });
    return spec;
}

constexpr auto kChecker = ProcessRole::checker;

TEST(Conditions, AreLookedAtWhileTheUnitStaysAsItIs) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a");
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), ElementsAre("check a.service"));
    scenario.exits("a", 0, kChecker);
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_TRUE(scenario.status("a").condition_result);
    EXPECT_TRUE(scenario.status("a").assert_result);
}

TEST(Conditions, ThatDoNotHoldEndTheJobAsDone) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a").exits("a", 1, kChecker);
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    EXPECT_EQ(scenario.result("a"), UnitResult::success);
    EXPECT_THAT(scenario.take_log(), Contains("job a.service done"));
    EXPECT_FALSE(scenario.status("a").condition_result);
    EXPECT_THAT(scenario.said(),
                Contains("a.service: not started: ConditionPathExists=!/x does not hold"));
}

TEST(Conditions, ThatCouldNotBeLookedAtFailTheJob) {
    for (const int status : {203, 255}) {
        Scenario scenario = with(with_conditions(service("a")));
        scenario.start("a").exits("a", status, kChecker);
        EXPECT_EQ(scenario.state("a"), "inactive/dead");
        EXPECT_THAT(scenario.take_log(), Contains("job a.service failed"));
        EXPECT_THAT(scenario.said(), Contains(HasSubstr(std::to_string(status))));
    }
}

TEST(Conditions, ThatDoNotHoldKeepNoOtherFromStarting) {
    Scenario scenario = with(with_conditions(service("a")),
                             std::move(service("b").requires_("a.service").after("a.service")));
    scenario.start("b").exits("a", 1, kChecker);
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(Conditions, BindsToAUnitWhoseConditionFailedIsADependencyFailure) {
    UnitSpec b = service("b");
    b.depends(Relation::binds_to, "a.service").after("a.service");
    Scenario scenario = with(with_conditions(service("a")), std::move(b));
    scenario.start("b").exits("a", 1, kChecker);
    EXPECT_THAT(scenario.take_log(), Contains("job b.service dependency"));
}

TEST(Asserts, ThatDoNotHoldFailTheJobAndWhatNeedsIt) {
    Scenario scenario = with(with_conditions(service("a")),
                             std::move(service("b").requires_("a.service").after("a.service")));
    scenario.start("b").exits("a", 2, kChecker);
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    const auto log = scenario.take_log();
    EXPECT_THAT(log, Contains("job a.service assert"));
    EXPECT_THAT(log, Contains("job b.service dependency"));
    EXPECT_TRUE(scenario.status("a").condition_result);
    EXPECT_FALSE(scenario.status("a").assert_result);
}

TEST(Conditions, OfATargetAreLookedAtToo) {
    Scenario scenario = with(with_conditions(target("t")));
    scenario.start("t.target");
    EXPECT_EQ(scenario.state("t.target"), "inactive/dead");
    scenario.exits("t.target", 0, kChecker);
    EXPECT_EQ(scenario.state("t.target"), "active/active");
}

TEST(Conditions, AreLookedAtAnewForARestart) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a").exits("a", 0, kChecker).ask(JobVerb::restart, "a").killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    scenario.exits("a", 1, kChecker);
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    EXPECT_FALSE(scenario.status("a").job.has_value());
}

TEST(Conditions, NobodyAsksForAnyMoreAreNotLookedAtAnyMore) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a").take_log();
    scenario.stop("a");
    const auto log = scenario.take_log();
    EXPECT_THAT(log, Contains("signal a.service 9 checker"));
    EXPECT_THAT(log, Contains("job a.service canceled"));
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
}

TEST(Conditions, OnAHungFileSystemFailTheJobInTheEnd) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a").advance(89999ms).take_log();
    EXPECT_TRUE(scenario.status("a").job.has_value());
    scenario.advance(1ms);
    const auto log = scenario.take_log();
    EXPECT_THAT(log, Contains("signal a.service 9 checker"));
    EXPECT_THAT(log, Contains("job a.service failed"));
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("file system that hangs")));
}

TEST(Conditions, AreStillLookedAtWhenTheManagerDies) {
    Scenario scenario = with(with_conditions(service("a")));
    scenario.start("a").manager_dies().exits("a", 0, kChecker);
    EXPECT_EQ(scenario.state("a"), "active/running");
}

TEST(Conditions, ThatWereLookedAtWhileTheManagerWasDeadCount) {
    Scenario scenario = with(with_conditions(target("t")));
    scenario.start("t.target").manager_dies().exits("t.target", 1, kChecker).manager_dies();
    EXPECT_EQ(scenario.state("t.target"), "inactive/dead");
    EXPECT_FALSE(scenario.status("t.target").job.has_value());
    EXPECT_FALSE(scenario.status("t.target").condition_result);
    EXPECT_NE(scenario.status("t.target").condition_at, Time{});
}

}  // namespace
}  // namespace svcd::test
