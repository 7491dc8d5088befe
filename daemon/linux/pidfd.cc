#include "linux/pidfd.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace svcd {

Result<UniqueFd> open_pidfd(Pid pid) {
    // Not <sys/pidfd.h>: in glibc 2.36 it isn't made for C++. Close-on-exec by definition.
    UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!fd) {
        return failure(errno, "pidfd_open", std::to_string(pid));
    }
    return fd;
}

Result<void> send_signal(const UniqueFd& pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) < 0) {
        return failure(errno, "pidfd_send_signal", std::to_string(signal));
    }
    return {};
}

}  // namespace svcd
