#include "manager/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        reader_.reset(ends[0]);
        writer_.reset(ends[1]);
        ASSERT_EQ(::fcntl(reader_.get(), F_SETFL, O_NONBLOCK), 0);
    }
    std::string read_all() {
        std::string text;
        std::array<char, 65536> buffer{};
        ssize_t size = 0;
        while ((size = ::read(reader_.get(), buffer.data(), buffer.size())) > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(size));
        }
        return text;
    }

    UniqueFd reader_;
    UniqueFd writer_;
};

TEST_F(LogTest, ALineNamesTheUnitAndWhatIsBelowTheLevelIsNotWritten) {
    Log log{writer_.get(), Severity::notice};
    log.say(Severity::error, "web.service", "mkdir /x: Permission denied");
    log.say(Severity::info, "quiet");
    EXPECT_THAT(read_all(), AllOf(EndsWith(" error: web.service: mkdir /x: Permission denied\n"),
                                  Not(HasSubstr("quiet"))));
}

TEST_F(LogTest, TextOfOthersCanNeitherObeyATerminalNorLookLikeALineOfSvcdsOwn) {
    Log log{writer_.get(), Severity::info};
    log.say(Severity::error, "web.service", "process 7 (a\x1b[2J\n<0>2026 error: z\xc2\x9b-\x9b)");
    EXPECT_THAT(read_all(), EndsWith(" web.service: process 7 (a?[2J\n    <0>2026 error: z?-?)\n"));
}

TEST_F(LogTest, AReaderThatDoesNotReadHoldsUpNobodyAndIsToldWhatItMissed) {
    Log log{writer_.get(), Severity::info};
    const std::string line(1000, 'x');
    for (int count = 0; count < 200; ++count) {
        log.report(Severity::error, line);  // more than a pipe holds: this would wait for ever
    }
    read_all();
    log.say(Severity::error, "here again");
    EXPECT_THAT(read_all(),
                AllOf(HasSubstr("lines of this log were dropped"), HasSubstr("here again")));
}

TEST(SeverityOf, KnowsWordsAndNumbersOfSyslog) {
    EXPECT_EQ(severity_of("debug"), Severity::debug);
    EXPECT_EQ(severity_of("5"), Severity::notice);
    EXPECT_EQ(severity_of("loud"), std::nullopt);
}

}  // namespace
}  // namespace svcd
