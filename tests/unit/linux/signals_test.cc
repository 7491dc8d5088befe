// Signals go to processes, not to numbers that have been given to others meanwhile.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "linux/cgroup_folder.h"
#include "linux/pidfd.h"

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A folder that looks like a cgroup in which `pid` is, so that what happens between the look at
/// cgroup.procs and the signal has happened already.
class StaleList {
public:
    explicit StaleList(Pid pid) {
        char folder[] = "/tmp/svcd-test-XXXXXX";
        EXPECT_NE(::mkdtemp(folder), nullptr);
        path_ = folder;
        std::ofstream{path_ + "/cgroup.procs"} << pid << "\n";
        open_.reset(::open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    ~StaleList() { std::filesystem::remove_all(path_); }
    int fd() const { return open_.get(); }

private:
    std::string path_;
    UniqueFd open_;
};

/// A process that waits for a signal.
class Waiting {
public:
    Waiting() : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                ::pause();
            }
        }
    }
    ~Waiting() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    Pid pid() const { return pid_; }
    /// Which signal ended it: the first that was sent to it.
    int end() {
        int status = 0;
        ::kill(pid_, SIGUSR1);
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        pid_ = 0;
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }

private:
    pid_t pid_;
};

constexpr auto kElsewhere = [](Pid) { return std::optional{false}; };
constexpr auto kHere = [](Pid) { return std::optional{true}; };
constexpr auto kUnseen = [](Pid) { return std::optional<bool>{}; };

TEST(Signals, PitchforkPull878DoNotReachAnotherThatHasGotTheNumber) {
    Waiting other;
    const StaleList list{other.pid()};
    std::vector<Pid> reached;
    const auto sent = signal_processes(list.fd(), {SIGTERM}, {}, reached, {}, kElsewhere);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, 0U);
    EXPECT_THAT(reached, IsEmpty());
    ASSERT_TRUE(kill_processes(list.fd(), kElsewhere));
    EXPECT_EQ(other.end(), SIGUSR1);
}

TEST(Signals, ReachWhoIsStillInTheCgroup) {
    Waiting own;
    const StaleList list{own.pid()};
    std::vector<Pid> reached;
    const auto sent = signal_processes(list.fd(), {SIGTERM}, {}, reached, {}, kHere);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, 0U);
    EXPECT_THAT(reached, ElementsAre(own.pid()));
    EXPECT_EQ(own.end(), SIGTERM);
}

TEST(Signals, GoToWhoCantBeLookedAtAndThatIsCounted) {
    Waiting own;
    const StaleList list{own.pid()};
    std::vector<Pid> reached;
    const auto sent = signal_processes(list.fd(), {SIGTERM}, {}, reached, {}, kUnseen);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, 1U);
    EXPECT_EQ(own.end(), SIGTERM);
}

TEST(Signals, GoOutAlsoWhenNoDescriptorIsFree) {
    Waiting own;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const Result<Recipient> recipient = open_recipient(own.pid());
    const bool is_held = recipient && recipient->pidfd;
    const bool is_sent = recipient && send_signal(*recipient, SIGTERM);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_FALSE(is_held);
    EXPECT_TRUE(is_sent);
    EXPECT_EQ(own.end(), SIGTERM);
}

}  // namespace
}  // namespace svcd
