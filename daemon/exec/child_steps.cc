#include "exec/child_steps.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>

#include "exec/exit_status.h"
#include "exec/raw_syscall.h"

namespace svcd {
namespace {

/// What prlimit64(2) takes.
struct KernelLimit {
    std::uint64_t soft;
    std::uint64_t hard;
};

bool fail(ChildFailure& failure,
          int exit_status,
          long result,
          const char* operation,
          const char* subject) {
    failure = ChildFailure{exit_status, static_cast<int>(-result), operation, subject};
    return false;
}

long open_raw(const char* path, int flags) {
    return raw_syscall(__NR_openat, raw(AT_FDCWD), raw(path),
                       raw(flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), 0644);
}

/// Puts `fd` in the place of `target`, which stays open over execve, and lets it wait from now on:
/// O_NONBLOCK was for the open alone.
long place(long fd, int target) {
    const long flags = raw_syscall(__NR_fcntl, raw(fd), F_GETFL);
    if (flags < 0) {
        return flags;
    }
    raw_syscall(__NR_fcntl, raw(fd), F_SETFL, raw(flags & ~long{O_NONBLOCK}));
    if (fd == target) {
        return raw_syscall(__NR_fcntl, raw(fd), F_SETFD, 0);
    }
    const long result = raw_syscall(__NR_dup3, raw(fd), raw(target), 0);
    raw_syscall(__NR_close, raw(fd));
    return result < 0 ? result : 0;
}

/// mkdir of each folder on the way to `path`. What can't be made shows when the file is opened.
void make_folders(char* path) {
    for (char* at = path + 1; *at != '\0'; ++at) {
        if (*at == '/') {
            *at = '\0';
            raw_syscall(__NR_mkdirat, raw(AT_FDCWD), raw(path), 0755);
            *at = '/';
        }
    }
}

long open_output(OutputKind kind, char* path, int target) {
    long fd = -1;
    switch (kind) {
        case OutputKind::inherit:
            return 0;
        case OutputKind::null:
            fd = open_raw("/dev/null", O_WRONLY);
            break;
        case OutputKind::log:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND);
            if (fd == -ENOENT) {
                make_folders(path);
                fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND);
            }
            break;
        case OutputKind::file:
            fd = open_raw(path, O_WRONLY | O_CREAT);
            break;
        case OutputKind::append:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND);
            break;
        case OutputKind::truncate:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_TRUNC);
            break;
    }
    return fd < 0 ? fd : place(fd, target);
}

const char* shown_path(OutputKind kind, const char* path) {
    return kind == OutputKind::null || path == nullptr ? "/dev/null" : path;
}

bool set_up_input(const ChildPlan& plan, ChildFailure& failure) {
    if (plan.input == InputKind::inherit) {
        return true;
    }
    const char* path = plan.input == InputKind::file ? plan.input_path : "/dev/null";
    const long fd = open_raw(path, O_RDONLY);
    const long result = fd < 0 ? fd : place(fd, 0);
    if (result < 0) {
        return fail(failure, kExitStdin, result, "open standard input", path);
    }
    return true;
}

}  // namespace

bool set_up_stdio(const ChildPlan& plan, ChildFailure& failure) {
    if (!set_up_input(plan, failure)) {
        return false;
    }
    const long output = open_output(plan.output, plan.output_path, 1);
    if (output < 0) {
        return fail(failure, kExitStdout, output, "open standard output",
                    shown_path(plan.output, plan.output_path));
    }
    if (plan.error_is_output) {
        // Inherited output goes with inherited error, which may be another file.
        const long copy = plan.output == OutputKind::inherit ? 0 : raw_syscall(__NR_dup3, 1, 2, 0);
        return copy >= 0 || fail(failure, kExitStderr, copy, "dup2", "standard error");
    }
    const long error = open_output(plan.error, plan.error_path, 2);
    if (error < 0) {
        return fail(failure, kExitStderr, error, "open standard error",
                    shown_path(plan.error, plan.error_path));
    }
    return true;
}

bool set_up_limits(const ChildPlan& plan, ChildFailure& failure) {
    for (std::size_t index = 0; index < plan.limit_count; ++index) {
        const ResourceLimit& wanted = plan.limits[index];
        KernelLimit limit{wanted.soft, wanted.hard};
        const auto resource = raw(long{wanted.resource});
        long result = raw_syscall(__NR_prlimit64, 0, resource, raw(&limit), 0);
        if (result == -EPERM) {
            KernelLimit now{};
            result = raw_syscall(__NR_prlimit64, 0, resource, 0, raw(&now));
            if (result == 0) {
                limit.soft = limit.soft < now.hard ? limit.soft : now.hard;
                limit.hard = limit.hard < now.hard ? limit.hard : now.hard;
                result = raw_syscall(__NR_prlimit64, 0, resource, raw(&limit), 0);
            }
        }
        if (result < 0) {
            return fail(failure, kExitLimits, result, "setrlimit", nullptr);
        }
    }
    return true;
}

bool set_up_nice(const ChildPlan& plan, ChildFailure& failure) {
    if (!plan.has_nice) {
        return true;
    }
    const long result = raw_syscall(__NR_setpriority, PRIO_PROCESS, 0, raw(long{plan.nice}));
    return result >= 0 || fail(failure, kExitNice, result, "setpriority", nullptr);
}

bool enter_directory(const ChildPlan& plan, ChildFailure& failure) {
    long result = raw_syscall(__NR_chdir, raw(plan.directory));
    if (result < 0 && plan.fallback_directory != nullptr) {
        result = raw_syscall(__NR_chdir, raw(plan.fallback_directory));
    }
    return result >= 0 || fail(failure, kExitChdir, result, "chdir", plan.directory);
}

void execute(const ChildPlan& plan, ChildFailure& failure) {
    raw_syscall(__NR_umask, plan.umask);
    raw_set_disposition(SIGPIPE, SIG_IGN);
    constexpr std::uint64_t kNoSignals = 0;
    raw_syscall(__NR_rt_sigprocmask, SIG_SETMASK, raw(&kNoSignals), 0, sizeof(std::uint64_t));
    // Nothing may be said before it has failed: the manager reads the same memory.
    ChildFailure why;
    fail(why, kExitExec, -ENOENT, "execve", plan.executables[0]);
    for (const char* const* path = plan.executables; *path != nullptr; ++path) {
        const long result =
            raw_syscall(__NR_execve, raw(*path), raw(plan.arguments), raw(plan.environment));
        // Of several, the file that exists but can't be run says more than those that don't exist.
        if (result != -ENOENT && result != -ENOTDIR) {
            fail(why, kExitExec, result, "execve", *path);
            if (result != -EACCES) {
                break;
            }
        }
    }
    failure = why;
}

}  // namespace svcd
