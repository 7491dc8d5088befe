// Definitions that would close an ordering cycle (units.md, "Rules of ours").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

UnitSpec written(UnitSpec spec, const std::string& path, std::uint32_t line) {
    spec.definition().fragment_path = path;
    for (Dependency& dependency : spec.definition().dependencies) {
        dependency.line = line;
    }
    return spec;
}

TEST(OrderingCycle, AtTheFirstLoadIsBrokenAtItsWeakestEdge) {
    Scenario scenario = with(std::move(service("a").requires_("b.service").after("b.service")),
                             std::move(service("b").wants("c.service").after("c.service")),
                             std::move(service("c").after("a.service")));
    scenario.start("a");
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("c"), "active/running");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("c.service: is not ordered after a.service")));
}

TEST(OrderingCycle, BrokenAtTheFirstLoadLeavesTheSystemDegraded) {
    Scenario scenario = with(std::move(service("a").after("b.service")),
                             std::move(service("b").after("a.service")), target("default"));
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("default.target");
    scenario.happens(boot);
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::degraded);
}

TEST(OrderingCycle, OfARequirementAtEachEdgeIsLeftToTheRequest) {
    Scenario scenario = with(std::move(service("a").requires_("b.service").after("b.service")),
                             std::move(service("b").requires_("a.service").after("a.service")));
    ASSERT_EQ(scenario.supervisor().ordering_faults().size(), 1U);
    EXPECT_THAT(scenario.supervisor().ordering_faults()[0].text, HasSubstr("each needs the next"));
    scenario.start("a");
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::transaction_order_is_cyclic);
}

TEST(OrderingCycle, OfANewDefinitionIsRefusedAndTheOldOneStays) {
    Scenario scenario = with(service("a"), std::move(service("b").after("a.service")));
    scenario.start("a").start("b");
    UnitSpec changed = std::move(service("a").after("b.service"));
    changed.definition().description = "new";
    scenario.load(
        list(written(std::move(changed), "/units/a.service.yaml", 3),
             written(std::move(service("b").after("a.service")), "/units/b.service.yaml", 4)));
    EXPECT_THAT(std::string(scenario.status("a").load_error),
                HasSubstr("a.service after b.service (/units/a.service.yaml:3), b.service after "
                          "a.service (/units/b.service.yaml:4)"));
    EXPECT_EQ(scenario.status("a").description, "a.service");
    EXPECT_TRUE(scenario.status("a").need_daemon_reload);
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::initializing);
    scenario.stop("a").killed("a", SIGTERM).start("a");
    EXPECT_EQ(scenario.state("a"), "active/running");
}

TEST(OrderingCycle, OfANewUnitIsRefusedAndTheOthersGoOn) {
    Scenario scenario = with(service("a"), std::move(service("b").after("a.service")));
    scenario.start("b");
    scenario.load(list(service("a"), std::move(service("b").after("a.service")),
                       std::move(service("c").after("b.service").before("a.service"))));
    EXPECT_EQ(scenario.status("c").load_state, LoadState::bad_setting);
    EXPECT_EQ(scenario.state("b"), "active/running");
    scenario.start("c");
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::bad_setting);
    scenario.start("a");
    EXPECT_EQ(scenario.state("a"), "active/running");
}

TEST(OrderingCycle, OfSeveralNewDefinitionsLeavesNoneInTheGraph) {
    Scenario scenario =
        with(service("a1"), std::move(service("a2").after("a1.service")), service("a3"));
    scenario.load(list(std::move(service("a1").after("a2.service")),
                       std::move(service("a2").after("a3.service")),
                       std::move(service("a3").after("a2.service"))));
    scenario.start("a1").start("a2").start("a3").shut_down();
    for (const auto& said : scenario.said()) {
        EXPECT_THAT(said, ::testing::Not(HasSubstr("out of order")));
    }
}

TEST(OrderingCycle, IsTheFaultOfWhatIsNewInIt) {
    Scenario scenario = with(service("a"), std::move(service("b").after("a.service")));
    scenario.load(list(std::move(service("b").after("a.service").wants("c.service")),
                       std::move(service("a").after("b.service"))));
    EXPECT_EQ(scenario.status("b").load_error, "");
    EXPECT_THAT(std::string(scenario.status("a").load_error), HasSubstr("ordering cycle"));
}

TEST(OrderingCycle, OfTheFirstLoadStaysBrokenUntilItsFilesChange) {
    const auto files = [](bool good) {
        UnitSpec b = service("b");
        return list(std::move(service("a").after("b.service")),
                    good ? std::move(b) : std::move(b.after("a.service")), target("default"));
    };
    Scenario scenario;
    scenario.load(files(false));
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("default.target");
    scenario.happens(boot).load(files(false));
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::degraded);
    const std::vector<OrderingFault> faults = scenario.supervisor().ordering_faults();
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_THAT(faults[0].text, HasSubstr("to break an ordering cycle: "));
    EXPECT_EQ(scenario.status("b").load_error, "");
    scenario.load(files(true)).load(files(true));
    EXPECT_TRUE(scenario.supervisor().ordering_faults().empty());
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
    EXPECT_EQ(scenario.status("a").load_error, "");
    EXPECT_EQ(scenario.status("b").load_error, "");
}

TEST(OrderingCycle, ThatIsTakenBackLetsTheUnitLoad) {
    Scenario scenario = with(service("a"), std::move(service("b").after("a.service")));
    const auto both = [](UnitSpec a) {
        return list(std::move(a), std::move(service("b").after("a.service")));
    };
    scenario.load(both(std::move(service("a").after("b.service"))));
    scenario.load(both(service("a")));
    EXPECT_FALSE(scenario.status("a").need_daemon_reload);
    EXPECT_EQ(scenario.status("a").load_error, "");
}

TEST(Slices, RootAndSystemSliceAreAlwaysActive) {
    Scenario scenario = with(slice("-"), slice("system"), service("a"));
    EXPECT_EQ(scenario.state("-.slice"), "active/active");
    scenario.stop("system.slice");
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::job_type_not_applicable);
    scenario.start("a").shut_down().killed("a", SIGTERM);
    EXPECT_TRUE(scenario.has_exited());
}

TEST(Slices, StopTakesItsServicesAndThenItsCgroup) {
    Scenario scenario =
        with(slice("web"), std::move(service("a").requires_("web.slice").after("web.slice")));
    scenario.start("a").stop("web.slice").take_log();
    EXPECT_EQ(scenario.state("web.slice"), "active/active");
    scenario.killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("web.slice"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), Contains("release web.slice"));
}

TEST(Slices, AreTheDefaultOfAnInstance) {
    UnitDefinition unit;
    unit.name = "get-ty@tty1.service";
    EXPECT_EQ(unit.slice(), "system-get\\x2dty.slice");
    unit.name = "web.service";
    EXPECT_EQ(unit.slice(), "system.slice");
    unit.name = "a-b.slice";
    EXPECT_EQ(unit.slice(), "a.slice");
    unit.name = "a.slice";
    EXPECT_EQ(unit.slice(), "-.slice");
    unit.name = "-.slice";
    EXPECT_EQ(unit.slice(), "");
}

}  // namespace
}  // namespace svcd::test
