// The launcher in a container, which ends where it can't be of use: whoever started it knows what
// to do then, and can't be told in another way.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "unit/launcher/svcd_under_test.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Of nobody; RLIMIT_NPROC counts a user's processes everywhere.
constexpr uid_t kLonelyUser = 61'234;

SvcdSetup container(std::vector<std::string> arguments, bool is_pid1 = false) {
    SvcdSetup setup;
    setup.arguments = std::move(arguments);
    setup.arguments.insert(setup.arguments.begin(), "--container");
    setup.is_pid1 = is_pid1;
    return setup;
}

/// svcd leaves by itself, and says so in these words.
void expect_end(const SvcdSetup& setup, int status, const std::string& words) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder, setup};
    EXPECT_EQ(svcd.wait(), status);
    EXPECT_THAT(svcd.log_line("so svcd leaves"), HasSubstr(words));
}

TEST(LauncherInContainer, LeavesWithAFirstManagerThatRefusesToStart) {
    expect_end(container({"refuse"}), 42, "could not start (status 42)");
}

TEST(LauncherInContainer, LeavesWithAFirstManagerThatRefusesToStartThoughItIsPid1) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to make namespaces";
    }
    expect_end(container({"refuse"}, true), 42, "could not start (status 42)");
}

TEST(LauncherInContainer, LeavesWhenEveryManagerIsKilledBeforeItServes) {
    expect_end(container({"crash"}), 1, "was killed by signal 9 (SIGKILL), and none could start");
}

TEST(LauncherInContainer, LeavesWhenEveryManagerIsKilledBeforeItServesThoughItIsPid1) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to make namespaces";
    }
    expect_end(container({"crash"}, true), 1, "was killed by signal 9 (SIGKILL), and none");
}

/// A limit on processes that leaves room for svcd alone.
TEST(LauncherInContainer, LeavesWhenNoProcessCanBeMade) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to be another user";
    }
    SvcdSetup setup = container({});
    setup.before = [] {
        const rlimit alone{1, 1};
        const bool is_done = ::chown(".", kLonelyUser, kLonelyUser) == 0 &&
                             ::setgroups(0, nullptr) == 0 && ::setgid(kLonelyUser) == 0 &&
                             ::setrlimit(RLIMIT_NPROC, &alone) == 0 && ::setuid(kLonelyUser) == 0;
        if (!is_done) {
            ::_exit(97);
        }
    };
    expect_end(setup, 1, "can't be started: Resource temporarily unavailable");
}

TEST(LauncherInContainer, GoesOnWhenAManagerHasServed) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder, container({})};
    svcd.line();
    EXPECT_EQ(svcd.ask("ready"), "ok");
    for (int deaths = 1; deaths < 5; ++deaths) {
        svcd.say(signal_text("die", SIGKILL));
        EXPECT_THAT(svcd.line(), StartsWith("started " + std::to_string(deaths + 1)));
    }
    svcd.say(signal_text("die", SIGKILL));
    svcd.log_line("too often");
    EXPECT_THAT(svcd.line(), StartsWith("started 6"));
    svcd.say(signal_text("die", SIGKILL));
    svcd.log_line("too often");
    EXPECT_THAT(svcd.line(), StartsWith("started 7"));
    // It still listens.
    svcd.signal(SIGTERM);
    EXPECT_EQ(svcd.ask("wait-requests"), "requests 1");
    svcd.say("end 3");
    svcd.log_line("ended without it");
    EXPECT_EQ(svcd.wait(), 1);
}

TEST(LauncherInContainer, EndsWhatRunsWhenNoManagerCanStopIt) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder, container({})};
    svcd.line();
    EXPECT_EQ(svcd.ask("ready"), "ok");
    const pid_t pause = pid_in(svcd.ask("spawn 1 pause"));
    const pid_t deaf = pid_in(svcd.ask("spawn 2 deaf"));
    svcd.say(signal_text("die", SIGKILL));
    svcd.line();
    svcd.signal(SIGTERM);
    EXPECT_EQ(svcd.ask("wait-requests"), "requests 1");
    svcd.say("end 3");
    // One failure may be an accident: there is something to be stopped in order.
    EXPECT_THAT(svcd.line(), StartsWith("started 3"));
    svcd.say("end 3");
    svcd.log_line("they get SIGKILL");
    EXPECT_EQ(svcd.wait(), 1);
    EXPECT_FALSE(exists(pause));
    EXPECT_FALSE(exists(deaf));
}

/// It neither serves nor answers, and has not said how long it may take.
void expect_end_by(int signal, const std::vector<std::string>& arguments) {
    const auto began = std::chrono::steady_clock::now();
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder, container(arguments)};
    svcd.line();
    svcd.signal(signal);
    EXPECT_THAT(svcd.log_line("SIGABRT"), HasSubstr("did not answer for 4 s"));
    EXPECT_EQ(svcd.wait(), 1);
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds{4});
}

TEST(LauncherInContainer, EndsBySigtermThoughItsManagerHangsAtTheStart) {
    expect_end_by(SIGTERM, {});
}

TEST(LauncherInContainer, EndsBySigintThoughItsManagerHangsAtTheStart) {
    expect_end_by(SIGINT, {});
}

TEST(LauncherInContainer, EndsBySigtermThoughThatIsNotTheStopSignalOfACommandThatCanNotBeStarted) {
    expect_end_by(SIGTERM, {"--stop-signal=QUIT", "--", "command"});
}

}  // namespace
}  // namespace svcd::test
