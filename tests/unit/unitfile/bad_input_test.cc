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
    EXPECT_EQ(to_string(report.diagnostics.front()), bad->error +
                                                         "\n      TimeoutStopSecs: 3"
                                                         "\n      ^");
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
