#include <gmock/gmock.h>

#include "unit_folder.h"
#include "unitfile/drop_in_names.h"

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

TEST_F(DropIns, OneThatBreaksARuleOfTheWholeIsLeftOutAlone) {
    folder.write("web.service.d/10.yaml", "Service:\n  Nice: 7\n");
    folder.write("web.service.d/20.yaml", "Service:\n  PreStopDelaySec: 80s\n");
    folder.write("web.service.d/30.yaml", "Service:\n  UMask: '0027'\n");
    EXPECT_EQ(web().service->exec->nice, 7);
    EXPECT_EQ(report.units.front().definition.service->exec->umask, 0027);
    EXPECT_THAT(
        report.units.front().definition.drop_in_paths,
        ElementsAre(folder.path("web.service.d/10.yaml"), folder.path("web.service.d/30.yaml")));
    ASSERT_EQ(report.diagnostics.size(), 1U);
    EXPECT_EQ(report.diagnostics.front().file, folder.path("web.service.d/20.yaml"));
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("PreStopDelaySec"));
    EXPECT_THAT(report.units.front().error, HasSubstr("loaded without this drop-in"));
}

TEST_F(DropIns, OneExecStartReplacesWhereOnlyOneMayBe) {
    folder.write("web.service.d/10.yaml", "Service:\n  ExecStart: [/bin/other, x]\n");
    const UnitDefinition& unit = web();
    ASSERT_EQ(unit.service->commands.size(), 1U);
    EXPECT_THAT(unit.service->commands.front().argv, ElementsAre("/bin/other", "x"));
    folder.write("web.service.d/20.yaml", "Service:\n  Type: oneshot\n");
    EXPECT_EQ(web().service->commands.size(), 2U);
}

TEST_F(DropIns, TwoExecStartsInOneAreTooMany) {
    folder.write("web.service.d/10.yaml", "Service:\n  ExecStart: [[/bin/a], [/bin/b]]\n");
    EXPECT_THAT(web().service->commands.front().argv, ElementsAre("/bin/web", "-v"));
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("more than one ExecStart"));
}

TEST_F(DropIns, OverrideReplacesWhatCameBefore) {
    folder.write("web.service.d/10.yaml",
                 "Unit:\n  After: !override [b.service]\nService:\n"
                 "  ExecStart: !override [/usr/bin/web, --port, \"9090\"]\n"
                 "  Environment: !override\n    C: 4\n");
    const UnitDefinition& unit = web();
    EXPECT_THAT(unit.service->commands.front().argv, ElementsAre("/usr/bin/web", "--port", "9090"));
    EXPECT_THAT(unit.service->exec->environment, ElementsAre("C=4"));
    EXPECT_FALSE(has_dependency(report.units.front(), Relation::after, "a.service"));
    EXPECT_TRUE(has_dependency(report.units.front(), Relation::after, "b.service"));
}

TEST_F(DropIns, ResetTakesAKeyAwayAsIfNoFileHadSetIt) {
    folder.write(
        "web.service.yaml",
        "Service:\n  ExecStart: /bin/web\n  Type: oneshot\n  TimeoutStartSec: 5\n  Nice: 3\n");
    folder.write("web.service.d/10.yaml",
                 "Service:\n  Type: !reset null\n  TimeoutStartSec: !reset []\n  Nice: !reset\n");
    const UnitDefinition& unit = web();
    EXPECT_EQ(unit.service->type, ServiceType::simple);
    EXPECT_EQ(unit.service->timeout_start, 90s);
    EXPECT_EQ(unit.service->exec->nice, std::nullopt);
}

TEST_F(DropIns, ResetOfASectionTakesAllOfItAway) {
    folder.write("web.service.d/10.yaml", "Unit: !reset null\n");
    folder.write("web.service.d/20.yaml", "Service: !override {ExecStart: [/bin/new]}\n");
    const UnitDefinition& unit = web();
    EXPECT_FALSE(has_dependency(report.units.front(), Relation::after, "a.service"));
    EXPECT_THAT(unit.service->commands.front().argv, ElementsAre("/bin/new"));
    EXPECT_EQ(unit.service->exec->nice, std::nullopt);
}

TEST_F(DropIns, OverrideMendsAFaultOfTheFileItself) {
    folder.write("web.service.yaml", "Service:\n  ExecStart: /bin/web\n  Nice: much\n");
    folder.write("web.service.d/10.yaml", "Service:\n  Nice: !override 5\n");
    EXPECT_EQ(web().service->exec->nice, 5);
}

TEST_F(DropIns, TagsHaveTheirPlace) {
    struct Case {
        const char* text;
        const char* message;
    };
    for (const Case& each :
         {Case{"Service:\n  Nice: !reset 5\n",
               ":2:9: Nice: !reset takes back what other files have set"},
          Case{"Service:\n  Environment: {A: !reset null}\n",
               ":2:20: !override and !reset stand before the value of a section or a key"},
          Case{"Service:\n  ExecStart: [!override /bin/x]\n",
               ":2:15: !override and !reset stand before"},
          Case{"Service:\n  Nice: !overide 5\n", "did you mean '!override'?"},
          Case{"Service:\n  Nic: !reset null\n", ":2:3: unknown key 'Nic'"}}) {
        folder.write("web.service.d/10.yaml", each.text);
        EXPECT_EQ(web().service->exec->nice, 3);
        EXPECT_THAT(headline(report.diagnostics.front()), HasSubstr(each.message)) << each.text;
    }
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

TEST(DropIn, ForAUnitThatDoesNotExistIsToldOf) {
    UnitFolder folder;
    folder.write("web.service.yaml", "Service: {ExecStart: /bin/true}\n");
    for (const char* of : {"web.service", "web-.service", "service", "w@.service", "default.target",
                           "web.slice", "orphan.service"}) {
        folder.write(std::string(of) + ".d/x.yaml", "Unit: {Documentation: man:x}\n");
    }
    const auto diagnostics = folder.load_all().diagnostics;
    ASSERT_EQ(diagnostics.size(), 1U);
    EXPECT_EQ(headline(diagnostics[0]),
              folder.path("orphan.service.d/x.yaml") +
                  ": warning: not read: there is no unit file orphan.service.yaml");
}

TEST(DropIn, AFaultOfTheUnitsOwnFileIsNotBlamedOnADropIn) {
    for (const char* drop_in :
         {"Unit: {Description: harmless}\n", "Unit: {Descripton: faulty}\n"}) {
        const LoadReport report =
            load_with_drop_in("Service: {Type: simple}\n", drop_in);  // no ExecStart
        EXPECT_EQ(report.units.front().state, LoadState::bad_setting);
        EXPECT_THAT(report.units.front().error, ::testing::HasSubstr("x.service.yaml: "));
        EXPECT_THAT(report.units.front().error,
                    ::testing::Not(::testing::HasSubstr("loaded without this drop-in")));
    }
}

TEST(DropInNames, GoFromTheMostSpecialToTheType) {
    EXPECT_THAT(drop_in_names({"web-foo-bar.service"}),
                ElementsAre("web-foo-bar.service", "web-foo-.service", "web-.service", "service"));
    EXPECT_THAT(drop_in_names({"web-foo@a-b.service"}),
                ElementsAre("web-foo@a-b.service", "web-foo@.service", "web-@a-b.service",
                            "web-@.service", "web-.service", "service"));
    EXPECT_THAT(drop_in_names({"web.target", "old-web.target"}),
                ElementsAre("web.target", "old-web.target", "old-.target", "target"));
    EXPECT_THAT(drop_in_names({"-.slice"}), ElementsAre("-.slice", "slice"));
    EXPECT_THAT(drop_in_names({"a-.service"}), ElementsAre("a-.service", "service"));
}

TEST_F(DropIns, OfAPrefixAndOfATypeApplyAndTheMostSpecialOfOneNameCounts) {
    UnitFolder above;
    folder.write("web-foo.service.yaml", kWeb)
        .write("service.d/10.yaml", "Service: {Environment: {C: type, D: type, E: type}}\n")
        .write("web-.service.d/20.yaml", "Service: {Environment: {D: prefix}}\n")
        .write("web-foo.service.d/05.yaml", "Service: {Environment: {C: early}}\n")
        .write("web-.service.d/30.yaml", "Service: {Nice: 7}\n")
        .write("web-foo.service.d/30.yaml", "Service: {UMask: '0027'}\n");
    above.write("service.d/30.yaml", "Service: {Nice: 9}\n");
    report = UnitLoader{{{above.path(), folder.path()}, false}}.load("web-foo.service");
    const UnitDefinition& unit = report.units.front().definition;
    EXPECT_THAT(unit.service->exec->environment,
                ElementsAre("A=1", "B=2", "C=type", "D=prefix", "E=type"));
    EXPECT_EQ(unit.service->exec->nice, 3);
    EXPECT_EQ(unit.service->exec->umask, 0027);
}

TEST_F(DropIns, OfAMoreSpecialFolderMasksTheOneOfTheSameName) {
    folder.write("service.d/10.yaml", "Service: {Nice: 7}\n")
        .link("/dev/null", "web.service.d/10.yaml")
        .write("service.d/20.yaml", "Service: {UMask: '0077'}\n")
        .write("web.service.d/20.yaml", "");
    const UnitDefinition& unit = web();
    EXPECT_EQ(unit.service->exec->nice, 3);
    EXPECT_EQ(unit.service->exec->umask, 0022);
    EXPECT_THAT(unit.drop_in_paths, IsEmpty());
}

TEST_F(DropIns, OfASecondNameAndOfATemplatesSecondNameApply) {
    folder.link("web.service.yaml", "www-old.service.yaml")
        .write("www-.service.d/10.yaml", "Service: {Nice: 7}\n")
        .write("bar@.service.yaml", kWeb)
        .link("bar@.service.yaml", "foo@.service.yaml")
        .write("foo@.service.d/10.yaml", "Service: {Nice: 8}\n")
        .write("foo@x.service.d/20.yaml", "Service: {UMask: '0027'}\n");
    EXPECT_EQ(web().service->exec->nice, 7);
    report = folder.load("bar@x.service");
    EXPECT_EQ(report.units.front().definition.service->exec->nice, 8);
    EXPECT_EQ(report.units.front().definition.service->exec->umask, 0027);
}

TEST_F(DropIns, FileInPlaceOfTheirFolderIsSaid) {
    folder.write("web.service.d", "x");
    EXPECT_EQ(web().service->exec->nice, 3);
    ASSERT_EQ(report.diagnostics.size(), 1U);
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("can't read the folder"));
}

}  // namespace
}  // namespace svcd
