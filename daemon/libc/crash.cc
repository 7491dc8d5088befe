#include "libc/crash.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>

#include "libc/os.h"

namespace svcd {
namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
constexpr std::int64_t kSyncMost = 10'000'000;  // µs
constexpr long kPause = 10'000'000;             // ns, between two looks at the child that syncs

void (*last_act)() = nullptr;
/// Of its own: the fault may be that there is no stack left.
alignas(16) char stack[16384];

void sync_disks() {
    const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (child == 0) {
        ::sync();
        ::_exit(0);
    }
    const std::int64_t until = now_usec() + kSyncMost;
    const timespec pause{0, kPause};
    while (child > 0 && ::waitpid(static_cast<pid_t>(child), nullptr, WNOHANG) == 0 &&
           now_usec() < until) {
        ::nanosleep(&pause, nullptr);
    }
}

void on_fault(int signal, siginfo_t* info, void*) {
    if (info->si_code <= 0) {
        return;  // somebody's kill(2): it means nothing to us
    }
    if (last_act == nullptr || ::getpid() != 1) {
        // It strikes again when we return, and ends us, with a core dump. (Also a child of ours
        // that has not become another program yet.)
        std::signal(signal, SIG_DFL);
        return;
    }
    log_patience = kUnasked;
    const char* name = ::sigabbrev_np(signal);
    say("svcd-launcher has a fault of its own: SIG%s at address %p; disks are synced",
        name != nullptr ? name : "?", info->si_addr);
    sync_disks();
    last_act();
    wait_for_ever();
}

}  // namespace

void catch_faults(void (*act)()) {
    last_act = act;
    stack_t own{};
    own.ss_sp = stack;
    own.ss_size = sizeof stack;
    ::sigaltstack(&own, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigfillset(&action.sa_mask);
    sigset_t faults;
    ::sigemptyset(&faults);
    for (const int signal : kFaults) {
        ::sigaction(signal, &action, nullptr);
        ::sigaddset(&faults, signal);
    }
    // The kernel ends a process that faults while the signal is blocked.
    ::sigprocmask(SIG_UNBLOCK, &faults, nullptr);
}

}  // namespace svcd
