#include <gmock/gmock.h>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::string_view kWeb =
    "Unit:\n  After: [a.service]\nService:\n  ExecStart: [/bin/web, -v]\n  Nice: 3\n"
    "  Environment: {A: 1, B: 2}\n";

class DropIns : public ::testing::Test {
protected:
    DropIns() { folder.write("web.service.yaml", kWeb); }
    const UnitDefinition& web() {
        report = folder.load("web.service");
        EXPECT_EQ(report.units.front().state, LoadState::loaded) << report.units.front().error;
        return report.units.front().definition;
    }
    UnitFolder folder;
    LoadReport report;
};

TEST_F(DropIns, ScalarsReplaceAndListsAppend) {
    folder.write("web.service.d/10.yaml",
                 "Unit:\n  After: [b.service]\nService:\n  Nice: 5\n  Environment: {B: 3, C: 4}\n");
    const UnitDefinition& unit = web();
    EXPECT_EQ(unit.service->exec->nice, 5);
    EXPECT_THAT(unit.service->exec->environment, ElementsAre("A=1", "B=3", "C=4"));
    EXPECT_TRUE(has_dependency(report.units.front(), Relation::after, "a.service"));
    EXPECT_TRUE(has_dependency(report.units.front(), Relation::after, "b.service"));
    EXPECT_THAT(unit.drop_in_paths, ElementsAre(folder.path("web.service.d/10.yaml")));
}

TEST_F(DropIns, AreMergedInTheOrderOfTheirFileNames) {
    folder.write("web.service.d/20.yaml", "Service: {Nice: 20x}\n");
    folder.write("web.service.d/20.yaml", "Service: {Nice: 2}\n");
    folder.write("web.service.d/10.yaml", "Service: {Nice: 1}\n");
    EXPECT_EQ(web().service->exec->nice, 2);
}

TEST_F(DropIns, EmptyListOrNullClears) {
    folder.write("web.service.d/10.yaml",
                 "Unit:\n  After: []\nService:\n  Nice:\n  Environment: null\n");
    const UnitDefinition& unit = web();
    EXPECT_EQ(unit.service->exec->nice, std::nullopt);
    EXPECT_THAT(unit.service->exec->environment, IsEmpty());
    EXPECT_FALSE(has_dependency(report.units.front(), Relation::after, "a.service"));
}

TEST_F(DropIns, NullAtTheHeadOfAListClearsAndSets) {
    folder.write("web.service.d/10.yaml", "Service:\n  ExecStart: [null, [/bin/other, x]]\n");
    const UnitDefinition& unit = web();
    ASSERT_EQ(unit.service->commands.size(), 1U);
    EXPECT_THAT(unit.service->commands.front().argv, ElementsAre("/bin/other", "x"));
}

TEST_F(DropIns, FaultyOneIsLeftOutAtTheFirstLoadAndSaid) {
    folder.write("web.service.d/10.yaml", "Service:\n  Nice: 7\n");
    folder.write("web.service.d/20.yaml", "Service:\n  Nic: 8\n");
    EXPECT_EQ(web().service->exec->nice, 7);
    ASSERT_EQ(report.diagnostics.size(), 1U);
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("loaded without this drop-in"));
    EXPECT_EQ(report.diagnostics.front().line, 2);
    EXPECT_THAT(report.units.front().definition.drop_in_paths,
                ElementsAre(folder.path("web.service.d/10.yaml")));
}

TEST_F(DropIns, FaultyOneRejectsTheUnitOnAReload) {
    folder.write("web.service.d/20.yaml", "Service:\n  Nic: 8\n");
    report = folder.load_all(FaultyDropIn::reject_unit);
    EXPECT_EQ(find_unit(report, "web.service")->state, LoadState::bad_setting);
}

TEST_F(DropIns, OneThatBreaksARuleOfTheWholeIsLeftOut) {
    folder.write("web.service.d/10.yaml", "Service:\n  Nice: 7\n");
    folder.write("web.service.d/20.yaml", "Service:\n  ExecStart: /bin/second\n");
    EXPECT_EQ(web().service->exec->nice, 7);
    EXPECT_EQ(report.units.front().definition.service->commands.size(), 1U);
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("more than one ExecStart"));
}

TEST_F(DropIns, LinkToDevNullSwitchesOneOff) {
    UnitFolder above;
    folder.write("web.service.d/10.yaml", "Service:\n  Nice: 7\n");
    above.link("/dev/null", "web.service.d/10.yaml");
    const LoadReport loaded =
        UnitLoader{{{above.path(), folder.path()}, false}}.load("web.service");
    EXPECT_EQ(loaded.units.front().definition.service->exec->nice, 3);
    EXPECT_THAT(loaded.diagnostics, IsEmpty());
}

TEST_F(DropIns, OfATemplateApplyToItsInstances) {
    folder.write("w@.service.yaml", kWeb);
    folder.write("w@.service.d/10.yaml", "Service:\n  Nice: 7\n");
    folder.write("w@b.service.d/20.yaml", "Service:\n  Nice: 8\n");
    report = folder.load("w@a.service");
    EXPECT_EQ(report.units.front().definition.service->exec->nice, 7);
    report = folder.load("w@b.service");
    EXPECT_EQ(report.units.front().definition.service->exec->nice, 8);
}

}  // namespace
}  // namespace svcd
