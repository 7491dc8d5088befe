// Steps that may hang, and everything that ends meanwhile.
#include "shutdown/helpers.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "libc/os.h"

namespace svcd::test {
namespace {

constexpr std::int64_t kLong = 60'000'000;
constexpr std::int64_t kShort = 300'000;

int be_done(const char* argument) {
    return argument == nullptr ? 0 : EBUSY;
}

int hang(const char*) {
    for (;;) {
        ::pause();
    }
}

pid_t child_that(int (*work)(const char*)) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(work(nullptr));
    }
    return child;
}

TEST(ShutdownHelpers, TellHowTheStepWent) {
    Helpers helpers{0};
    EXPECT_EQ(helpers.run(be_done, nullptr, kLong), 0);
    EXPECT_EQ(helpers.run(be_done, "fail", kLong), EBUSY);
}

TEST(ShutdownHelpers, GoOnWithoutAStepThatHangs) {
    Helpers helpers{0};
    const std::int64_t began = now_usec();
    EXPECT_EQ(helpers.run(hang, nullptr, kShort), ETIMEDOUT);
    EXPECT_GE(now_usec() - began, kShort);
    EXPECT_EQ(wait_for(0, now_usec() + kLong), 0);  // it was killed
}

TEST(ShutdownHelpers, ReapWhatEndsDuringAStep) {
    Helpers helpers{0};
    const pid_t other = child_that(be_done);
    siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(other), &end, WEXITED | WNOWAIT);
    EXPECT_EQ(helpers.run(hang, nullptr, kShort), ETIMEDOUT);
    EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), -1);
    EXPECT_EQ(wait_for(0, now_usec() + kLong), 0);
}

TEST(ShutdownHelpers, WaitForAllUntilTheTimeHasCome) {
    Helpers helpers{0};
    const pid_t other = child_that(hang);
    EXPECT_EQ(wait_for(0, now_usec() + kShort), -1);
    ::kill(other, SIGKILL);
    EXPECT_EQ(wait_for(0, now_usec() + kLong), 0);
}

TEST(ShutdownHelpers, LeaveTimeForTheStepsThatFollow) {
    // Each limit counts from a moment between `before` and `after`; the arguments of one assertion
    // would be evaluated in any order.
    const std::int64_t before = now_usec();
    const std::int64_t unhurried = Helpers{0}.limit(5'000'000);
    const std::int64_t hurried = Helpers{before + 4'000'000}.limit(5'000'000);
    const std::int64_t late = Helpers{1}.limit(5'000'000);
    const std::int64_t after = now_usec();
    EXPECT_GE(unhurried, before + 5'000'000);
    EXPECT_LE(hurried, after + 2'000'000);
    EXPECT_GE(late, before + kStepLeast);
    EXPECT_LE(late, after + kStepLeast);
}

}  // namespace
}  // namespace svcd::test
