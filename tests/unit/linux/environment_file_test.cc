#include "exec/environment_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct Row {
    std::string text;
    std::vector<std::string> assignments;
};

class EnvironmentText : public testing::TestWithParam<Row> {};

TEST_P(EnvironmentText, IsReadAsSystemdReadsIt) {
    const auto parsed = parse_environment_file(GetParam().text, "web.env");
    EXPECT_THAT(parsed.assignments, ElementsAreArray(GetParam().assignments)) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Texts,
                         EnvironmentText,
                         testing::Values(Row{"", {}},
                                         Row{"A=1\nB=2\n", {"A=1", "B=2"}},
                                         Row{"A=1", {"A=1"}},
                                         Row{"A=\n", {"A="}},
                                         Row{"# A=1\n; B=2\n  # C=3\nD=4\n", {"D=4"}},
                                         Row{"A=1 # 2\n", {"A=1 # 2"}},
                                         Row{"# a \\\nA=1\nB=2\n", {"B=2"}},
                                         Row{"  A  =  1 2  \n", {"A=1 2"}},
                                         Row{"A=\"1 2 \"\n", {"A=1 2 "}},
                                         Row{"A='1 \"2'\n", {"A=1 \"2"}},
                                         Row{"A=\"1\n2\"\n", {"A=1\n2"}},
                                         Row{"A=\"1\\\n2\"\n", {"A=12"}},
                                         Row{"A=\"\\\"\\\\\\`\\$\\n\"\n", {"A=\"\\`$\\n"}},
                                         Row{"A='1'\"2\"3\n", {"A=123"}},
                                         Row{"A=1\\\n2\n", {"A=12"}},
                                         Row{"A=\\ 1\n", {"A= 1"}},
                                         Row{"A=1\\ \n", {"A=1 "}},
                                         Row{"A=a\\\\b\n", {"A=a\\b"}},
                                         Row{"A=$B ${C}\n", {"A=$B ${C}"}},
                                         Row{"A=1=2\n", {"A=1=2"}},
                                         Row{"A\nB=2\n", {"B=2"}},
                                         Row{"1A=1\nA-B=2\nexport C=3\nD=4\n", {"D=4"}},
                                         Row{"A=1\r\nB=2\r\n", {"A=1", "B=2"}},
                                         Row{"A='open\nB=2", {"A=open\nB=2"}}));

struct Faulty {
    std::string text;
    std::vector<std::string> begin_with;  ///< the warnings
};

class EnvironmentFaults : public testing::TestWithParam<Faulty> {};

TEST_P(EnvironmentFaults, AreWarnedOfByTheirLineAndQuoteNoValue) {
    const auto parsed = parse_environment_file(GetParam().text, "web.env");
    ASSERT_EQ(parsed.warnings.size(), GetParam().begin_with.size()) << GetParam().text;
    for (std::size_t index = 0; index < parsed.warnings.size(); ++index) {
        EXPECT_THAT(parsed.warnings[index], StartsWith(GetParam().begin_with[index]));
        EXPECT_THAT(parsed.warnings[index], Not(HasSubstr("secret")));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Texts,
    EnvironmentFaults,
    testing::Values(
        Faulty{"A=1\n# B\n\nC='x'\n", {}},
        Faulty{"A=1\nexport B=secret\n",
               {"web.env:2: 'export' is a shell's, and this is no shell "
                "script: the line is left out; write B=... alone"}},
        Faulty{"set -secret=x\n",
               {"web.env:1: 'set' is a shell's, and this is no shell script: the "
                "line is left out; write NAME=... alone"}},
        Faulty{"1A=secret\nA-B=secret\n",
               {"web.env:1: what stands before '=' is no name of a variable", "web.env:2: "}},
        Faulty{"secret\nA=1", {"web.env:1: a line without '=' is left out"}},
        Faulty{"\n\nKEY: secret", {"web.env:3: a line without '=' is left out"}},
        Faulty{"=secret\nA=1", {"web.env:1: a line without a name before '=' is left out"}},
        Faulty{"[secret]\r\nA=1\r\n", {"web.env:1: a line without '='"}},
        Faulty{"\xef\xbb\xbf"
               "A=secret\n",
               {"web.env:1: the file begins with a byte order mark"}},
        Faulty{"A=1\nB='secret\nC=secret\n",
               {"web.env:2: a quote that is opened in this assignment is not closed"}},
        Faulty{"A=\"1\n2\"\nsecret\n", {"web.env:3: "}},
        Faulty{"# a secret \\\nA=secret\n", {"web.env:1: this comment ends with '\\'"}}));

TEST(EnvironmentFaults, AByteOrderMarkCostsNoVariablePythonDotenv637) {
    EXPECT_THAT(parse_environment_file("\xef\xbb\xbf"
                                       "A=1\nB=2\n",
                                       "web.env")
                    .assignments,
                ElementsAre("A=1", "B=2"));
}

TEST(EnvironmentFaults, OneMalformedLineCostsNoOtherSystemd2836) {
    const auto parsed = parse_environment_file("ulimit -n 2048\nA=1\n", "/etc/default/foo");
    EXPECT_THAT(parsed.assignments, ElementsAre("A=1"));
    EXPECT_THAT(parsed.warnings, ElementsAre(StartsWith("/etc/default/foo:1: ")));
}

TEST(EnvironmentFaults, AreCountedWhereThereAreMany) {
    std::string text;
    for (int line = 0; line < 1000; ++line) {
        text += "no assignment\n";
    }
    const auto parsed = parse_environment_file(text, "web.env");
    EXPECT_EQ(parsed.warnings.size(), kEnvironmentWarningsMax + 1);
    EXPECT_EQ(parsed.warnings.back(), "web.env: there are more such lines");
}

class EnvironmentFiles : public testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/svcd-test-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string folder_;
};

TEST_F(EnvironmentFiles, AreReadInTheOrderOfTheirNamesWhenThePathIsAPattern) {
    std::ofstream{folder_ + "/b.env"} << "A=b";
    std::ofstream{folder_ + "/a.env"} << "A=a";
    EXPECT_THAT(read_environment_files(folder_ + "/*.env").lines.assignments,
                ElementsAre("A=a", "A=b"));
    EXPECT_EQ(read_environment_files(folder_ + "/*.conf").error.error_number, ENOENT);
}

TEST_F(EnvironmentFiles, AreRefusedAtOnceWithWhatTheyAre) {
    ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
    std::ofstream{folder_ + "/large"} << std::string(kEnvironmentFileMax + 1, ' ');
    std::ofstream{folder_ + "/nul"} << std::string{"A=1\0", 4};
    struct Case {
        const char* name;
        int error_number;
        ExecProblem problem;
    };
    for (const Case& one :
         {Case{"", EISDIR, ExecProblem::not_a_regular_file},
          Case{"/fifo", EINVAL, ExecProblem::not_a_regular_file},
          Case{"/large", EFBIG, ExecProblem::too_large},
          Case{"/nul", EINVAL, ExecProblem::nul_byte}, Case{"/missing", ENOENT, ExecProblem::none},
          Case{"/large/x", ENOTDIR, ExecProblem::none}}) {
        const ExecError error = read_environment_files(folder_ + one.name).error;
        EXPECT_EQ(error.step, ExecStep::environment_file) << one.name;
        EXPECT_EQ(error.error_number, one.error_number) << one.name;
        EXPECT_EQ(error.problem, one.problem) << one.name;
        EXPECT_EQ(error.object, folder_ + one.name);
        EXPECT_THAT(describe(error), Not(HasSubstr("program"))) << one.name;
    }
    std::ofstream{folder_ + "/largest"} << std::string(kEnvironmentFileMax, ' ');
    EXPECT_THAT(read_environment_files(folder_ + "/largest").lines.assignments, IsEmpty());
}

}  // namespace
}  // namespace svcd
