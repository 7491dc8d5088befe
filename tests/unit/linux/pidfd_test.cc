// How a process ended whose parent is somebody else: here the test is the parent, and reaps or not.
#include "linux/pidfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "linux/procfs.h"

namespace svcd {
namespace {

constexpr int kPatience = 30'000;

struct Ended {
    Pid pid = 0;
    UniqueFd pidfd;
    std::uint64_t start_time = 0;
};

/// A child that waits until its pidfd is open, ends as told, and is a zombie then.
Ended make_zombie(int status, int signal) {
    int gate[2];
    EXPECT_EQ(::pipe2(gate, O_CLOEXEC), 0);
    Ended ended;
    ended.pid = ::fork();
    if (ended.pid == 0) {
        char byte = 0;
        ::close(gate[1]);
        if (::read(gate[0], &byte, 1) < 0) {
            ::_exit(99);
        }
        if (signal != 0) {
            ::raise(signal);
        }
        ::_exit(status);
    }
    Result<UniqueFd> pidfd = open_pidfd(ended.pid);
    EXPECT_TRUE(pidfd);
    ended.pidfd = std::move(*pidfd);
    ended.start_time = process_info(ended.pid)->start_time;
    EXPECT_FALSE(has_ended(ended.pidfd));
    ::close(gate[0]);
    ::close(gate[1]);
    pollfd end{ended.pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, kPatience), 1);
    EXPECT_TRUE(has_ended(ended.pidfd));
    return ended;
}

void reap(const Ended& ended) {
    int status = 0;
    EXPECT_EQ(::waitpid(ended.pid, &status, 0), ended.pid);
}

TEST(EndOfProcess, OfAZombieIsRead) {
    const Ended ended = make_zombie(7, 0);
    const EndOfProcess end = end_of(ended.pidfd, ended.pid, ended.start_time);
    EXPECT_EQ(end.code, ExitCode::exited);
    EXPECT_EQ(end.status, 7);
    reap(ended);
}

TEST(EndOfProcess, OfAZombieThatIsAnotherProcessIsNot) {
    const Ended ended = make_zombie(7, 0);
    const EndOfProcess end = end_of(ended.pidfd, ended.pid, ended.start_time + 1);
    EXPECT_EQ(end.code, ExitCode::unknown);
    EXPECT_EQ(end.status, static_cast<int>(UnknownEnd::not_told));
    reap(ended);
}

TEST(EndOfProcess, AfterItWasReapedIsToldByTheKernelOrUnknown) {
    const Ended ended = make_zombie(0, SIGKILL);
    reap(ended);
    const EndOfProcess end = end_of(ended.pidfd, ended.pid, ended.start_time);
    if (end.code == ExitCode::unknown) {
        EXPECT_EQ(end.status, static_cast<int>(UnknownEnd::not_told));
        GTEST_SKIP() << "this kernel tells the parent only";
    }
    EXPECT_EQ(end.code, ExitCode::killed);
    EXPECT_EQ(end.status, SIGKILL);
}

TEST(EndOfProcess, WaitStatusesAreTakenApart) {
    EXPECT_EQ(end_of(3 << 8).code, ExitCode::exited);
    EXPECT_EQ(end_of(3 << 8).status, 3);
    EXPECT_EQ(end_of(SIGTERM).code, ExitCode::killed);
    EXPECT_EQ(end_of(SIGTERM).status, SIGTERM);
    EXPECT_EQ(end_of(SIGABRT | 0x80).code, ExitCode::dumped);
    EXPECT_EQ(end_of(SIGABRT | 0x80).status, SIGABRT);
}

}  // namespace
}  // namespace svcd
