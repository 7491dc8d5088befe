#include "launcher/manager_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "launcher/os.h"

namespace svcd {
namespace {

/// The exit status of a child that could not become the manager.
constexpr int kExecFailed = 127;

[[noreturn]] void become_manager(
    const ManagerCommand& command, pid_t launcher, int table, int poke, int link) {
    // A manager without its launcher can't learn of exits, and a new svcd brings its own.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launcher) {
        ::_exit(0);
    }
    if (::dup2(table, kTableFd) < 0 || ::dup2(poke, kPokeFd) < 0 || ::dup2(link, kLinkFd) < 0) {
        say("can't hand descriptors to svcd-manager: %s", std::strerror(errno));
        ::_exit(kExecFailed);
    }
    ::setrlimit(RLIMIT_NOFILE, &command.descriptors);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(command.path, command.arguments);
    say("can't execute %s: %s", command.path, std::strerror(errno));
    ::_exit(kExecFailed);
}

}  // namespace

pid_t ManagerProcess::spawn(Table& table, ManagerLink& link) {
    const int its_end = link.open();
    if (its_end < 0) {
        return -1;
    }
    table.count_start();
    const pid_t launcher = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        become_manager(command_, launcher, table.fd(), table.poke_fd(), its_end);
    }
    const int error = errno;
    ::close(its_end);
    errno = error;
    return pid;
}

void ManagerProcess::start(Table& table, ManagerLink& link) {
    was_ready_ = false;
    const pid_t pid = spawn(table, link);
    if (pid > 0) {
        pid_ = pid;
        return;
    }
    char how[96];
    std::snprintf(how, sizeof how, "can't start svcd-manager: %s", std::strerror(errno));
    died(how);
}

void ManagerProcess::ended(int code, int status) {
    const pid_t pid = pid_;
    pid_ = 0;
    if (code == CLD_EXITED && status == 0 && was_ready_) {
        start_at_ = now_usec();
        say("svcd-manager (PID %d) makes room for a new one; services go on", pid);
        return;
    }
    char how[96];
    if (code == CLD_EXITED) {
        std::snprintf(how, sizeof how, "svcd-manager (PID %d) left with status %d", pid, status);
    } else {
        const char* signal = ::sigabbrev_np(status);
        std::snprintf(how, sizeof how, "svcd-manager (PID %d) was killed by signal %d (SIG%s)%s",
                      pid, status, signal != nullptr ? signal : "?",
                      code == CLD_DUMPED ? " and dumped core" : "");
    }
    died(how);
}

void ManagerProcess::died(const char* how) {
    const std::int64_t now = now_usec();
    deaths_[death_count_++ % kDeathsMax] = now;
    const std::int64_t oldest = deaths_[death_count_ % kDeathsMax];
    const bool is_often = death_count_ >= kDeathsMax && now - oldest <= kDeathWindow;
    // While it waits between starts, what counts is how long it lived.
    const bool is_soon = wait_ > 0 && now - start_at_ <= kDeathWindow;
    if (!is_often && !is_soon) {
        wait_ = 0;
        start_at_ = now;
        say("%s; starting it again, services go on", how);
        return;
    }
    wait_ = wait_ == 0 ? kWaitFirst : wait_ * 2;
    wait_ = wait_ < kWaitMax ? wait_ : kWaitMax;
    start_at_ = now + wait_;
    say("%s; it dies too often, so the next start is in %d s; services go on without it", how,
        static_cast<int>(wait_ / 1'000'000));
}

void ManagerProcess::kill() const {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
}

void ManagerProcess::hurry() {
    if (pid_ == 0) {
        start_at_ = now_usec();
    }
}

int ManagerProcess::wait_ms() const {
    if (pid_ != 0) {
        return -1;
    }
    const std::int64_t left = start_at_ - now_usec();
    return left <= 0 ? 0 : static_cast<int>((left + 999) / 1000);
}

}  // namespace svcd
