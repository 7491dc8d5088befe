#include "libc/os.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace svcd {

int log_fd = STDERR_FILENO;
int log_patience = 0;

void say(const char* format, ...) {
    const int saved_errno = errno;
    char line[512] = "svcd: ";
    constexpr int kPrefix = 6;
    constexpr int kRoom = static_cast<int>(sizeof line) - kPrefix - 1;  // a newline follows
    va_list arguments;
    va_start(arguments, format);
    int length = std::vsnprintf(line + kPrefix, kRoom, format, arguments);
    va_end(arguments);
    length = kPrefix + (length < 0 ? 0 : length < kRoom ? length : kRoom - 1);
    line[length++] = '\n';
    pollfd room{log_fd, POLLOUT, 0};
    const bool asks = log_patience != kUnasked;
    if (!asks || (::poll(&room, 1, log_patience) == 1 && (room.revents & POLLOUT) != 0)) {
        [[maybe_unused]] const ssize_t written =
            ::write(log_fd, line, static_cast<std::size_t>(length));
    }
    errno = saved_errno;
}

bool watch_opens(int inotify, int file) {
    char path[40];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return ::inotify_add_watch(inotify, path, IN_OPEN) >= 0;
}

std::int64_t now_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

int wait_for(pid_t child, std::int64_t until) {
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGCHLD);
    for (;;) {
        siginfo_t end{};
        if (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | __WALL) != 0) {
            return 0;  // ECHILD: no signal can interrupt it
        }
        if (end.si_pid != 0 && end.si_pid == child) {
            return end.si_code == CLD_EXITED ? end.si_status : 255;
        }
        const std::int64_t left = until - now_usec();
        if (left <= 0) {
            return -1;
        }
        if (end.si_pid == 0) {
            const timespec patience{left / 1'000'000, left % 1'000'000 * 1000};
            ::sigtimedwait(&ends, nullptr, &patience);
        }
    }
}

pid_t close_aside(int first, unsigned last) {
    const long child = ::syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (child <= 0) {
        // In the child; without one, it has to be done here.
        ::close_range(static_cast<unsigned>(first), last, 0);
    }
    if (child == 0) {
        ::_exit(0);
    }
    return static_cast<pid_t>(child);
}

void become_rescue_shell(bool asks_for_password) {
    ::setsid();
    const int console = ::open("/dev/console", O_RDWR);
    ::ioctl(console, TIOCSCTTY, 1);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        ::dup2(console, fd);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (asks_for_password) {
        ::execl("/sbin/sulogin", "sulogin", nullptr);
    }
    ::execl("/bin/sh", "sh", nullptr);
    say("can't execute a shell: %s", std::strerror(errno));
    ::_exit(kExecFailed);
}

void wait_for_ever() {
    for (;;) {
        // Without that a machine runs out of PIDs, and nobody can log in to reboot it.
        if (::waitpid(-1, nullptr, __WALL) < 0) {
            const timespec pause{1, 0};
            ::nanosleep(&pause, nullptr);  // there is no child
        }
    }
}

}  // namespace svcd
