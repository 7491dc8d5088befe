// The launcher: the process that must not die. svcd (start/) has made all it needs, and has become
// it by execve; docs/launcher.md argues why it does not end.
//
// It is the parent of every service (the manager spawns with CLONE_PARENT) and does four things for
// as long as it lives: it reaps, writing each end into the process table first (table.cc); it keeps
// descriptors for the manager (link.cc); it starts the manager again when that dies (manager.cc);
// and it leaves signals that are meant for the manager in the table (signals.cc). A manager that
// hangs it takes for dead (watch.cc). All policy is the manager's. It allocates nothing, waits for
// nobody, and leaves only when the manager told it to (TableHeader::final_status), by the last
// steps (end.cc).
#include <poll.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "launcher/launcher.h"
#include "libc/crash.h"

namespace svcd {
namespace {

/// Exits between two looks at everything else, so that a fork bomb's end keeps nobody waiting.
constexpr int kExitsPerTurn = 64;

bool warns_of_orphans = false;  // --warn-orphans

/// Reaps a batch of children, and pokes the manager once if the table has news. Never waits. True:
/// there may be more. `manager_end` is filled in when it has ended.
bool reap(siginfo_t& manager_end) {
    // __WALL: also children whose parent asked for another signal than SIGCHLD at their end.
    constexpr int kAllEnds = WEXITED | WNOHANG | __WALL;
    bool has_news = false;
    int count = 0;
    for (; count < kExitsPerTurn; ++count) {
        siginfo_t end{};
        // Only look: as long as the zombie is there, its PID is nobody else's.
        if (::waitid(P_ALL, 0, &end, kAllEnds | WNOWAIT) != 0 || end.si_pid == 0) {
            break;
        }
        if (end.si_pid == manager::pid) {
            manager_end = end;
        } else if (!manager::shell_ended(end.si_pid)) {
            const bool is_ours = table::record_exit(end.si_pid, end.si_code, end.si_status);
            has_news |= is_ours;
            if (warns_of_orphans && !is_ours) {
                say("PID %d was left behind by its parent, and is reaped", end.si_pid);
            }
        }
        siginfo_t gone{};
        ::waitid(P_PID, static_cast<id_t>(end.si_pid), &gone, kAllEnds);
    }
    if (has_news) {
        table::poke();
    }
    return count == kExitsPerTurn;
}

/// Has the manager been stopped, or the command, or does the manager go on?
void look_for_stop() {
    for (int count = 0; count < kExitsPerTurn; ++count) {
        siginfo_t change{};
        if (::waitid(P_ALL, 0, &change, WSTOPPED | WCONTINUED | WNOHANG) != 0 ||
            change.si_pid == 0) {
            return;
        }
        if (change.si_pid == manager::pid) {
            watch::changed(change);
        } else if (change.si_code == CLD_STOPPED) {
            terminal::child_stopped(change.si_pid, change.si_status);
        }
    }
}

/// Somebody who got no answer has opened RUNTIME_DIR/launcher.
void hear_question() {
    char events[1024];
    if (::read(kAskFd, events, sizeof events) > 0) {
        table::poke();
    }
}

/// In ms for poll(2); -1: for ever.
int sooner(int one, int other) {
    return one < 0 ? other : other < 0 ? one : std::min(one, other);
}

/// To whoever started svcd (sd_notify(3)), if anybody waits there; and once.
void tell_ready() {
    if (::send(kNotifyFd, "READY=1", 7, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != ENOTSOCK &&
        errno != EPIPE) {
        say("can't send READY=1: %s", std::strerror(errno));
    }
    ::shutdown(kNotifyFd, SHUT_WR);
}

/// Everything from here on goes on until the manager says otherwise.
EndOrder serve(int signalfd, bool is_machine) {
    EndOrder end;
    bool may_have_exits = true;  // whoever executed us may have left us children
    for (bool is_first = true; !alone::has_to_end(end);) {
        if (manager::is_due()) {
            manager::start();
        }
        watch::expect();
        // Who asks is not listened to while an answer is due anyway.
        const int ask_fd = manager::pid > 0 && watch::is_idle() ? kAskFd : -1;
        pollfd sources[] = {link::source(), {signalfd, POLLIN, 0}, {ask_fd, POLLIN, 0}};
        const int patience = sooner(manager::wait_ms(), watch::wait_ms());
        if (::poll(sources, 3, may_have_exits ? 0 : patience) < 0) {
            sources[0].revents = 0;
            sources[2].revents = 0;
        }
        if (signals::take(signalfd, is_machine, end.kind)) {
            say("going down without stopping units in order");
            if (manager::pid > 0) {
                ::kill(manager::pid, SIGKILL);  // it is not to decide anything any more
            }
            return end;
        }
        if (sources[0].revents != 0 && link::serve()) {
            manager::set_ready();
            tell_ready();
        }
        if (sources[2].revents != 0) {
            hear_question();
        }
        if (std::exchange(link::wants_shell, false)) {
            manager::start_shell();
        }
        look_for_stop();
        siginfo_t its_end{};
        may_have_exits = reap(its_end);
        if (its_end.si_pid == 0) {
            watch::look();
            manager::end_shell();
            continue;
        }
        if (table::read_end(end)) {
            return end;
        }
        // A first manager that leaves by itself before it was ready and spawned anything has
        // refused to start (a bad option, no cgroup to write to): whoever started svcd should know.
        // Not so the first process of a machine, whose end would be a panic.
        if (is_first && its_end.si_code == CLD_EXITED && its_end.si_status != 0 &&
            !manager::is_ready && table::is_unused() && !is_machine) {
            say("svcd-manager could not start (status %d), so svcd leaves", its_end.si_status);
            end.status = its_end.si_status;
            return end;
        }
        is_first = false;
        manager::ended(its_end);
    }
    return end;
}

/// CrashAction.
void end_after_fault() {
    switch (table::settings().crash_action) {
        case CrashAction::reboot:
            say("rebooting (CrashAction: reboot)");
            ::reboot(static_cast<int>(RB_AUTOBOOT));
            break;
        case CrashAction::halt:
            say("halting (CrashAction: halt)");
            ::reboot(static_cast<int>(RB_HALT_SYSTEM));
            break;
        case CrashAction::wait:
            say("what runs goes on, but nothing is restarted any more (CrashAction: wait)");
            break;
    }
}

int run(char** arguments) {
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    log_fd = kLogFd;
    manager::set_up(arguments + kManagerArgument, arguments[kRescueArgument][0] != '\0',
                    arguments[kOomArgument]);
    char* flags = nullptr;
    const std::uint64_t stop_signals = std::strtoull(arguments[kCommandArgument], &flags, 16);
    warns_of_orphans = std::strchr(flags, kWarnOrphans) != nullptr;
    terminal::set_up(std::strchr(flags, kHasTerminal) != nullptr);
    const int signalfd = signals::open(stop_signals);
    if (signalfd < 0 || !table::map()) {
        return 1;
    }
    // In a PID namespace: EINVAL. Without CAP_SYS_BOOT: EPERM, and we couldn't switch off anyway.
    // On a machine Ctrl-Alt-Del is a SIGINT to us from now on.
    const bool is_machine = ::getpid() == 1 && ::reboot(RB_DISABLE_CAD) == 0;
    catch_faults(is_machine ? end_after_fault : nullptr);
    alone::set_up(arguments + kManagerArgument + 1, is_machine);
    // Whatever a service leaves behind comes to us, not to somebody's PID 1.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "svcd");
    const EndOrder end = serve(signalfd, is_machine);
    terminal::give_back();
    return take_last_steps(end, is_machine, arguments[kShutdownArgument]);
}

}  // namespace
}  // namespace svcd

int main(int, char** arguments) {
    return svcd::run(arguments);
}
