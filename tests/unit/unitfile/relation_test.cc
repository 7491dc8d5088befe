// Settings that name other units, and the rules about them.
#include <gmock/gmock.h>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadedUnit load_unit_section(const std::string& lines, const std::string& name = "x.service") {
    UnitFolder folder;
    folder.write(name + ".yaml", "Unit:\n  DefaultDependencies: no\n" + lines +
                                     "Service: {ExecStart: /bin/true, Slice: system.slice}\n");
    LoadReport report = folder.load(name);
    return std::move(report.units.front());
}

TEST(MissingUnit, IsToldOfWithItsPlaceAndTheNearestName) {
    UnitFolder folder;
    folder.write("alert@.service.yaml", "Service: {ExecStart: /bin/true}\n")
        .write("w@.service.yaml",
               "Unit:\n  OnFailure: [allert@%i.service]\nService: {ExecStart: /bin/true}\n")
        .write("a.service.yaml",
               "Unit:\n  OnFailure: allert@x.service\n  Wants: [syslog.target, cahce.service]\n"
               "  After: nothing.service\n  Requires: [w@1.service, w@2.service]\n"
               "Service: {ExecStart: /bin/true}\n");
    std::vector<std::string> told;
    std::vector<std::string> for_askers;
    for (const Diagnostic& each : folder.load_all().diagnostics) {
        (each.is_only_for_askers ? for_askers : told).push_back(headline(each));
    }
    ASSERT_EQ(told.size(), 2U) << "the line of a template is told of once";
    EXPECT_EQ(told[0], folder.path("a.service.yaml") +
                           ":2:14: warning: OnFailure: allert@x.service has no file; did you mean "
                           "'alert@x.service'?");
    EXPECT_THAT(told[1], ::testing::HasSubstr("w@.service.yaml:2:"));
    ASSERT_EQ(for_askers.size(), 1U) << "a wish for a target of systemd's is no mistake";
    EXPECT_THAT(for_askers[0],
                ::testing::HasSubstr(":3:26: warning: Wants: cahce.service has no file"));
}

TEST(Relations, OfEverySettingAreRead) {
    const std::pair<const char*, Relation> cases[] = {
        {"Requires", Relation::requires_},
        {"Requisite", Relation::requisite},
        {"Wants", Relation::wants},
        {"BindsTo", Relation::binds_to},
        {"PartOf", Relation::part_of},
        {"Upholds", Relation::upholds},
        {"Conflicts", Relation::conflicts},
        {"Before", Relation::before},
        {"After", Relation::after},
        {"OnFailure", Relation::on_failure},
        {"OnSuccess", Relation::on_success},
        {"PropagatesReloadTo", Relation::propagates_reload_to},
        {"ReloadPropagatedFrom", Relation::reload_propagated_from},
        {"PropagatesStopTo", Relation::propagates_stop_to},
        {"StopPropagatedFrom", Relation::stop_propagated_from},
        {"JoinsNamespaceOf", Relation::joins_namespace_of},
    };
    for (const auto& [key, relation] : cases) {
        const std::string lines =
            "  " + std::string(key) + ": [a.service, x.service, 'b@%N.service', a.service]\n";
        const LoadedUnit unit = load_unit_section(lines);
        ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
        EXPECT_THAT(unit.definition.dependencies, ElementsAre(Dependency{relation, "a.service"},
                                                              Dependency{relation, "b@x.service"}))
            << key;
        EXPECT_EQ(unit.definition.dependencies.front().line, 3U);
        EXPECT_THAT(load_unit_section("  " + std::string(key) + ": b@.service\n").error,
                    HasSubstr("is a template"));
        EXPECT_THAT(load_unit_section("  " + std::string(key) + ": a\n").error,
                    HasSubstr("did you mean 'a.service'?"));
    }
}

TEST(Relations, ThatAreInverseAreEachOthers) {
    EXPECT_EQ(inverse(Relation::reload_propagated_from), Relation::propagates_reload_to);
    EXPECT_EQ(inverse(Relation::stop_propagated_from), Relation::propagates_stop_to);
}

TEST(Relations, OfAnInstanceNameTheSameInstanceOfATemplate) {
    UnitFolder folder;
    folder.write("x@.service.yaml",
                 "Unit:\n  DefaultDependencies: no\n  OnFailure: report@.service\n"
                 "Service: {ExecStart: /bin/true, Slice: system.slice}\n");
    EXPECT_THAT(folder.load("x@1.service").units.front().definition.dependencies,
                ElementsAre(Dependency{Relation::on_failure, "report@1.service"}));
}

TEST(Relations, AreMergedAndTakenBackByDropIns) {
    UnitFolder folder;
    folder
        .write("x.service.yaml",
               "Unit:\n  DefaultDependencies: no\n  OnFailure: a.service\n  Upholds: a.service\n"
               "Service: {ExecStart: /bin/true}\n")
        .write("x.service.d/10.yaml", "Unit:\n  OnFailure: b.service\n  Upholds: []\n");
    const LoadReport report = folder.load("x.service");
    const auto& dependencies = report.units.front().definition.dependencies;
    EXPECT_THAT(dependencies, ElementsAre(Dependency{Relation::on_failure, "a.service"},
                                          Dependency{Relation::on_failure, "b.service"}));
    EXPECT_EQ(dependencies[0].line, 3U) << "of the fragment";
    EXPECT_EQ(dependencies[1].line, 0U) << "of a drop-in";
}

TEST(Relations, ThatAreImpliedHaveNoLine) {
    UnitFolder folder;
    folder.write("x.service.yaml", "Service: {ExecStart: /bin/true}\n");
    const LoadReport report = folder.load("x.service");
    for (const Dependency& dependency : report.units.front().definition.dependencies) {
        EXPECT_EQ(dependency.line, 0U) << dependency.unit;
    }
}

TEST(Relations, ToListsHaveTheLineOfTheWord) {
    const LoadedUnit unit =
        load_unit_section("  After:\n    - a.service\n    - b.service\n  Wants: a.service\n");
    ASSERT_EQ(unit.definition.dependencies.size(), 3U);
    EXPECT_EQ(unit.definition.dependencies[0].line, 4U);
    EXPECT_EQ(unit.definition.dependencies[1].line, 5U);
    EXPECT_EQ(unit.definition.dependencies[2].line, 6U);
}

TEST(Relations, OfTypesThatAreNotSupportedAreAnErrorWhereTheyAreNeeded) {
    for (const char* key : {"Requires", "BindsTo", "Upholds", "OnFailure", "OnSuccess"}) {
        EXPECT_THAT(load_unit_section("  " + std::string(key) + ": a.socket\n").error,
                    HasSubstr("units of type 'socket' are not supported"))
            << key;
    }
    const LoadedUnit unit = load_unit_section(
        "  PropagatesReloadTo: a.socket\n  StopPropagatedFrom: a.socket\n"
        "  JoinsNamespaceOf: a.socket\n");
    EXPECT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_THAT(unit.definition.dependencies, IsEmpty());
}

TEST(Relations, OfOnFailureAddNoOrder) {
    const LoadedUnit unit = load_unit_section("  OnFailure: a.service\n  OnSuccess: b.service\n");
    EXPECT_EQ(unit.definition.dependencies.size(), 2U);
}

TEST(Relations, OfATargetThatUpholdsAreOrdered) {
    UnitFolder folder;
    folder.write("t.target.yaml", "Unit: {Upholds: a.service}\n")
        .write("a.service.yaml", "Service: {ExecStart: /bin/true}\n");
    EXPECT_TRUE(
        has_dependency(folder.load("t.target").units.front(), Relation::after, "a.service"));
}

TEST(JobModes, OfIsolateGoWithOneUnitOnly) {
    EXPECT_THAT(
        load_unit_section("  OnFailure: a.target b.target\n  OnFailureJobMode: isolate\n").error,
        HasSubstr("one unit in OnFailure only"));
    EXPECT_THAT(
        load_unit_section("  OnSuccess: a.target b.target\n  OnSuccessJobMode: isolate\n").error,
        HasSubstr("one unit in OnSuccess only"));
    EXPECT_EQ(load_unit_section("  OnFailure: a.target\n  OnFailureJobMode: isolate\n").state,
              LoadState::loaded);
}

TEST(JobTimeouts, OfTheWholeJobAreThoseOfItsRunToo) {
    using namespace std::chrono_literals;
    for (const char* lines : {"  JobRunningTimeoutSec: 3\n  JobTimeoutSec: 5\n",
                              "  JobTimeoutSec: 5\n  JobRunningTimeoutSec: 3\n"}) {
        const LoadedUnit unit = load_unit_section(lines);
        EXPECT_EQ(unit.definition.rarely().job_timeout, 5s);
        EXPECT_EQ(unit.definition.rarely().job_running_timeout, 3s);
    }
    const LoadedUnit unit =
        load_unit_section("  JobTimeoutSec: 5\n  JobRunningTimeoutSec: infinity\n");
    EXPECT_EQ(unit.definition.rarely().job_running_timeout, kInfinity);
}

TEST(Actions, OfAUsersUnitsEndTheirSvcdAndNothingMore) {
    UnitFolder folder;
    folder
        .write("x.service.yaml", "Unit: {FailureAction: reboot}\nService: {ExecStart: /bin/true}\n")
        .write("y.service.yaml",
               "Unit: {FailureAction: exit-force}\nService: {ExecStart: /bin/true}\n");
    UnitLoader loader{{{folder.path()}, true}};
    EXPECT_THAT(loader.load("x.service").units.front().error,
                HasSubstr("not for the units of a user"));
    EXPECT_EQ(loader.load("y.service").units.front().state, LoadState::loaded);
}

}  // namespace
}  // namespace svcd
