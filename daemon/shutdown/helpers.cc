#include "shutdown/helpers.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "libc/os.h"

namespace svcd {

Helpers::Helpers(std::int64_t deadline) : deadline_(deadline) {
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
}

std::int64_t Helpers::limit(std::int64_t most) const {
    const std::int64_t now = now_usec();
    if (deadline_ > 0 && most > (deadline_ - now) / 2) {
        most = (deadline_ - now) / 2;
    }
    return now + (most > kStepLeast ? most : kStepLeast);
}

int Helpers::run(int (*work)(const char* argument), const char* argument, std::int64_t most) {
    const pid_t child = ::fork();
    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        ::_exit(work(argument));
    }
    if (const int status = wait_for(child, limit(most)); status >= 0) {
        return status;
    }
    ::kill(child, SIGKILL);
    return ETIMEDOUT;
}

}  // namespace svcd
