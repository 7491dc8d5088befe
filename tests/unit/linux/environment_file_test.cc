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
using testing::IsEmpty;

struct Row {
    std::string text;
    std::vector<std::string> assignments;
};

class EnvironmentText : public testing::TestWithParam<Row> {};

TEST_P(EnvironmentText, IsReadAsSystemdReadsIt) {
    const auto parsed = parse_environment_file(GetParam().text);
    ASSERT_TRUE(parsed);
    EXPECT_THAT(*parsed, ElementsAreArray(GetParam().assignments)) << GetParam().text;
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

TEST(EnvironmentFile, WithANulByteIsRefused) {
    EXPECT_FALSE(parse_environment_file(std::string_view{"A=1\0", 4}));
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
    EXPECT_THAT(read_environment_files(folder_ + "/*.env").value(), ElementsAre("A=a", "A=b"));
    const auto none = read_environment_files(folder_ + "/*.conf");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().error_number, ENOENT);
}

TEST_F(EnvironmentFiles, AreRefusedAtOnceWhenTheyAreAFifoAFolderOrTooLarge) {
    ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
    EXPECT_FALSE(read_environment_files(folder_ + "/fifo"));
    EXPECT_FALSE(read_environment_files(folder_));
    std::ofstream{folder_ + "/large"} << std::string(kEnvironmentFileMax + 1, ' ');
    const auto large = read_environment_files(folder_ + "/large");
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().error_number, EFBIG);
    std::ofstream{folder_ + "/largest"} << std::string(kEnvironmentFileMax, ' ');
    EXPECT_THAT(read_environment_files(folder_ + "/largest").value(), IsEmpty());
}

}  // namespace
}  // namespace svcd
