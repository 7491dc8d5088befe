// 'Bad input' of the specification, one by one: an error with a place, in bounded time and memory.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::string_view kSound = "Service:\n  ExecStart: /bin/true\n";

/// The bad file beside a sound one: the bad one has the fault, and the sound one loads.
class BadInput : public ::testing::Test {
protected:
    void load() {
        folder.write("sound.service.yaml", kSound);
        const auto start = std::chrono::steady_clock::now();
        report = folder.load_all();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
        const LoadedUnit* sound = find_unit(report, "sound.service");
        ASSERT_NE(sound, nullptr);
        EXPECT_EQ(sound->state, LoadState::loaded);
        bad = find_unit(report, "bad.service");
        ASSERT_NE(bad, nullptr);
        EXPECT_NE(bad->state, LoadState::loaded);
        EXPECT_FALSE(report.diagnostics.empty());
    }
    void load(std::string_view text) {
        folder.write("bad.service.yaml", text);
        load();
    }

    UnitFolder folder;
    LoadReport report;
    const LoadedUnit* bad = nullptr;
};

TEST_F(BadInput, UnknownKeyNamesTheNearestOne) {
    load("Service:\n  ExecStart: /bin/true\n  TimeoutStopSecs: 3\n");
    EXPECT_EQ(bad->state, LoadState::bad_setting);
    EXPECT_EQ(bad->error,
              folder.path("bad.service.yaml") +
                  ":3:3: unknown key 'TimeoutStopSecs' in section Service, did you mean "
                  "'TimeoutStopSec'?");
    EXPECT_EQ(to_string(report.diagnostics.front()), bad->error) << "may be a secret's";
}

TEST_F(BadInput, KeyInTheWrongSectionSaysWhereItBelongs) {
    load("Unit:\n  ExecStart: /bin/true\nService:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error,
                EndsWith("unknown key 'ExecStart' in section Unit: it belongs in section "
                         "Service"));
}

TEST_F(BadInput, OldNameLeadsToTheNewOne) {
    load(
        "Unit:\n  StartLimitInterval: 5\n  BindTo: a.service\n  PropagateReloadTo: a.service\n"
        "Service:\n  ExecStart: /bin/true\n  StartLimitBurst: 3\n");
    EXPECT_THAT(bad->error, AllOf(HasSubstr("did you mean 'StartLimitIntervalSec'?"),
                                  HasSubstr("did you mean 'BindsTo'?"),
                                  HasSubstr("did you mean 'PropagatesReloadTo'?"),
                                  HasSubstr("it belongs in section Unit")));
}

TEST_F(BadInput, UnknownSectionNamesTheNearestOne) {
    load("Services:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith("unknown section 'Services', did you mean 'Service'?"));
}

TEST_F(BadInput, UnknownWordOfAnEnumNamesTheNearestOne) {
    load("Service:\n  ExecStart: /bin/true\n  Restart: on-failur\n");
    EXPECT_THAT(bad->error, AllOf(HasSubstr(":3:12: Restart: 'on-failur' is none of no, always"),
                                  EndsWith("did you mean 'on-failure'?")));
}

TEST_F(BadInput, SettingThatDoesNotWorkYetSaysSo) {
    load("Service:\n  ExecStart: /bin/true\n  MemoryMax: 5M\n");
    EXPECT_THAT(bad->error, EndsWith(":3:3: 'MemoryMax' is not supported by this version"));
}

TEST_F(BadInput, EveryFaultOfAFileIsReported) {
    load("Unit:\n  Wants: [a b, 7]\nService:\n  Nice: 99\n  Typ: simple\n");
    EXPECT_EQ(report.diagnostics.size(), 5U) << bad->error;
}

TEST_F(BadInput, DuplicateKeyNamesTheFirst) {
    load("Service:\n  ExecStart: /bin/true\n  Nice: 1\n  Nice: 2\n");
    EXPECT_THAT(bad->error, EndsWith(":4:3: 'Nice' stands here twice (first in line 3)"));
}

TEST_F(BadInput, DuplicateSectionIsAnError) {
    load("Service:\n  ExecStart: /bin/true\nService:\n  Nice: 2\n");
    EXPECT_THAT(bad->error, HasSubstr("'Service' stands here twice"));
}

TEST_F(BadInput, ListWhereOneValueBelongs) {
    load("Service:\n  ExecStart: /bin/true\n  Nice: [1, 2]\n");
    EXPECT_THAT(bad->error, EndsWith(":3:9: Nice: takes one value, not a list"));
}

TEST_F(BadInput, MapWhereAListBelongs) {
    load("Unit:\n  After: {a: b}\nService:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith("After: takes a list, not a map"));
}

TEST_F(BadInput, ScalarWhereASectionBelongs) {
    load("Service: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith("the section Service is a map of keys, not a single value"));
}

TEST_F(BadInput, ListAtTheTop) {
    load("- Service\n");
    EXPECT_THAT(bad->error, HasSubstr("a unit file is a map of sections"));
}

TEST_F(BadInput, TabInTheIndentation) {
    load("Service:\n\tExecStart: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith(":2:1: a tab: YAML is indented with spaces"));
}

TEST_F(BadInput, BrokenUtf8) {
    load("Unit:\n  Description: caf\xe9 au lait\nService:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith(":2:19: a byte that isn't UTF-8"));
}

TEST_F(BadInput, NulByte) {
    load(std::string_view{"Service:\n  ExecStart: /bin/\0true\n", 34});
    EXPECT_THAT(bad->error, HasSubstr("a control character"));
}

TEST_F(BadInput, ColumnCountsCharactersNotBytes) {
    load("Service:\n  ExecStart: /bin/true\n  X-ä: {ö: 1}\n  Environment: [ÄÖ, 'A=1']\n");
    EXPECT_THAT(bad->error, HasSubstr(":4:17: "));
}

TEST_F(BadInput, SyntaxErrorHasAPlace) {
    load("Service:\n  ExecStart: [/bin/true\n");
    EXPECT_THAT(bad->error,
                AllOf(StartsWith(folder.path("bad.service.yaml:")), HasSubstr("not valid YAML")));
}

TEST_F(BadInput, SecondDocument) {
    load("Service:\n  ExecStart: /bin/true\n---\nService:\n  Nice: 1\n");
    EXPECT_THAT(bad->error, HasSubstr("a second document"));
}

/// What YAML says of a file in people's words: the place, and a part of the message.
TEST(YamlInWords, HasThePlaceAndShowsHowItIsWritten) {
    struct Case {
        const char* text;
        const char* message;
    };
    for (
        const Case& each : {
            Case{"Unit:\n  Description: Web: front end\n",
                 ":2:19: not valid YAML: to YAML a ': ' ends a key; a value that has one stands in "
                 "quotes: Description: \"Web: front end\""},
            Case{"Unit:\n  Description: Web front end:\n", "Description: \"Web front end:\""},
            Case{"Unit:\n  Description: say \"a: b\" # so\n", "Description: 'say \"a: b\"'"},
            Case{"Unit:\n  Documentation:\n    - see: this: that\n",
                 ":3:16: not valid YAML: to YAML a ': ' ends a key; a value that has one stands in "
                 "quotes: \"see: this: that\""},
            Case{"Service:\n  ExecStart: /bin/true\n    Nice: 5\n",
                 ":3:5: not valid YAML: this line is indented by 4 spaces, as nothing above it is: "
                 "'ExecStart' in line 2 by 2 spaces, 'Service' in line 1 by 0 spaces"},
            Case{"Service:\n    ExecStart: /bin/true\n  Nice: 5\n",
                 ":3:3: not valid YAML: this line is indented by 2 spaces, as nothing above it is: "
                 "'ExecStart' in line 2 by 4 spaces, 'Service' in line 1 by 0 spaces"},
            Case{"Service:\n  ExecStart: /bin/true\n Unit:\n  Description: x\n",
                 ":3:2: not valid YAML: this line is indented by 1 space,"},
            Case{"  Service:\n    ExecStart: /bin/true\nUnit:\n  Description: a\n",
                 ":3:1: not valid YAML: this line is indented by 0 spaces, as nothing above it is: "
                 "'ExecStart' in line 2 by 4 spaces, 'Service' in line 1 by 2 spaces"},
            Case{"Service:\n  ExecStart: /bin/true\n  Nice 5\n",
                 ":3:3: not valid YAML: this line belongs to no key"},
            Case{"Service:\n  Type: simple\n  ExecStart=/bin/true x\n",
                 ":3:3: not valid YAML: this line has no key: write 'ExecStart: /bin/true x', with "
                 "a colon and a blank"},
            Case{"Service:\n  ExecStart: /bin/true\n  Nice:5\n",
                 ":3:3: not valid YAML: a blank is missing after the colon: 'Nice: 5'"},
            Case{"Service:\n  ExecStart: /bin/true\n    Nice:5\n",
                 ":3:5: not valid YAML: a blank is missing after the colon: 'Nice: 5'"},
            Case{"Service:\n  Nice:5\n  ExecStart: /bin/true\n",
                 ":2:3: not valid YAML: a blank is missing after the colon: 'Nice: 5'"},
            Case{"Service:\n  ExecStart /bin/true\n",
                 "is a map of keys, not a single value: a colon is missing after ExecStart"},
            Case{"Service:\n  ExecStart:/bin/true\n",
                 "is a map of keys, not a single value: a blank is missing after the colon"},
            Case{"Service:\n  ExecStart: %h/bin/x --y\n",
                 ":2:14: not valid YAML: a value that begins with '%' stands in quotes: ExecStart: "
                 "\"%h/bin/x --y\""},
            Case{"Service:\n  ExecStart: @/bin/x y\n", "ExecStart: \"@/bin/x y\""},
            Case{"Service:\n  ExecStart: `which x`\n", "ExecStart: \"`which x`\""},
            Case{"Service:\n  ExecStart: [/bin/echo, %h/x, y]\n",
                 ":2:26: not valid YAML: a value that begins with '%' stands in quotes: \"%h/x\""},
            Case{"Unit:\n  Description: *-*-* 02:30\n",
                 ":2:16: not valid YAML: a value that begins with '*' stands in quotes: "
                 "Description: "
                 "\"*-*-* 02:30\" (to YAML it is a reference to another value)"},
            Case{"Unit:\n  Description: & co KG\n", "Description: \"& co KG\""},
            Case{"Unit:\n  Description: &co KG\n",
                 ":2:16: not valid YAML: a value that begins with '&' stands in quotes: "
                 "Description: \"&co KG\""},
            Case{"Unit:\n  ConditionMemory: >=1G\n",
                 ":2:20: not valid YAML: a value that begins with '>' stands in quotes: "
                 "ConditionMemory: \">=1G\""},
            Case{"Unit:\n  ConditionHost: |web\n", "ConditionHost: \"|web\""},
            Case{"Unit:\n  Description: {foo} bar\n",
                 "in quotes it is one value: Description: \"{foo} bar\""},
            Case{"Unit:\n  Description: [a] b\n", "Description: \"[a] b\""},
            Case{"Service:\n  ExecStart: [/bin/x, y\n  Nice: 5\n",
                 ":2:14: not valid YAML: the list that begins here is not closed: its end is ']'"},
            Case{"Service:\n  Environment: {A: 1\n  Nice: 5\n",
                 ":2:16: not valid YAML: the map that begins here is not closed: its end is '}'"},
            Case{"Unit: {Description: b: c}\n", "in a map between { and } a value that has ': '"},
            Case{"Service:\n  Environment: {A: b: c}\n",
                 ":2:21: not valid YAML: in a map between { and } a value that has '...' in it"},
            Case{"Service:\n  ExecStart: \"/bin/x\n  Nice: 5\n",
                 ":2:14: not valid YAML: the quote that begins here (\") is not closed"},
            Case{"Service:\n  ExecStart: '/bin/x\n",
                 "the quote that begins here (') is not closed"},
            Case{"Service:\n  ExecStart: \"/bin/x\" y\n",
                 ":2:23: not valid YAML: the value has ended before this, since it begins with \": "
                 "in quotes it is one value: ExecStart: '\"/bin/x\" y'"},
            Case{
                "Unit:\n  Description: \"\\d+\"\n",
                "between \" and \" a backslash begins an escape, and '\\d' is none: write '\\\\d'"},
            Case{"Service:\n  ExecStart: - /bin/x\n",
                 "ExecStart: \"- /bin/x\" (to YAML '- ' begins"},
            Case{"Unit:\n  Description: ? what\n", "Description: \"? what\""},
            Case{"Unit:\n  Description: ] what\n", "Description: \"] what\""},
            Case{"Unit:\n  Description: , what\n", "Description: \", what\""},
            Case{"Unit:\n  After: a.service\n  - b.service\n",
                 ":3:3: not valid YAML: an item of a list, where a key belongs"},
            Case{"Unit:\n  After:\n  - a.service\n  Before: b.service\n  - c.service\n",
                 "an item of a list"},
            Case{"[Unit]\nDescription=foo\n\n[Service]\nExecStart=/bin/x\n",
                 ":2:1: this is the form of systemd's unit files; those of svcd are YAML: a line "
                 "'Unit:', and below it, indented, 'Description: foo' (docs/units.md"},
            Case{"# mine\n[Service]\nExecStart=-/bin/x --a: b\n",
                 "'ExecStart: \"-/bin/x --a: b\"'"},
            Case{"[Unit]\n", ":1:1: a section is written 'Unit:', not '[Unit]'"},
            Case{"Description=foo\n", "this is the form of systemd's unit files"},
        }) {
        UnitFolder folder;
        const LoadReport report = folder.write("bad.service.yaml", each.text).load("bad.service");
        EXPECT_NE(report.units.front().state, LoadState::loaded) << each.text;
        ASSERT_FALSE(report.diagnostics.empty()) << each.text;
        EXPECT_THAT(headline(report.diagnostics.front()), HasSubstr(each.message)) << each.text;
    }
}

TEST(YamlInWords, WhatIsRightIsNoFault) {
    for (const char* text : {
             "Service:\n  ExecStart: /bin/true a\n    b\n    c\n\n    d # and so on\n  Nice: 1\n",
             "Service:\n  ExecStart:\n    /bin/true\n    http://x/\n",
             "Service:\n  ExecStart: >\n    /bin/true a\n    b: c\n",
             "Service:\n  ExecStart: \"/bin/true a\n    b: c\"\n",
             "Unit:\n  Description: 'it''s'\nService:\n  ExecStart: /bin/true\n",
             "Service:\n  ExecStart: &run [/bin/true]\n  ExecReload: *run\n",
             "X-common: &common {A: 1}\nService:\n  ExecStart: /bin/true\n",
             "Unit:\n  After:\n  - a.service\n  - b.service\nService: {ExecStart: /bin/true}\n",
             "Service:\r\n  ExecStart: /bin/true\r\n  Nice: 1\r\n",
         }) {
        UnitFolder folder;
        const LoadReport report = folder.write("x.service.yaml", text).load("x.service");
        EXPECT_EQ(report.units.front().state, LoadState::loaded) << report.units.front().error;
    }
}

TEST(BareTilde, IsAnErrorWhereAPathIsWanted) {
    const LoadedUnit unit = load_service("WorkingDirectory: ~");
    EXPECT_EQ(unit.state, LoadState::bad_setting);
    EXPECT_THAT(unit.error,
                EndsWith(":3:21: WorkingDirectory: without quotes ~ is YAML's word for nothing: "
                         "write \"~\" for the home directory of the service's user, or null to "
                         "take back what was set"));
    EXPECT_THAT(load_service("EnvironmentFile: [/etc/a, ~]").error,
                HasSubstr(":3:29: EnvironmentFile: without quotes ~"));
    EXPECT_EQ(load_service("WorkingDirectory: \"~\"").definition.service->exec->working_directory,
              "~");
    EXPECT_EQ(load_service("WorkingDirectory: null").state, LoadState::loaded);
    EXPECT_EQ(load_service("Nice: ~").state, LoadState::loaded);
}

TEST(Description, IsOneLineWithoutControlCharacters) {
    const auto load_described = [](const std::string& description) {
        UnitFolder folder;
        folder.write("x@.service.yaml",
                     "Unit: {Description: " + description + "}\n" + std::string{kSound});
        LoadReport report = folder.load("x@\\x9b.service");
        return std::move(report.units.front());
    };
    for (const char* bad : {R"("\e[31mred")", R"("a\x7Fb")", R"("a\u009B2J")", R"("%I")",
                            R"("a\u2028b")", R"("a\u202Eb")", R"("a\u2066b")"}) {
        const LoadedUnit unit = load_described(bad);
        EXPECT_EQ(unit.state, LoadState::bad_setting) << bad;
        EXPECT_THAT(unit.error,
                    HasSubstr("Description: it has a character that a terminal may obey"));
    }
    EXPECT_EQ(load_described(R"("one\ntwo\n")").definition.description, "one two");
    EXPECT_EQ(load_described(R"("web \u00FC ")").definition.description, "web \u00fc");
    EXPECT_THAT(load_described("x, Documentation: [\"man:\\e[2J\"]").error,
                HasSubstr("Documentation"));
}

TEST_F(BadInput, ThirtyThousandUnknownKeysAreTwentyAndANumber) {
    std::string text = "Service:\n  ExecStart: /bin/true\n";
    for (int i = 0; i < 30000; ++i) {
        text += "  Unknwon" + std::to_string(i) + ": 1\n";
    }
    load(text);
    EXPECT_EQ(report.diagnostics.size(), 21U);
    EXPECT_EQ(report.diagnostics.back().message, "and 29980 more of this kind");
}

TEST_F(BadInput, AnchorBomb) {
    std::string text = "X-a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        text += std::string("X-") + c + ": &" + c + " [";
        for (int i = 0; i < 9; ++i) {
            text += std::string(i == 0 ? "*" : ", *") + static_cast<char>(c - 1);
        }
        text += "]\n";
    }
    load(text);
    EXPECT_THAT(bad->error, HasSubstr("counting what aliases stand for"));
}

TEST_F(BadInput, HundredMegabytes) {
    folder.write("bad.service.yaml", kSound);
    std::filesystem::resize_file(folder.path("bad.service.yaml"), 100 * 1024 * 1024);
    load();
    EXPECT_THAT(bad->error, HasSubstr("larger than 1024 KiB"));
}

TEST_F(BadInput, Directory) {
    std::filesystem::create_directory(folder.path("bad.service.yaml"));
    load();
    EXPECT_EQ(bad->state, LoadState::error);
    EXPECT_THAT(bad->error, HasSubstr("it is a directory, not a regular file"));
}

TEST_F(BadInput, FifoWithoutAWriter) {
    ASSERT_EQ(::mkfifo(folder.path("bad.service.yaml").c_str(), 0600), 0);
    load();
    EXPECT_THAT(bad->error, HasSubstr("it is a FIFO, not a regular file"));
}

TEST_F(BadInput, DanglingLink) {
    folder.link("/nowhere/at/all.yaml", "bad.service.yaml");
    load();
    EXPECT_EQ(bad->state, LoadState::error);
    EXPECT_THAT(bad->error, HasSubstr("dangling link"));
}

TEST_F(BadInput, LinkToItself) {
    folder.link("bad.service.yaml", "bad.service.yaml");
    load();
    EXPECT_EQ(bad->state, LoadState::error);
}

TEST_F(BadInput, TenThousandLevelsOfNesting) {
    load("X-a: " + std::string(10000, '[') + std::string(10000, ']') + "\n");
    EXPECT_THAT(bad->error, HasSubstr("levels deep"));
}

TEST_F(BadInput, TenThousandLevelsOfNestingInBlocks) {
    std::string text;
    for (int i = 0; i < 10000; ++i) {
        text += "- ";
    }
    load(text);
    EXPECT_THAT(bad->error, HasSubstr("levels deep"));
}

TEST_F(BadInput, MegabyteOfBrackets) {
    load(std::string(1024 * 1024, '['));
    EXPECT_THAT(bad->error, HasSubstr("a line of more than"));
}

TEST_F(BadInput, EmptyService) {
    load("Unit:\n  Description: nothing to do\n");
    EXPECT_THAT(bad->error, HasSubstr("there is nothing to run"));
}

TEST_F(BadInput, RequirementOfATypeThatIsNotSupported) {
    load("Unit:\n  Requires: [x.socket]\nService:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error,
                HasSubstr("'x.socket': units of type 'socket' are not supported by this version"));
}

TEST_F(BadInput, UnitNameWithoutASuffix) {
    load("Unit:\n  Requires: [db]\nService:\n  ExecStart: /bin/true\n");
    EXPECT_THAT(bad->error, EndsWith("'db' is not the name of a unit, did you mean 'db.service'?"));
}

TEST(BadFileNames, AreReportedAndPassedOver) {
    UnitFolder folder;
    folder.write("no-type.yaml", kSound).write("x.socket.yaml", "Socket: {}\n");
    const LoadReport report = folder.load_all();
    ASSERT_EQ(report.diagnostics.size(), 2U);
    EXPECT_THAT(report.diagnostics[0].message, HasSubstr("NAME.TYPE.yaml"));
    EXPECT_THAT(report.diagnostics[1].message, HasSubstr("'socket' are not supported"));
    EXPECT_EQ(find_unit(report, "x.socket"), nullptr);
}

}  // namespace
}  // namespace svcd
