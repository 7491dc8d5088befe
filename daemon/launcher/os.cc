#include "launcher/os.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "launcher/protocol.h"

namespace svcd {
namespace {

constexpr int kFirstFreeFd = kLinkFd + 1;

constexpr int kLogPatience = 100;  // ms

int log_fd = STDERR_FILENO;
int log_patience = 0;

/// What is said holds names of processes and mount points, which anybody may choose: no control
/// character of theirs (C0, DEL, and C1 in UTF-8) reaches the terminal, nor forges a line.
void mask_controls(char* text, int length) {
    for (int index = 0; index < length; ++index) {
        const auto byte = static_cast<unsigned char>(text[index]);
        const auto next = static_cast<unsigned char>(text[index + 1]);  // the NUL at the last
        if (byte < 0x20 || byte == 0x7f) {
            text[index] = '?';
        } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            text[index] = text[index + 1] = '?';
        }
    }
}

}  // namespace

void open_log() {
    struct stat info {};
    if (::fstat(STDERR_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
        // O_NONBLOCK belongs to the open file, which we share with others; so open it once more.
        // A terminal too: it has room (POLLOUT) also when it has less than a line needs.
        const int own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        log_fd = own >= 0 ? above_fixed_fds(own) : STDERR_FILENO;
    }
}

void say(const char* format, ...) {
    const int saved_errno = errno;
    char line[512] = "svcd: ";
    constexpr int kPrefix = 6;
    constexpr int kRoom = static_cast<int>(sizeof line) - kPrefix - 1;  // a newline follows
    va_list arguments;
    va_start(arguments, format);
    int length = std::vsnprintf(line + kPrefix, kRoom, format, arguments);
    va_end(arguments);
    length = length < 0 ? 0 : length;
    length = length < kRoom ? length : kRoom - 1;
    mask_controls(line + kPrefix, length);
    length += kPrefix;
    line[length++] = '\n';
    pollfd room{log_fd, POLLOUT, 0};
    if (::poll(&room, 1, log_patience) == 1 && (room.revents & POLLOUT) != 0) {
        [[maybe_unused]] const ssize_t written =
            ::write(log_fd, line, static_cast<std::size_t>(length));
    }
    errno = saved_errno;
}

void wait_for_log() {
    log_patience = kLogPatience;
}

std::int64_t now_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

int above_fixed_fds(int fd) {
    if (fd < 0 || fd >= kFirstFreeFd) {
        return fd;
    }
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeFd);
    ::close(fd);
    return moved;
}

void close_all_but(int fd) {
    if (log_fd != STDERR_FILENO) {
        ::dup2(log_fd, STDERR_FILENO);  // it is ours, and never waits
        log_fd = STDERR_FILENO;
    }
    ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(fd) - 1, 0);
    ::close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
}

}  // namespace svcd
