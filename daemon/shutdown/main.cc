// svcd-shutdown: the last steps of a machine, or of a PID namespace. Its PID 1, the launcher,
// executes it when everything has ended that is a unit, reaps meanwhile, and leaves or calls
// reboot(2) when it is done, or has taken too long.
//
//   svcd-shutdown machine|processes gently|at-once DEADLINE
//
// DEADLINE is in µs of CLOCK_MONOTONIC, 0: none. 0 is returned also when something could not be
// done: it was said, and there is nothing more to do about it.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"
#include "shutdown/left_over.h"
#include "shutdown/unmount.h"

int main(int count, char** arguments) {
    constexpr int kArguments = 4;
    constexpr int kLogPatience = 100;  // ms
    constexpr int kUsage = 2;
    if (count != kArguments || ::getppid() != 1) {
        svcd::say("svcd-shutdown is executed by svcd as PID 1, not by hand");
        return kUsage;
    }
    // Nobody is to end us but the launcher.
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    svcd::log_patience = kLogPatience;
    svcd::Helpers helpers{std::strtoll(arguments[3], nullptr, 10)};
    svcd::kill_the_rest(helpers, std::strcmp(arguments[2], "at-once") == 0);
    if (std::strcmp(arguments[1], "machine") == 0) {
        svcd::unmount_all(helpers);
    }
    return 0;
}
