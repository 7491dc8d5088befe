// The terminal of a command that svcd runs as its only purpose. The command's process group is in
// the foreground, so a Ctrl-Z stops it and not svcd. PID 1 has nobody who could continue it, so it
// does that itself; anywhere else svcd stops with it, and whoever started svcd can continue both.
#include <sys/ioctl.h>
#include <unistd.h>

#include "launcher/launcher.h"

namespace svcd::terminal {
namespace {

constexpr int kSettleMilliseconds = 10;

bool is_ours = false;

pid_t foreground() {
    pid_t group = 0;
    return ::ioctl(STDIN_FILENO, TIOCGPGRP, &group) == 0 ? group : 0;
}

/// SIGTTOU, which we would get when we are in the background, is blocked.
void give_to(pid_t group) {
    ::ioctl(STDIN_FILENO, TIOCSPGRP, &group);
}

}  // namespace

void set_up(bool is_used) {
    is_ours = is_used;
}

void child_stopped(pid_t child, int signal) {
    // Others that are stopped on the terminal have been left behind; they may stay so. A keeper
    // (exec/keeper.h) is in the group of its process, and stops itself when that was stopped.
    const pid_t group = ::getpgid(child);
    const bool is_command = group > 0 && group != ::getpgrp() && ::getsid(child) == ::getsid(0);
    if (!is_ours || !is_command || signal != (group == child ? SIGTSTP : SIGSTOP)) {
        return;
    }
    if (::getpid() != 1 && ::getsid(::getppid()) == ::getsid(0)) {
        give_to(::getpgrp());
        // Not SIGTSTP, which is blocked. Somebody continues us, or we would not be here again.
        ::kill(::getpid(), SIGSTOP);
        if (foreground() == ::getpgrp()) {
            give_to(group);
        }
    } else {
        // The kernel may still be telling others of the group to stop; who hears that after a
        // SIGCONT stays stopped, and its parent is the command.
        ::poll(nullptr, 0, kSettleMilliseconds);
    }
    ::kill(-group, SIGCONT);
}

void give_back() {
    if (is_ours) {
        give_to(::getpgrp());
    }
}

}  // namespace svcd::terminal
