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

#include "launcher/os.h"
#include "linux/unique_fd.h"

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

TEST(LauncherLog, LetsNoControlCharacterThrough) {
    EXPECT_EQ(what_is_said([] { say("process %d (%s) is left", 7, "x\nsvcd: \033[2J\x7f"); }),
              "svcd: process 7 (x?svcd: ?[2J?) is left\n");
    EXPECT_EQ(what_is_said([] {
                  say("can't unmount %s",
                      "/mnt/\xc2\x9b"
                      "2J");
              }),
              "svcd: can't unmount /mnt/??2J\n");
    EXPECT_EQ(what_is_said([] { say("can't unmount %s", "/mnt/\xc3\xa4\xc2\xb5"); }),
              "svcd: can't unmount /mnt/\xc3\xa4\xc2\xb5\n");
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

TEST_F(LauncherTerminal, HoldsNothingUpEitherWhenAllElseIsClosed) {
    EXPECT_EQ(run_with_stderr(terminal_.get(),
                              [] {
                                  open_log();
                                  close_all_but(::dup(STDERR_FILENO));
                                  say_much();
                              }),
              0);
}

}  // namespace
}  // namespace svcd::test
