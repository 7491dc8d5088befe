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
    const std::int64_t now = now_usec();
    const Helpers unhurried{0};
    EXPECT_GE(unhurried.limit(5'000'000), now + 5'000'000);
    const Helpers hurried{now + 4'000'000};
    EXPECT_LE(hurried.limit(5'000'000), now + 2'000'000 + (now_usec() - now));
    const Helpers late{1};
    EXPECT_GE(late.limit(5'000'000), now + kStepLeast);
    EXPECT_LE(late.limit(5'000'000), now_usec() + kStepLeast);
}

}  // namespace
}  // namespace svcd::test
