#include "launcher/helpers.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "launcher/os.h"

namespace svcd {

std::int64_t Helpers::limit(std::int64_t most) const {
    const std::int64_t now = now_usec();
    if (deadline_ > 0 && most > (deadline_ - now) / 2) {
        most = (deadline_ - now) / 2;
    }
    return now + (most > kStepLeast ? most : kStepLeast);
}

/// Until `child` has ended (`status` is how), or until there is no child at all.
bool Helpers::reap_until(std::int64_t until, pid_t child, int& status) {
    for (;;) {
        siginfo_t end{};
        if (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | __WALL) != 0) {
            return true;  // ECHILD: no signal can interrupt it
        }
        if (end.si_pid != 0 && end.si_pid == child) {
            status = end.si_code == CLD_EXITED ? end.si_status : EINTR;
            return true;
        }
        const std::int64_t left = until - now_usec();
        if (left <= 0) {
            return false;
        }
        if (end.si_pid == 0) {
            pollfd news{signals_, POLLIN, 0};
            ::poll(&news, 1, static_cast<int>(left / 1000 + 1));
            signalfd_siginfo info;
            while (::read(signals_, &info, sizeof info) > 0) {
            }
        }
    }
}

bool Helpers::reap_all(std::int64_t until) {
    int unused = 0;
    return reap_until(until, 0, unused);
}

int Helpers::run(int (*work)(const char* argument), const char* argument, std::int64_t most) {
    const pid_t child = ::fork();
    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        ::_exit(work(argument));
    }
    int status = 0;
    if (reap_until(limit(most), child, status)) {
        return status;
    }
    ::kill(child, SIGKILL);
    return ETIMEDOUT;
}

}  // namespace svcd
