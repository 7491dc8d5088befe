#include "linux/pidfd.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>

#include "linux/procfs.h"

namespace svcd {
namespace {

// <linux/pidfd.h> of Linux 6.15, which Debian 12's headers (6.1) don't have yet.
struct PidfdInfo {
    std::uint64_t mask;  ///< in: what is wanted; out: what is there
    std::uint64_t cgroup_id;
    std::uint32_t pid;
    std::uint32_t tgid;
    std::uint32_t parent;
    std::uint32_t credentials[8];
    std::int32_t exit_code;  ///< a wait status
};
static_assert(sizeof(PidfdInfo) == 64);  // PIDFD_INFO_SIZE_VER0
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr std::uint64_t kPidfdInfoExit = 1U << 3U;

/// Nothing before it is reaped, and from a kernel that doesn't know the question.
std::optional<EndOfProcess> end_by_pidfd(const UniqueFd& pidfd) {
    PidfdInfo info{};
    info.mask = kPidfdInfoExit;
    if (::ioctl(pidfd.get(), kPidfdGetInfo, &info) != 0 || (info.mask & kPidfdInfoExit) == 0) {
        return std::nullopt;
    }
    return end_of(info.exit_code);
}

std::optional<EndOfProcess> end_of_zombie(Pid pid, std::uint64_t start_time) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info || info->state != 'Z' || (start_time != 0 && info->start_time != start_time)) {
        return std::nullopt;
    }
    return end_of(info->wait_status);
}

}  // namespace

Result<UniqueFd> open_pidfd(Pid pid) {
    // Not <sys/pidfd.h>: in glibc 2.36 it isn't made for C++. Close-on-exec by definition.
    UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!fd) {
        return failure(errno, "pidfd_open", std::to_string(pid));
    }
    return fd;
}

Result<void> send_signal(const UniqueFd& pidfd, int signal, std::optional<std::int32_t> value) {
    siginfo_t info{};
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = ::getpid();
    info.si_uid = ::getuid();
    info.si_value.sival_int = value.value_or(0);
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, value ? &info : nullptr, 0) < 0) {
        return failure(errno, "pidfd_send_signal", std::to_string(signal));
    }
    return {};
}

Result<Recipient> open_recipient(Pid pid) {
    Result<UniqueFd> pidfd = open_pidfd(pid);
    if (pidfd) {
        return Recipient{pid, std::move(*pidfd)};
    }
    const int why = pidfd.error().error_number;
    if (why == EMFILE || why == ENFILE || why == ENOMEM) {
        return Recipient{pid, UniqueFd{}};
    }
    return Failure{pidfd.error()};
}

Result<void> send_signal(const Recipient& recipient,
                         int signal,
                         std::optional<std::int32_t> value) {
    if (recipient.pidfd) {
        return send_signal(recipient.pidfd, signal, value);
    }
    sigval with{};
    with.sival_int = value.value_or(0);
    const int sent =
        value ? ::sigqueue(recipient.pid, signal, with) : ::kill(recipient.pid, signal);
    if (sent < 0) {
        return failure(errno, "kill", std::to_string(recipient.pid));
    }
    return {};
}

bool has_ended(const UniqueFd& pidfd) {
    pollfd end{pidfd.get(), POLLIN, 0};
    return ::poll(&end, 1, 0) == 1;
}

EndOfProcess end_of(int wait_status) {
    if (WIFEXITED(wait_status)) {
        return {ExitCode::exited, WEXITSTATUS(wait_status)};
    }
    return {WCOREDUMP(wait_status) ? ExitCode::dumped : ExitCode::killed, WTERMSIG(wait_status)};
}

EndOfProcess end_of(const UniqueFd& pidfd, Pid pid, std::uint64_t start_time) {
    std::optional<EndOfProcess> end = end_by_pidfd(pidfd);
    if (!end) {
        end = end_of_zombie(pid, start_time);
    }
    if (!end) {
        end = end_by_pidfd(pidfd);  // it was reaped in between
    }
    return end.value_or(EndOfProcess{ExitCode::unknown, static_cast<int>(UnknownEnd::not_told)});
}

}  // namespace svcd
