#include "linux/process_examination.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A /proc of files, in which process 7 lives.
class ProcFolder : public testing::Test {
protected:
    ProcFolder() {
        std::string name = testing::TempDir() + "svcd-proc-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        proc_ = name;
        std::filesystem::create_directories(proc_ + "/7/fd");
        write("stat", stat('S', 1));
        write("cmdline", std::string("/bin/web\0--port\0"
                                     "80\0",
                                     19));
        write("status",
              "Name:\tweb\nTracerPid:\t12\nNSpid:\t7\t1\nCoreDumping:\t1\nThreads:\t1\n"
              "SigPnd:\t0000000000000001\nShdPnd:\t0000000000004000\nSigBlk:\t0000000000000002\n"
              "SigIgn:\t0000000000001000\nSigCgt:\t0000000000004202\n");
        write("wchan", "do_wait");
        write("syscall", std::to_string(SYS_wait4) + " 0x1 0x2 0x7ffe 0x7f00\n");
        write("stack", "[<0>] do_wait+0x5f/0xd0\n[<0>] kernel_wait4+0xa7/0x160\n");
        std::filesystem::create_symlink("/usr/sbin/webd", proc_ + "/7/exe");
    }
    ~ProcFolder() override { std::filesystem::remove_all(proc_); }

    static std::string stat(char state, int threads) {
        return std::string("7 (we) b) ") + state + " 3 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 " +
               std::to_string(threads) + " 0 4242 0 0\n";
    }
    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(
            std::filesystem::path{proc_ + "/7/" + name}.parent_path());
        std::ofstream{proc_ + "/7/" + name, std::ios::binary} << text;
    }
    ProcessExamination examine() const { return examine_process(7, proc_).value(); }

    std::string proc_;
};

TEST_F(ProcFolder, ShowsWhatAProcessIsDoing) {
    std::filesystem::create_symlink("socket:[123]", proc_ + "/7/fd/0");
    std::filesystem::create_symlink("/dev/null", proc_ + "/7/fd/1");
    std::filesystem::create_symlink("socket:[124]", proc_ + "/7/fd/2");
    const ProcessExamination process = examine();
    EXPECT_EQ(process.pid, 7);
    EXPECT_EQ(process.parent, 3);
    EXPECT_EQ(process.name, "we) b");
    EXPECT_EQ(process.command, "/bin/web --port 80");
    EXPECT_EQ(process.executable, "/usr/sbin/webd");
    EXPECT_EQ(process.state, 'S');
    EXPECT_EQ(process.threads, 1U);
    EXPECT_LE(process.started_usec, 42'420'000) << "less what the machine was suspended";
    EXPECT_EQ(process.tracer, 12);
    EXPECT_TRUE(process.is_namespace_init);
    EXPECT_TRUE(process.core_dumping);
    EXPECT_EQ(process.wait_channel, "do_wait");
    EXPECT_EQ(process.system_call, "wait4");
    EXPECT_THAT(process.stack, ElementsAre("do_wait", "kernel_wait4"));
    EXPECT_EQ(process.sockets, 2U);
    EXPECT_EQ(process.caught, 0x4202U);
    EXPECT_EQ(process.ignored, 0x1000U);
    EXPECT_EQ(process.blocked, 2U);
    EXPECT_EQ(process.pending, 0x4001U) << "of the thread and of the process";
}

TEST_F(ProcFolder, DoesNotReadTheCommandLineOfAProcessInUninterruptibleSleep) {
    write("stat", stat('D', 1));
    EXPECT_EQ(examine().command, "/usr/sbin/webd");
    EXPECT_EQ(command_line(7, 512, proc_).value(), "/usr/sbin/webd");
    std::filesystem::remove(proc_ + "/7/exe");
    EXPECT_EQ(examine().command, "[we) b]");
}

TEST_F(ProcFolder, DoesNotReadTheCommandLineWhenAnotherThreadIsInUninterruptibleSleep) {
    write("stat", stat('S', 2));
    write("task/7/stat", stat('S', 2));
    write("task/8/stat", stat('S', 2));
    EXPECT_EQ(examine().command, "/bin/web --port 80");
    write("task/8/stat", stat('D', 2));
    EXPECT_EQ(examine().command, "/usr/sbin/webd");
}

TEST_F(ProcFolder, DoesNotReadTheCommandLineOfAProcessWithMoreThreadsThanAreLookedAt) {
    const auto write_threads = [this](std::size_t count) {
        for (std::size_t thread = 0; thread < count; ++thread) {
            write("task/" + std::to_string(7 + thread) + "/stat", stat('S', 1));
        }
    };
    const int limit = static_cast<int>(kThreadsLookedAt);
    write("stat", stat('S', limit));
    write_threads(kThreadsLookedAt);
    EXPECT_EQ(examine().command, "/bin/web --port 80");
    write("stat", stat('S', limit + 1));
    EXPECT_EQ(examine().command, "/usr/sbin/webd");
    write("stat", stat('S', limit));
    write_threads(kThreadsLookedAt + 1);
    EXPECT_EQ(examine().command, "/usr/sbin/webd") << "a thread has come meanwhile";
}

TEST_F(ProcFolder, DoesNotTakeTheLockOfAProcessThatHangsInExecve) {
    write("wchan", "exec_mmap");
    const ProcessExamination process = examine();
    EXPECT_EQ(process.system_call, "");
    EXPECT_THAT(process.stack, IsEmpty());
    EXPECT_EQ(process.wait_channel, "exec_mmap");
}

TEST_F(ProcFolder, LeavesOutWhatCantBeRead) {
    for (const char* file : {"status", "wchan", "syscall", "stack", "cmdline", "exe"}) {
        std::filesystem::remove(proc_ + "/7/" + file);
    }
    std::filesystem::remove_all(proc_ + "/7/fd");
    const ProcessExamination process = examine();
    EXPECT_EQ(process.command, "[we) b]");
    EXPECT_EQ(process.sockets, 0U);
    EXPECT_THAT(process.stack, IsEmpty());
}

TEST_F(ProcFolder, ReadsOfARunningProcessNoMoreThanThatItRuns) {
    write("wchan", "0");
    write("syscall", "running\n");
    EXPECT_EQ(examine().system_call, "running");
    EXPECT_EQ(examine().wait_channel, "");
    write("syscall", "-1 0x7ffe 0x7f00\n");
    EXPECT_EQ(examine().system_call, "");
    write("syscall", "9999 0x1\n");
    EXPECT_EQ(examine().system_call, "syscall 9999");
}

TEST_F(ProcFolder, ShowsAtMostSixteenLinesOfAStack) {
    std::string stack;
    for (int line = 0; line < 40; ++line) {
        stack += "[<0>] function" + std::to_string(line) + "+0x1/0x2\n";
    }
    write("stack", stack);
    EXPECT_THAT(examine().stack, SizeIs(kStackLinesMax));
}

TEST_F(ProcFolder, AProcessThatIsGoneIsAnError) {
    EXPECT_EQ(examine_process(8, proc_).error().error_number, ESRCH);
    std::filesystem::remove(proc_ + "/7/stat");
    EXPECT_EQ(examine_process(7, proc_).error().error_number, ESRCH);
    EXPECT_EQ(command_line(7, 512, proc_).error().error_number, ESRCH);
    write("stat", "nonsense");
    EXPECT_FALSE(examine_process(7, proc_));
}

TEST(ExamineProcess, OfTheRealProcShowsOurOwnChild) {
    int sockets[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGTERM, SIG_IGN);
        static_cast<void>(!::write(sockets[1], "", 1));
        for (;;) {
            ::pause();
        }
    }
    char c = 0;
    ASSERT_EQ(::read(sockets[0], &c, 1), 1);
    const auto process = examine_process(child);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(sockets[0]);
    ::close(sockets[1]);
    ASSERT_TRUE(process) << to_string(process.error());
    EXPECT_EQ(process->parent, ::getpid());
    EXPECT_EQ(process->session, ::getsid(0));
    EXPECT_NE(process->ignored & (1U << (SIGTERM - 1)), 0U);
    EXPECT_GE(process->sockets, 2U);
    EXPECT_EQ(process->threads, 1U);
    EXPECT_FALSE(process->is_namespace_init);
}

}  // namespace
}  // namespace svcd
