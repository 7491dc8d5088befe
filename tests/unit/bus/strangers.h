// Clients with the rights of another user.
#pragma once

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace svcd::test {

inline constexpr uid_t kNobody = 65534;

/// A child with the rights of another user.
inline pid_t fork_as(uid_t user, const std::function<int()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const bool changed =
            ::setgroups(0, nullptr) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0;
        ::_exit(changed ? work() : 99);
    }
    return child;
}

inline int exit_status_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs the checks as another user; its failures are told by its exit status.
inline int run_as(uid_t user, const std::function<int()>& check) {
    return exit_status_of(fork_as(user, check));
}

inline int as_nobody(const std::function<int()>& check) {
    return run_as(kNobody, check);
}

}  // namespace svcd::test
