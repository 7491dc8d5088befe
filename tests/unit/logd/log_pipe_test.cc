#include "logd/log_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace svcd::logd {
namespace {

TEST(FirstLine, OfNothingIsEmptyAndNotWhole) {
    const LogPipe::Line line = LogPipe::first_line("", 10);
    EXPECT_EQ(line.text, "");
    EXPECT_EQ(line.size, 0U);
    EXPECT_FALSE(line.is_whole);
}

TEST(FirstLine, EndsBeforeItsNewlineAndCountsIt) {
    const LogPipe::Line line = LogPipe::first_line("one\ntwo\n", 10);
    EXPECT_EQ(line.text, "one");
    EXPECT_EQ(line.size, 4U);
    EXPECT_TRUE(line.is_whole);
}

TEST(FirstLine, MayBeEmpty) {
    const LogPipe::Line line = LogPipe::first_line("\ntwo", 10);
    EXPECT_EQ(line.text, "");
    EXPECT_EQ(line.size, 1U);
    EXPECT_TRUE(line.is_whole);
}

TEST(FirstLine, WithoutANewlineIsHalfALine) {
    const LogPipe::Line line = LogPipe::first_line("half", 10);
    EXPECT_EQ(line.text, "half");
    EXPECT_FALSE(line.is_whole);
    EXPECT_FALSE(LogPipe::first_line("0123456789", 10).is_whole) << "its newline may follow";
}

TEST(FirstLine, IsCutWhereItIsTooLong) {
    const LogPipe::Line line = LogPipe::first_line("0123456789x\n", 10);
    EXPECT_EQ(line.text, "0123456789");
    EXPECT_EQ(line.size, 10U);
    EXPECT_TRUE(line.is_whole);
}

TEST(FirstLine, OfJustTheGreatestLengthIsNotCut) {
    const LogPipe::Line line = LogPipe::first_line("0123456789\nx", 10);
    EXPECT_EQ(line.text, "0123456789");
    EXPECT_EQ(line.size, 11U);
}

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

TEST(PipeCopy, TakesNothingOutOfThePipe) {
    Pipe pipe = make_pipe();
    Result<PipeCopy> copy = PipeCopy::make();
    ASSERT_TRUE(copy.has_value());
    EXPECT_EQ(copy->look(pipe.reader.get()), "");
    ASSERT_EQ(::write(pipe.writer.get(), "one\ntwo", 7), 7);
    EXPECT_EQ(copy->look(pipe.reader.get()), "one\ntwo");
    EXPECT_EQ(copy->look(pipe.reader.get()), "one\ntwo");
    LogPipe log{"a.service", Stream::output, std::move(pipe.reader)};
    log.drop(4);
    EXPECT_EQ(copy->look(log.fd()), "two");
}

TEST(PipeCopy, OfAFullPipeHasAllOfIt) {
    Pipe pipe = make_pipe();
    const std::string page(4096, 'x');
    std::size_t written = 0;
    while (::write(pipe.writer.get(), page.data(), page.size()) == std::ssize(page)) {
        written += page.size();
    }
    Result<PipeCopy> copy = PipeCopy::make();
    ASSERT_TRUE(copy.has_value());
    EXPECT_EQ(copy->look(pipe.reader.get()).size(), written);
}

}  // namespace
}  // namespace svcd::logd
