#include "exec/keeper.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "launcher/exit_record.h"

namespace svcd {
namespace {

std::int64_t now_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

bool map(ExitRecorder& table) {
    void* memory =
        ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, kKeeperTableFd, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    table.head = static_cast<TableHeader*>(memory);
    table.slots =
        reinterpret_cast<ProcessSlot*>(static_cast<unsigned char*>(memory) + kSlotsOffset);
    return true;
}

void poke() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(kKeeperPokeFd, &one, sizeof one);
}

/// The keeper has nothing that is its process's: a reader of its output must see the end of that.
void let_go_of_everything(bool needs_error) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fd == STDERR_FILENO && needs_error) {
            continue;
        }
        if (null < 0 || ::dup2(null, fd) < 0) {
            ::close(fd);
        }
    }
    ::close_range(STDERR_FILENO + 1, kKeeperTableFd - 1, 0);
    ::close_range(kKeeperPokeFd + 1, ~0U, 0);
    static_cast<void>(!::chdir("/"));
}

void join_session(pid_t child, bool takes_terminal) {
    if (takes_terminal) {
        ::setpgid(child, child);
        ::setpgid(0, child);
    }
}

/// As the launcher says it of those that it reaps.
void say_reaped(pid_t pid) {
    char text[80];
    const int size = std::snprintf(
        text, sizeof text, "svcd: PID %d was left behind by its parent, and is reaped\n", pid);
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, text, static_cast<std::size_t>(size));
}

/// Who takes a terminal stops with its process, so that the launcher, whose child we are, sees it
/// (launcher/terminal.cc). Whoever continues the group continues both.
void follow_stop(const siginfo_t& change) {
    siginfo_t taken{};
    ::waitid(P_PID, static_cast<id_t>(change.si_pid), &taken, WSTOPPED | WNOHANG);
    if (change.si_status == SIGTSTP && ::getpgid(change.si_pid) == ::getpgrp()) {
        ::kill(::getpid(), SIGSTOP);
    }
}

[[noreturn]] void keep(const ExitRecorder& table, const KeptOptions& options) {
    const int events = WEXITED | WNOWAIT | (options.takes_terminal ? WSTOPPED : 0);
    siginfo_t change{};
    while (::waitid(P_ALL, 0, &change, events) == 0 || errno == EINTR) {
        if (change.si_code == CLD_STOPPED || change.si_code == CLD_TRAPPED) {
            follow_stop(change);
        } else if (change.si_pid != 0) {
            const bool is_ours =
                table.record(change.si_pid, change.si_code, change.si_status, now_usec());
            siginfo_t reaped{};
            ::waitid(P_PID, static_cast<id_t>(change.si_pid), &reaped, WEXITED | WNOHANG);
            if (is_ours) {
                poke();
            } else if (options.warn_orphans) {
                say_reaped(change.si_pid);
            }
        }
        change = siginfo_t{};
    }
    ::_exit(0);  // ECHILD: nobody is left
}

void leave_session(bool takes_terminal) {
    if (takes_terminal) {
        ::setpgid(0, 0);
        const pid_t group = ::getpid();
        // One that is not ours, or not there any more, is no terminal of the program's either.
        ::ioctl(STDIN_FILENO, TIOCSPGRP, &group);
    } else {
        ::setsid();
    }
}

}  // namespace

int start_kept(const KeptOptions& options) {
    ExitRecorder table;
    if (options.slot >= kSlots || !map(table) || ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        return options.slot >= kSlots ? EINVAL : errno;
    }
    // A fork whose child's number is in the slot before the child runs.
    const long child = ::syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, nullptr,
                                 &table.slots[options.slot].pid, nullptr, nullptr);
    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        leave_session(options.takes_terminal);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::close(kKeeperTableFd);
        ::close(kKeeperPokeFd);
        ::munmap(table.head, kTableSize);
        return 0;
    }
    join_session(static_cast<pid_t>(child), options.takes_terminal);
    let_go_of_everything(options.warn_orphans);
    poke();
    keep(table, options);
}

}  // namespace svcd
