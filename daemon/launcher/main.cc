// The launcher: the process that must not die. svcd (start/) has made all it needs, and has become
// it by execve; docs/launcher.md argues why it does not end.
//
// It is the parent of every service (the manager spawns with CLONE_PARENT) and does four things for
// as long as it lives: it reaps, writing each end into the process table first (table.cc); it keeps
// descriptors for the manager (link.cc); it starts the manager again when that dies (manager.cc);
// and it leaves signals that are meant for the manager in the table (signals.cc). All policy is the
// manager's. It allocates nothing, waits for nobody, and leaves only when the manager told it to
// (TableHeader::final_status), by the last steps (end.cc).
#include <poll.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/launcher.h"

namespace svcd {
namespace {

/// Exits between two looks at everything else, so that a fork bomb's end keeps nobody waiting.
constexpr int kExitsPerTurn = 64;

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
            has_news |= table::record_exit(end.si_pid, end.si_code, end.si_status);
        }
        siginfo_t gone{};
        ::waitid(P_PID, static_cast<id_t>(end.si_pid), &gone, kAllEnds);
    }
    if (has_news) {
        table::poke();
    }
    return count == kExitsPerTurn;
}

/// Everything from here on goes on until the manager says otherwise.
EndOrder serve(int signalfd, bool is_machine) {
    EndOrder end;
    bool may_have_exits = true;  // whoever executed us may have left us children
    for (bool is_first = true;;) {
        if (manager::wait_ms() == 0) {
            manager::start();
        }
        pollfd sources[] = {link::source(), {signalfd, POLLIN, 0}};
        if (::poll(sources, 2, may_have_exits ? 0 : manager::wait_ms()) < 0) {
            sources[0].revents = 0;
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
            // To whoever started svcd (sd_notify(3)), if anybody waits there; and once.
            if (::send(kNotifyFd, "READY=1", 7, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                errno != ENOTSOCK && errno != EPIPE) {
                say("can't send READY=1: %s", std::strerror(errno));
            }
            ::shutdown(kNotifyFd, SHUT_WR);
        }
        siginfo_t its_end{};
        may_have_exits = reap(its_end);
        if (its_end.si_pid == 0) {
            continue;
        }
        if (table::read_end(end)) {
            return end;
        }
        // A first manager that leaves by itself before it was ready and spawned anything has
        // refused to start (a bad option, no cgroup to write to): whoever started svcd should know.
        if (is_first && its_end.si_code == CLD_EXITED && its_end.si_status != 0 &&
            !manager::is_ready && table::is_unused() && ::getpid() != 1) {
            say("svcd-manager could not start (status %d), so svcd leaves", its_end.si_status);
            end.status = its_end.si_status;
            return end;
        }
        is_first = false;
        manager::ended(its_end);
    }
}

int run(char** arguments) {
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    log_fd = kLogFd;
    manager::set_up(arguments + kManagerArgument, arguments[kRescueArgument][0] != '\0',
                    arguments[kOomArgument]);
    const int signalfd = signals::open();
    if (signalfd < 0 || !table::map()) {
        return 1;
    }
    // In a PID namespace: EINVAL. Without CAP_SYS_BOOT: EPERM, and we couldn't switch off anyway.
    // On a machine Ctrl-Alt-Del is a SIGINT to us from now on.
    const bool is_machine = ::getpid() == 1 && ::reboot(RB_DISABLE_CAD) == 0;
    // Whatever a service leaves behind comes to us, not to somebody's PID 1.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "svcd");
    return take_last_steps(serve(signalfd, is_machine), is_machine, arguments[kShutdownArgument]);
}

}  // namespace
}  // namespace svcd

int main(int, char** arguments) {
    return svcd::run(arguments);
}
