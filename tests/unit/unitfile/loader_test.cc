#include <gmock/gmock.h>

#include <chrono>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr std::string_view kSound = "Service:\n  ExecStart: /bin/true\n";

TEST(Loader, ReadsTheExampleOfTheManual) {
    UnitFolder folder;
    folder.write("web.service.yaml",
                 "Unit:\n"
                 "  Description: Web front end\n"
                 "  Requires: [db.service]\n"
                 "  After: [db.service, network.target]\n"
                 "Service:\n"
                 "  Type: notify\n"
                 "  ExecStart: [/usr/bin/web, --port, \"8080\"]\n"
                 "  ExecReload: kill -HUP $MAINPID\n"
                 "  Environment: {PORT: 8080, LOG_LEVEL: info}\n"
                 "  User: web\n"
                 "  Restart: on-failure\n"
                 "  RestartSec: 200ms\n"
                 "  TimeoutStopSec: 20s\n"
                 "Install:\n"
                 "  WantedBy: [default.target]\n");
    const LoadReport report = folder.load("web.service");
    const LoadedUnit& unit = report.units.front();
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    const UnitDefinition& web = unit.definition;
    EXPECT_EQ(web.description, "Web front end");
    EXPECT_EQ(web.fragment_path, folder.path("web.service.yaml"));
    EXPECT_TRUE(has_dependency(unit, Relation::requires_, "db.service"));
    EXPECT_TRUE(has_dependency(unit, Relation::after, "network.target"));
    EXPECT_EQ(web.service->type, ServiceType::notify);
    EXPECT_THAT(web.service->commands[0].argv, ElementsAre("/usr/bin/web", "--port", "8080"));
    EXPECT_EQ(web.service->commands[1].role, CommandRole::reload);
    EXPECT_EQ(web.service->commands[1].path, "kill");
    EXPECT_THAT(web.service->exec->environment, ElementsAre("PORT=8080", "LOG_LEVEL=info"));
    EXPECT_EQ(web.service->restart_delay, std::chrono::milliseconds{200});
    EXPECT_EQ(web.service->timeout_stop, std::chrono::seconds{20});
    EXPECT_THAT(web.install, ElementsAre("WantedBy=default.target"));
}

TEST(Loader, FirstFolderOfThePathWins) {
    UnitFolder above;
    UnitFolder below;
    above.write("x.service.yaml", "Unit: {Description: above}\nService: {ExecStart: /bin/true}\n");
    below.write("x.service.yaml", "Unit: {Description: below}\nService: {ExecStart: /bin/true}\n");
    below.write("y.service.yaml", kSound);
    const LoadReport report =
        UnitLoader{{{above.path(), "/nowhere/at/all", below.path()}, false}}.load_all();
    EXPECT_EQ(find_unit(report, "x.service")->definition.description, "above");
    EXPECT_NE(find_unit(report, "y.service"), nullptr);
    EXPECT_THAT(report.diagnostics, IsEmpty());
}

TEST(Loader, TellsOfAFolderThatWasAskedForAndIsNotThere) {
    const LoadReport report = UnitLoader{{{"/nowhere/at/all"}, false, true}}.load_all();
    ASSERT_EQ(report.diagnostics.size(), 1U);
    EXPECT_EQ(to_string(report.diagnostics.front()),
              "/nowhere/at/all: warning: --unit-path names this folder, and it does not exist: no "
              "unit is read from it");
}

TEST(Loader, TellsOfFilesThatSomebodyMayBelieveToBeRead) {
    UnitFolder folder;
    folder.write("web.service", "[Service]\nExecStart=/bin/true\n")
        .write("web.service.yml", kSound)
        .write("x.conf", "")
        .write("a.service.yaml", kSound)
        .write("a.service.d/override.conf", "[Service]\n")
        .write("a.service.d/more.yml", "")
        .write("more/b.service.yaml", kSound);
    for (const char* silent :
         {"a.service.yaml~", "a.service.yaml.bak", ".a.service.yaml.swp", "README.md"}) {
        folder.write(silent, "");
    }
    const LoadReport report = folder.load_all();
    std::vector<std::string> told;
    for (const Diagnostic& each : report.diagnostics) {
        EXPECT_EQ(each.severity, Diagnostic::Severity::warning);
        told.push_back(headline(each).substr(folder.path().size() + 1));
    }
    EXPECT_THAT(
        told,
        ElementsAre(
            StartsWith("more: warning: not read: unit files stand in the folder itself"),
            StartsWith("web.service: warning: not read: this is the name of a unit file of "
                       "systemd's; those of svcd are YAML, here web.service.yaml"),
            StartsWith("web.service.yml: warning: not read: the name must end with .yaml; rename "
                       "it to web.service.yaml"),
            StartsWith("x.conf: warning: not read: a unit file is named NAME.TYPE.yaml"),
            StartsWith("a.service.d/more.yml: warning: not read: the name must end with .yaml"),
            StartsWith("a.service.d/override.conf: warning: not read: this is the name of a "
                       "drop-in of systemd's")));
}

TEST(Loader, TellsAFaultOfATemplateOnce) {
    UnitFolder folder;
    folder.write("w@.service.yaml", "Service: {ExecStart: /bin/w, Typ: simple}\n")
        .write("t.target.yaml", "Unit: {Wants: [w@1.service, w@2.service, w@3.service]}\n")
        .write("w@.service.d/x.conf", "");
    const LoadReport report = folder.load_all();
    EXPECT_EQ(report.diagnostics.size(), 2U);
    for (const char* name : {"w@1.service", "w@2.service", "w@3.service"}) {
        EXPECT_EQ(find_unit(report, name)->state, LoadState::bad_setting);
        EXPECT_THAT(find_unit(report, name)->error, HasSubstr("did you mean 'Type'?"));
    }
}

TEST(Loader, BringsTheTargetsThatNoFileHas) {
    UnitFolder folder;
    const LoadReport report = folder.load_all();
    for (const char* name :
         {"sysinit.target", "basic.target", "shutdown.target", "default.target"}) {
        const LoadedUnit* unit = find_unit(report, name);
        ASSERT_NE(unit, nullptr) << name;
        EXPECT_EQ(unit->state, LoadState::loaded);
        EXPECT_EQ(unit->definition.fragment_path, "");
        EXPECT_FALSE(unit->definition.default_dependencies);
        EXPECT_EQ(unit->definition.service, nullptr);
    }
    EXPECT_TRUE(
        has_dependency(*find_unit(report, "basic.target"), Relation::after, "sysinit.target"));
    EXPECT_TRUE(
        has_dependency(*find_unit(report, "default.target"), Relation::requires_, "basic.target"));
    EXPECT_EQ(find_unit(report, "multi-user.target"), nullptr);
}

TEST(Loader, FileOverridesABuiltInTarget) {
    UnitFolder folder;
    folder.write("default.target.yaml", "Unit: {Description: mine, Wants: [a.service]}\n")
        .write("a.service.yaml", kSound);
    const LoadReport report = folder.load("default.target");
    EXPECT_EQ(report.units.front().definition.description, "mine");
    EXPECT_NE(find_unit(report, "a.service"), nullptr);
}

TEST(Loader, UnknownUnitIsNotFound) {
    UnitFolder folder;
    const LoadReport report = folder.load("x.service");
    ASSERT_EQ(report.units.size(), 1U);
    EXPECT_EQ(report.units.front().state, LoadState::not_found);
    EXPECT_EQ(report.units.front().definition.name, "x.service");
    EXPECT_EQ(folder.load("../../etc/passwd").units.front().state, LoadState::not_found);
    EXPECT_EQ(folder.load("x.socket").units.front().state, LoadState::not_found);
}

TEST(Loader, MasksByALinkToDevNullAndByAnEmptyFile) {
    UnitFolder folder;
    folder.link("/dev/null", "a.service.yaml").write("b.service.yaml", "");
    const LoadReport report = folder.load_all();
    EXPECT_EQ(find_unit(report, "a.service")->state, LoadState::masked);
    EXPECT_EQ(find_unit(report, "b.service")->state, LoadState::masked);
    EXPECT_THAT(report.diagnostics, IsEmpty());
}

TEST(Loader, LoadsInstancesThatSomethingRefersTo) {
    UnitFolder folder;
    folder
        .write("w@.service.yaml",
               "Unit: {Description: 'for %i'}\nService: {ExecStart: /bin/w %i}\n")
        .write("a.service.yaml", "Unit: {Wants: [w@x.service]}\nService: {ExecStart: /bin/true}\n");
    const LoadReport report = folder.load_all();
    const LoadedUnit* instance = find_unit(report, "w@x.service");
    ASSERT_NE(instance, nullptr);
    EXPECT_EQ(instance->definition.description, "for x");
    EXPECT_THAT(instance->definition.service->commands.front().argv, ElementsAre("/bin/w", "x"));
    EXPECT_EQ(find_unit(report, "w@.service"), nullptr);
}

TEST(Loader, FileOfAnInstanceComesBeforeItsTemplate) {
    UnitFolder folder;
    folder.write("w@.service.yaml", "Unit: {Description: any}\nService: {ExecStart: /bin/w}\n")
        .write("w@x.service.yaml", "Unit: {Description: own}\nService: {ExecStart: /bin/w}\n");
    EXPECT_EQ(folder.load("w@x.service").units.front().definition.description, "own");
    EXPECT_EQ(folder.load("w@y.service").units.front().definition.description, "any");
}

TEST(Loader, LinksInWantsFoldersAreDependencies) {
    UnitFolder folder;
    folder.write("a.service.yaml", kSound)
        .write("w@.service.yaml", kSound)
        .link("../a.service.yaml", "default.target.wants/a.service.yaml")
        .link("../w@.service.yaml", "default.target.wants/w@1.service.yaml")
        .link("../a.service.yaml", "basic.target.upholds/a.service.yaml")
        .link("../a.service.yaml", "basic.target.requires/a.service");
    const LoadReport report = folder.load_all();
    const LoadedUnit& target = *find_unit(report, "default.target");
    EXPECT_TRUE(has_dependency(target, Relation::wants, "a.service"));
    EXPECT_TRUE(has_dependency(target, Relation::wants, "w@1.service"));
    EXPECT_TRUE(has_dependency(target, Relation::after, "a.service"));
    EXPECT_NE(find_unit(report, "w@1.service"), nullptr);
    const LoadedUnit& basic = *find_unit(report, "basic.target");
    EXPECT_TRUE(has_dependency(basic, Relation::requires_, "a.service"));
    EXPECT_TRUE(has_dependency(basic, Relation::upholds, "a.service"));
    EXPECT_FALSE(has_dependency(basic, Relation::after, "a.service")) << "a is after basic";
}

TEST(Loader, AliasIsALinkToAnotherUnitsFile) {
    UnitFolder folder;
    folder.write("real.service.yaml", kSound)
        .link("real.service.yaml", "other.service.yaml")
        .write("b.service.yaml", "Unit: {After: [other.service]}\nService: {ExecStart: /bin/b}\n")
        .write("other.service.d/10.yaml", "Service: {Nice: 4}\n");
    const LoadReport report = folder.load_all();
    EXPECT_EQ(find_unit(report, "other.service"), nullptr);
    EXPECT_THAT(report.names.aliases.all(), Contains(Pair("other.service", "real.service")));
    EXPECT_TRUE(has_dependency(*find_unit(report, "b.service"), Relation::after, "real.service"));
    EXPECT_EQ(find_unit(report, "real.service")->definition.service->exec->nice, 4);
    EXPECT_EQ(folder.load("other.service").units.front().definition.name, "real.service");
}

TEST(Loader, LinkToAFileElsewhereIsTheUnitItself) {
    UnitFolder folder;
    UnitFolder elsewhere;
    elsewhere.write("stuff.yaml", kSound).write("y.service.yaml", kSound);
    folder.link(elsewhere.path("stuff.yaml"), "x.service.yaml")
        .link(elsewhere.path("y.service.yaml"), "z.service.yaml");
    EXPECT_EQ(folder.load("x.service").units.front().state, LoadState::loaded);
    EXPECT_EQ(folder.load("z.service").units.front().definition.name, "z.service");
}

TEST(Aliases, OfAliasesAndOfTemplatesLeadToTheEnd) {
    UnitFolder folder;
    folder.write("a.service.yaml", kSound)
        .write("bar@.service.yaml", kSound)
        .link("a.service.yaml", "al.service.yaml")
        .link("al.service.yaml", "am.service.yaml")
        .link("bar@.service.yaml", "foo@.service.yaml")
        .link("foo@.service.yaml", "baz@.service.yaml")
        .link("bar@.service.yaml", "in@2.service.yaml")
        .link("bar@3.service.yaml", "in@3.service.yaml")
        .write("foo@own.service.yaml", kSound);
    const UnitAliases aliases = folder.load_all().names.aliases;
    EXPECT_EQ(aliases.resolve("am.service"), "a.service");
    EXPECT_EQ(aliases.resolve("baz@x.service"), "bar@x.service");
    EXPECT_EQ(aliases.resolve("in@2.service"), "bar@2.service");
    EXPECT_EQ(aliases.resolve("in@3.service"), "bar@3.service");
    EXPECT_EQ(aliases.resolve("foo@own.service"), "foo@own.service");
    EXPECT_THAT(aliases.names_for(*parse_unit_name("a.service")),
                ElementsAre("al.service", "am.service"));
    EXPECT_THAT(aliases.names_for(*parse_unit_name("bar@2.service")),
                ElementsAre("baz@2.service", "foo@2.service", "in@2.service"));
    EXPECT_EQ(folder.load("baz@x.service").units.front().definition.name, "bar@x.service");
}

TEST(Aliases, ThatCannotBeAreFaultsOfTheirOwn) {
    struct Case {
        const char* target;
        const char* name;
        const char* text;
    };
    for (const Case& each :
         {Case{"bar@.service", "x.service", "that is a template; link to it from an instance"},
          Case{"bar@1.service", "x.service", "one of them is an instance"},
          Case{"a.service", "x.target", "a target is no service"},
          Case{"bar@3.service", "in@2.service", "it is another instance"},
          Case{"b.service", "b2.service",
               "a loop of links, which leads to no file: "
               "b2.service → b.service → b2.service"}}) {
        UnitFolder folder;
        folder.write("a.service.yaml", kSound)
            .write("bar@.service.yaml", kSound)
            .link("b2.service.yaml", "b.service.yaml")
            .link(std::string(each.target) + ".yaml", std::string(each.name) + ".yaml");
        const LoadReport report = folder.load_all();
        const LoadedUnit* unit = find_unit(report, each.name);
        ASSERT_NE(unit, nullptr) << each.name;
        EXPECT_EQ(unit->state, LoadState::bad_setting) << each.name;
        EXPECT_THAT(unit->error, HasSubstr(each.text));
        EXPECT_THAT(unit->error, StartsWith(folder.path(each.name) + ".yaml: "));
        EXPECT_EQ(find_unit(report, "a.service")->state, LoadState::loaded);
    }
}

TEST(Aliases, LinkOfATemplateToAPlainUnitIsSaidAndKeepsItsInstancesFromLoading) {
    UnitFolder folder;
    folder.write("a.service.yaml", kSound).link("a.service.yaml", "v@.service.yaml");
    LoadReport report = folder.load_all();
    ASSERT_EQ(report.diagnostics.size(), 1U);
    EXPECT_THAT(report.diagnostics.front().message, HasSubstr("a template needs a template"));
    report = folder.load("v@1.service");
    EXPECT_EQ(report.units.front().state, LoadState::bad_setting);
}

TEST(Aliases, OfDefaultTargetMeansTheOtherTarget) {
    UnitFolder folder;
    folder.write("multi-user.target.yaml", "Unit: {Description: many}\n")
        .link("multi-user.target.yaml", "default.target.yaml")
        .write("a.service.yaml",
               "Unit: {Before: [default.target]}\nService: {ExecStart: /bin/a}\n");
    const LoadReport report = folder.load_all();
    EXPECT_EQ(find_unit(report, "default.target"), nullptr);
    EXPECT_TRUE(
        has_dependency(*find_unit(report, "a.service"), Relation::before, "multi-user.target"));
}

TEST(Aliases, NameThatIsTakenAlreadyIsSaid) {
    UnitFolder above;
    UnitFolder below;
    above.write("a.service.yaml", kSound)
        .link("a.service.yaml", "al.service.yaml")
        .write("own.service.yaml", kSound);
    below.write("a.service.yaml", kSound)
        .write("b.service.yaml", kSound)
        .link("b.service.yaml", "al.service.yaml")
        .link("b.service.yaml", "own.service.yaml");
    const LoadReport report = UnitLoader{{{above.path(), below.path()}, false}}.load_all();
    ASSERT_EQ(report.diagnostics.size(), 2U);
    EXPECT_EQ(to_string(report.diagnostics[0]),
              below.path("al.service.yaml") +
                  ": warning: not read: the name 'al.service' is taken "
                  "by " +
                  above.path("al.service.yaml") + ", a second name of 'a.service'");
    EXPECT_THAT(report.diagnostics[1].message, HasSubstr("which is a unit of its own"));
}

TEST(Aliases, KeepTheirMeaningWhenTheOtherUnitIsOverridden) {
    UnitFolder above;
    UnitFolder below;
    above.write("a.service.yaml", "Unit: {Description: mine}\nService: {ExecStart: /bin/true}\n");
    below.write("a.service.yaml", kSound).link("a.service.yaml", "al.service.yaml");
    const LoadReport report = UnitLoader{{{above.path(), below.path()}, false}}.load("al.service");
    EXPECT_EQ(report.units.front().definition.description, "mine");
    EXPECT_THAT(report.diagnostics, IsEmpty());
}

TEST(DefaultDependencies, OfAServicePutItAfterTheBasicTarget) {
    UnitFolder folder;
    folder.write("a.service.yaml", kSound)
        .write("b.service.yaml",
               "Unit: {DefaultDependencies: no}\nService: {ExecStart: /bin/true}\n");
    const LoadReport report = folder.load_all();
    const LoadedUnit& a = *find_unit(report, "a.service");
    EXPECT_TRUE(has_dependency(a, Relation::requires_, "sysinit.target"));
    EXPECT_TRUE(has_dependency(a, Relation::after, "sysinit.target"));
    EXPECT_TRUE(has_dependency(a, Relation::after, "basic.target"));
    EXPECT_THAT(find_unit(report, "b.service")->definition.dependencies, IsEmpty());
    const LoadReport user = UnitLoader{{{folder.path()}, true}}.load("a.service");
    EXPECT_THAT(user.units.front().definition.dependencies,
                ElementsAre(Dependency{Relation::requires_, "basic.target"},
                            Dependency{Relation::after, "basic.target"}));
}

TEST(DefaultDependencies, OfATargetPutItAfterWhatItWants) {
    UnitFolder folder;
    folder
        .write("t.target.yaml",
               "Unit:\n  Wants: [a.service, b.service, c.service]\n  Before: [c.service]\n")
        .write("a.service.yaml", kSound)
        .write("b.service.yaml", "Unit: {DefaultDependencies: no}\nService: {ExecStart: /bin/b}\n")
        .write("c.service.yaml", kSound);
    const LoadReport report = folder.load_all();
    const LoadedUnit& target = *find_unit(report, "t.target");
    EXPECT_TRUE(has_dependency(target, Relation::after, "a.service"));
    EXPECT_FALSE(has_dependency(target, Relation::after, "b.service"));
    EXPECT_FALSE(has_dependency(target, Relation::after, "c.service"));
}

TEST(Loader, UnitsThatSayTheSameShareTheirSettings) {
    UnitFolder folder;
    folder.write("a.service.yaml", kSound).write("b.service.yaml", kSound);
    for (const char* name : {"c.service.yaml", "d.service.yaml"}) {
        folder.write(name, "Service: {ExecStart: /bin/true, User: www, Environment: {A: 1}}\n");
    }
    const LoadReport report = folder.load_all();
    const auto exec = [&](const char* name) {
        return find_unit(report, name)->definition.service->exec;
    };
    EXPECT_EQ(exec("a.service"), exec("b.service"));
    EXPECT_EQ(exec("c.service"), exec("d.service"));
    EXPECT_NE(exec("a.service"), exec("c.service"));
    EXPECT_EQ(folder.load("a.service").units.front().definition.service->exec, exec("a.service"));
}

TEST(Loader, UnitsThatSayTheSameShareWhatFewUnitsSay) {
    UnitFolder folder;
    const std::string text =
        "Unit: {ConditionPathExists: /a, FailureAction: exit}\n"
        "Service: {ExecStart: /bin/true, SuccessExitStatus: 3}\n";
    const std::string other =
        "Unit: {ConditionPathExists: '!/a', FailureAction: exit}\n"
        "Service: {ExecStart: /bin/true, SuccessExitStatus: 4}\n";
    folder.write("a.service.yaml", text)
        .write("b.service.yaml", text)
        .write("c.service.yaml", other)
        .write("d.service.yaml", kSound)
        .write("e.service.yaml",
               "Unit: {FailureAction: none, ConditionPathExists: [/a, null]}\n"
               "Service: {ExecStart: /bin/true, SuccessExitStatus: [3, null]}\n");
    const LoadReport report = folder.load_all();
    const auto definition = [&](const char* name) -> const UnitDefinition& {
        return find_unit(report, name)->definition;
    };
    const UnitDefinition& a = definition("a.service");
    ASSERT_NE(a.rare, nullptr);
    ASSERT_NE(a.service->rare, nullptr);
    EXPECT_EQ(a.rare, definition("b.service").rare);
    EXPECT_EQ(a.service->rare, definition("b.service").service->rare);
    EXPECT_NE(a.rare, definition("c.service").rare);
    EXPECT_NE(a.service->rare, definition("c.service").service->rare);
    for (const char* name : {"d.service", "e.service"}) {
        EXPECT_EQ(definition(name).rare, nullptr) << name;
        EXPECT_EQ(definition(name).service->rare, nullptr) << name;
    }
}

TEST(Loader, LoadsFiveHundredUnitsOneReadEach) {
    UnitFolder folder;
    for (int i = 0; i < 500; ++i) {
        folder.write("s" + std::to_string(i) + ".service.yaml", kSound);
    }
    const LoadReport report = folder.load_all();
    EXPECT_EQ(report.units.size(), 506U);
    EXPECT_THAT(report.diagnostics, IsEmpty());
}

TEST(UnitPath, IsThatOfTheManual) {
    EXPECT_THAT(default_unit_path(false),
                ElementsAre("/etc/svcd/units", "/run/svcd/units", "/usr/local/lib/svcd/units",
                            "/usr/lib/svcd/units"));
    EXPECT_THAT(default_unit_path(true), Contains("/etc/svcd/user"));
}

}  // namespace
}  // namespace svcd
