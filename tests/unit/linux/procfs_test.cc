#include "linux/procfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "linux/pid_file.h"
#include "linux/pidfd.h"
#include "linux/process_examination.h"

namespace svcd {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

/// A child that has given itself a name and waits to be killed.
class Child {
public:
    Child() {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_NAME, "a) R (b");
            static_cast<void>(!::write(ready[1], "", 1));
            for (;;) {
                ::pause();
            }
        }
        char c = 0;
        EXPECT_EQ(::read(ready[0], &c, 1), 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Child() { end(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    void become_zombie() const {
        ::kill(pid_, SIGKILL);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }

private:
    pid_t pid_ = 0;
};

TEST(ProcessInfo, IsReadWhateverTheProcessCallsItself) {
    const Child child;
    const auto info = process_info(child.pid());
    ASSERT_TRUE(info);
    EXPECT_EQ(info->pid, child.pid());
    EXPECT_EQ(info->parent, ::getpid());
    EXPECT_EQ(info->name, "a) R (b");
    EXPECT_GE(info->start_time, process_info(::getpid())->start_time);
    child.become_zombie();
    EXPECT_EQ(process_info(child.pid())->state, 'Z');
    EXPECT_EQ(command_line(child.pid()).value(), "[a) R (b]");
}

TEST(ProcessInfo, OfAProcessThatIsGoneIsEsrch) {
    Child child;
    const pid_t pid = child.pid();
    child.end();
    EXPECT_EQ(process_info(pid).error().error_number, ESRCH);
    EXPECT_EQ(command_line(pid).error().error_number, ESRCH);
    EXPECT_EQ(cgroup_of(pid).error().error_number, ESRCH);
    EXPECT_EQ(open_pidfd(pid).error().error_number, ESRCH);
}

TEST(CommandLine, HasBlanksBetweenItsWordsAndABound) {
    const auto own = command_line(::getpid());
    ASSERT_TRUE(own);
    EXPECT_THAT(*own, HasSubstr("linux_test"));
    EXPECT_EQ(own->find('\0'), std::string::npos);
    EXPECT_THAT(command_line(::getpid(), 5).value(), SizeIs(5));
}

TEST(CgroupOfAProcess, BeginsWithASlash) {
    const auto own = cgroup_of(::getpid());
    if (!own) {
        GTEST_SKIP() << to_string(own.error());
    }
    EXPECT_THAT(*own, StartsWith("/"));
}

TEST(BootId, IsAUuid) {
    EXPECT_THAT(boot_id(), SizeIs(36));
}

TEST(Pidfd, SignalsItsProcessUntilThatHasEnded) {
    Child child;
    const auto pidfd = open_pidfd(child.pid());
    ASSERT_TRUE(pidfd);
    EXPECT_TRUE(send_signal(*pidfd, 0));
    EXPECT_TRUE(send_signal(*pidfd, SIGKILL));
    child.end();
    const auto late = send_signal(*pidfd, SIGTERM);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().error_number, ESRCH);
}

class PidFile : public testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/svcd-test-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
        path_ = folder_ + "/web.pid";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    Result<Pid> read(std::string_view text) const {
        std::ofstream{path_} << text;
        return read_pid_file(path_);
    }

    std::string folder_;
    std::string path_;
};

TEST_F(PidFile, HoldsANumberWithBlanksAroundIt) {
    EXPECT_EQ(read("42").value(), 42);
    EXPECT_EQ(read("42\n").value(), 42);
    EXPECT_EQ(read("  42 \r\n").value(), 42);
}

TEST_F(PidFile, IsNotThereYetOrNotYetWritten) {
    EXPECT_EQ(read_pid_file(path_).error().error_number, ENOENT);
    EXPECT_EQ(read("").error().error_number, EAGAIN);
    EXPECT_EQ(read("\n").error().error_number, EAGAIN);
}

TEST_F(PidFile, WithAnythingElseIsRefused) {
    for (const char* text : {"0", "-1", "x", "42x", "42 43", "99999999999", "0x2a"}) {
        EXPECT_EQ(read(text).error().error_number, EINVAL) << text;
    }
    EXPECT_FALSE(read(std::string(100'000, '1')));
}

TEST_F(PidFile, IsRemovedWhenItNamesNobodyElse) {
    static_cast<void>(read("42\n"));
    EXPECT_EQ(remove_stale_pid_file(path_, [](Pid) { return false; }).value(), 42);
    EXPECT_EQ(read_pid_file(path_).error().error_number, ENOENT);
    EXPECT_FALSE(remove_stale_pid_file(path_, [](Pid) { return false; }).value().has_value());
}

TEST_F(PidFile, IsKeptWhenItNamesAnotherOrHoldsMoreOrIsNoFile) {
    const auto is_others = [](Pid pid) { return pid == 42; };
    static_cast<void>(read("42\n"));
    EXPECT_EQ(remove_stale_pid_file(path_, is_others).error().error_number, EBUSY);
    for (const std::string& text : {std::string{"43 x"}, std::string{}, std::string(1000, '1')}) {
        static_cast<void>(read(text));
        EXPECT_FALSE(remove_stale_pid_file(path_, is_others));
        EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
    }
    const std::string link = path_ + ".link";
    static_cast<void>(read("43"));
    ASSERT_EQ(::symlink(path_.c_str(), link.c_str()), 0);
    EXPECT_FALSE(remove_stale_pid_file(link, is_others));
    EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
    ::unlink(link.c_str());
    ::unlink(path_.c_str());
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_FALSE(remove_stale_pid_file(path_, is_others));
}

constexpr uid_t kSomebody = 65534;

TEST_F(PidFile, IsFoundThroughLinksOfRootOnly) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "giving files away needs root";
    }
    const std::string roots = folder_ + "/roots";
    const std::string theirs = folder_ + "/theirs";
    ASSERT_EQ(::mkdir(roots.c_str(), 0755), 0);
    ASSERT_EQ(::mkdir(theirs.c_str(), 0755), 0);
    std::ofstream{roots + "/web.pid"} << "43\n";
    ASSERT_EQ(::symlink("roots/../roots", (folder_ + "/way").c_str()), 0);
    ASSERT_EQ(::symlink((folder_ + "/way/web.pid").c_str(), (folder_ + "/link.pid").c_str()), 0);
    EXPECT_EQ(read_pid_file(folder_ + "/link.pid").value(), 43);
    // A link that root made in somebody's folder may have been moved there; theirs is theirs.
    ASSERT_EQ(::symlink(roots.c_str(), (theirs + "/way").c_str()), 0);
    ASSERT_EQ(::symlink("../roots/web.pid", (theirs + "/link.pid").c_str()), 0);
    ASSERT_EQ(::symlink(roots.c_str(), (folder_ + "/given").c_str()), 0);
    ASSERT_EQ(::chown(theirs.c_str(), kSomebody, kSomebody), 0);
    ASSERT_EQ(::lchown((folder_ + "/given").c_str(), kSomebody, kSomebody), 0);
    const auto is_others = [](Pid) { return false; };
    for (const std::string& path : {theirs + "/way/web.pid", folder_ + "/given/web.pid"}) {
        EXPECT_EQ(read_pid_file(path).error().error_number, EPERM) << path;
        EXPECT_EQ(remove_stale_pid_file(path, is_others).error().error_number, EPERM) << path;
    }
    EXPECT_EQ(read_pid_file(theirs + "/link.pid").error().error_number, EPERM);
    EXPECT_FALSE(remove_stale_pid_file(theirs + "/link.pid", is_others));
    EXPECT_EQ(::access((roots + "/web.pid").c_str(), F_OK), 0);
    // What lies in their folder itself is read and removed as ever.
    std::ofstream{theirs + "/web.pid"} << "44\n";
    EXPECT_EQ(read_pid_file(theirs + "/web.pid").value(), 44);
    EXPECT_EQ(remove_stale_pid_file(theirs + "/web.pid", is_others).value(), 44);
    EXPECT_EQ(remove_stale_pid_file(folder_ + "/way/web.pid", is_others).value(), 43);
}

TEST_F(PidFile, ThatIsAFifoIsNotOpened) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(read_pid_file(path_).error().error_number, EINVAL);
    ::unlink(path_.c_str());
    const std::string loop = folder_ + "/loop";
    ASSERT_EQ(::symlink("loop", loop.c_str()), 0);
    EXPECT_EQ(read_pid_file(loop).error().error_number, ELOOP);
    EXPECT_EQ(read_pid_file(folder_).error().error_number, EINVAL);
    EXPECT_EQ(read_pid_file(folder_ + "/none/web.pid").error().error_number, ENOENT);
}

TEST(SignalsTaken, AreThoseThatAreCaughtBlockedOrIgnored) {
    EXPECT_EQ(parse_signals_taken("Name:\tx\nSigBlk:\t0000000000000001\n"
                                  "SigIgn:\t0000000000000002\nSigCgt:\t8000000000000000\n"),
              0x8000000000000003U);
    EXPECT_FALSE(parse_signals_taken("Name:\tx\nSigBlk:\t0\nSigIgn:\t0\n").has_value());
    EXPECT_FALSE(parse_signals_taken("\nSigBlk:\tx\nSigIgn:\t0\nSigCgt:\t0\n").has_value());
    EXPECT_TRUE(signals_taken(::getpid()).has_value());
}

TEST_F(PidFile, IsRefusedAtOnceWhenItIsAFifoOrAFolder) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(read_pid_file(path_).error().error_number, EINVAL);
    EXPECT_EQ(read_pid_file(folder_).error().error_number, EINVAL);
}

TEST(ProcessInfo, TellsAChildThatHasEndedAndIsNotReaped) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(0);
    }
    EXPECT_FALSE(is_unreaped_child(::getpid(), ::getppid()));
    siginfo_t end{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOWAIT), 0);
    EXPECT_TRUE(is_unreaped_child(pid, ::getpid()));
    EXPECT_FALSE(is_unreaped_child(pid, ::getppid()));
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
    EXPECT_FALSE(is_unreaped_child(pid, ::getpid()));
}

}  // namespace
}  // namespace svcd
