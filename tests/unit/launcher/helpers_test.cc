// Steps that may hang, and everything that ends meanwhile.
#include "launcher/helpers.h"

#include <gtest/gtest.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "launcher/os.h"
#include "linux/unique_fd.h"

namespace svcd::test {
namespace {

constexpr std::int64_t kLong = 60'000'000;
constexpr std::int64_t kShort = 300'000;

class HelpersTest : public ::testing::Test {
protected:
    HelpersTest() {
        sigset_t wanted;
        ::sigemptyset(&wanted);
        ::sigaddset(&wanted, SIGCHLD);
        ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
        signals_ = UniqueFd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    }

    UniqueFd signals_;
};

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

TEST_F(HelpersTest, TellHowTheStepWent) {
    Helpers helpers{signals_.get(), 0};
    EXPECT_EQ(helpers.run(be_done, nullptr, kLong), 0);
    EXPECT_EQ(helpers.run(be_done, "fail", kLong), EBUSY);
}

TEST_F(HelpersTest, GoOnWithoutAStepThatHangs) {
    Helpers helpers{signals_.get(), 0};
    const std::int64_t began = now_usec();
    EXPECT_EQ(helpers.run(hang, nullptr, kShort), ETIMEDOUT);
    EXPECT_GE(now_usec() - began, kShort);
    EXPECT_TRUE(helpers.reap_all(now_usec() + kLong));  // it was killed
}

TEST_F(HelpersTest, ReapWhatEndsDuringAStep) {
    Helpers helpers{signals_.get(), 0};
    const pid_t other = child_that(be_done);
    siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(other), &end, WEXITED | WNOWAIT);
    EXPECT_EQ(helpers.run(hang, nullptr, kShort), ETIMEDOUT);
    EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), -1);
    EXPECT_TRUE(helpers.reap_all(now_usec() + kLong));
}

TEST_F(HelpersTest, WaitForAllUntilTheTimeHasCome) {
    Helpers helpers{signals_.get(), 0};
    const pid_t other = child_that(hang);
    EXPECT_FALSE(helpers.reap_all(now_usec() + kShort));
    ::kill(other, SIGKILL);
    EXPECT_TRUE(helpers.reap_all(now_usec() + kLong));
}

TEST_F(HelpersTest, LeaveTimeForTheStepsThatFollow) {
    const std::int64_t now = now_usec();
    const Helpers unhurried{signals_.get(), 0};
    EXPECT_GE(unhurried.limit(5'000'000), now + 5'000'000);
    const Helpers hurried{signals_.get(), now + 4'000'000};
    EXPECT_LE(hurried.limit(5'000'000), now + 2'000'000 + (now_usec() - now));
    const Helpers late{signals_.get(), 1};
    EXPECT_GE(late.limit(5'000'000), now + kStepLeast);
    EXPECT_LE(late.limit(5'000'000), now_usec() + kStepLeast);
}

}  // namespace
}  // namespace svcd::test
