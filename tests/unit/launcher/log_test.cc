// What the launcher says, on whatever standard error is.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "libc/os.h"
#include "linux/unique_fd.h"
#include "start/descriptors.h"

namespace svcd::test {
namespace {

/// In a child whose standard error this is: how it ended. One that hangs is ended by SIGALRM.
int run_with_stderr(int file, const std::function<void()>& work) {
    constexpr unsigned kPatience = 20;  // seconds
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(file, STDERR_FILENO);
        ::alarm(kPatience);
        work();
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

std::string what_is_said(const std::function<void()>& work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const UniqueFd reader{ends[0]};
    const UniqueFd writer{ends[1]};
    EXPECT_EQ(run_with_stderr(writer.get(), work), 0);
    std::array<char, 1024> text{};
    const ssize_t size = ::read(reader.get(), text.data(), text.size());
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

TEST(LauncherLog, SaysWhatFitsIntoALine) {
    EXPECT_EQ(what_is_said([] { say("status %d", 7); }), "svcd: status 7\n");
    const std::string line = what_is_said([] { say("%s", std::string(1000, 'x').c_str()); });
    EXPECT_LE(line.size(), 512U);
    EXPECT_EQ(line.back(), '\n');
}

/// A terminal whose screen nobody looks at: its buffer fills, at the end with less room than a
/// line.
class LauncherTerminal : public ::testing::Test {
protected:
    LauncherTerminal() {
        screen_ = UniqueFd{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
        EXPECT_TRUE(screen_);
        EXPECT_EQ(::grantpt(screen_.get()), 0);
        EXPECT_EQ(::unlockpt(screen_.get()), 0);
        terminal_ = UniqueFd{::open(::ptsname(screen_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
        EXPECT_TRUE(terminal_);
    }
    static void say_much() {
        constexpr int kLines = 5'000;
        for (int line = 0; line < kLines; ++line) {
            say("line %d of more than any terminal takes without somebody who reads", line);
        }
    }

    UniqueFd screen_;
    UniqueFd terminal_;
};

TEST_F(LauncherTerminal, ThatTakesNoMoreHoldsNothingUp) {
    EXPECT_EQ(run_with_stderr(terminal_.get(),
                              [] {
                                  open_log();
                                  say_much();
                              }),
              0);
}

}  // namespace
}  // namespace svcd::test
