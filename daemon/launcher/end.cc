#include <sys/reboot.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "launcher/launcher.h"

namespace svcd {
namespace {

/// However long all steps may take (µs); svcd-shutdown has a limit for each ...
constexpr std::int64_t kEndMost = 60'000'000;
/// ... and may take this much beyond the end's deadline.
constexpr std::int64_t kEndLate = 5'000'000;
/// For each step that is ours.
constexpr std::int64_t kStepMost = 10'000'000;

bool run_svcd_shutdown(const EndOrder& end, bool is_machine, const char* program) {
    const pid_t child = ::fork();
    if (child == 0) {
        char deadline[24];
        std::snprintf(deadline, sizeof deadline, "%lld", static_cast<long long>(end.deadline));
        ::dup2(log_fd, STDERR_FILENO);  // ours never waits
        ::execl(program, program, is_machine ? "machine" : "processes",
                end.at_once ? "at-once" : "gently", deadline, nullptr);
        say("can't execute %s: %s", program, std::strerror(errno));
        ::_exit(kExecFailed);
    }
    const std::int64_t now = now_usec();
    const std::int64_t latest = now + kEndMost - kEndLate;
    const std::int64_t until = end.deadline == 0 ? latest : std::clamp(end.deadline, now, latest);
    return child > 0 && wait_for(child, until + kEndLate) == 0;
}

void end_without_it(bool is_machine) {
    say("svcd-shutdown failed: what is left is killed, and disks are synced, no more");
    ::kill(-1, SIGKILL);
    wait_for(0, now_usec() + kStepMost);
    const pid_t child = is_machine ? ::fork() : -1;
    if (child == 0) {
        ::sync();
        ::_exit(0);
    }
    wait_for(child, now_usec() + kStepMost);
}

}  // namespace

int take_last_steps(const EndOrder& end, bool is_machine, const char* svcd_shutdown) {
    if (::getpid() != 1) {
        if (end.is_alone) {
            alone::end_children();
        }
        return end.status;  // else the manager has seen to what its units left
    }
    log_patience = 100;
    [[maybe_unused]] const int is_at_root = ::chdir("/");
    // What is stored for the manager would keep file systems busy.
    if (const pid_t child = close_aside(kNotifyFd, ~0U); child > 0) {
        wait_for(child, now_usec() + kStepMost);
    }
    close_aside(kStatusFd, kLockFd);
    if (!run_svcd_shutdown(end, is_machine, svcd_shutdown)) {
        end_without_it(is_machine);
    }
    if (!is_machine) {
        return end.status;
    }
    const bool reboots = end.kind == EndKind::reboot, halts = end.kind == EndKind::halt;
    say("%s", reboots ? "rebooting" : halts ? "halting" : "powering off");
    const unsigned command = reboots ? RB_AUTOBOOT : halts ? RB_HALT_SYSTEM : RB_POWER_OFF;
    ::reboot(static_cast<int>(command));
    say("reboot(2): %s; this machine can be switched off", std::strerror(errno));
    wait_for_ever();  // the end of PID 1 would be a panic
}

}  // namespace svcd
