#include "exec/child_steps.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "exec/executable_look.h"
#include "exec/exit_status.h"
#include "exec/raw_syscall.h"
#include "exec/trusted_path.h"

namespace svcd {
namespace {

/// What prlimit64(2) takes.
struct KernelLimit {
    std::uint64_t soft;
    std::uint64_t hard;
};

bool fail(ChildFailure& failure, int exit_status, ExecStep step, long result, const char* subject) {
    failure.exit_status = exit_status;
    failure.error_number = static_cast<int>(-result);
    failure.step = step;
    failure.problem = ExecProblem::none;
    failure.subject = subject;
    failure.detail[0] = '\0';
    return false;
}

/// The failure to open a standard stream.
bool fail_stream(ChildFailure& failure,
                 int exit_status,
                 ExecStep step,
                 long result,
                 const char* path,
                 const PathRefusal& refusal) {
    fail(failure, exit_status, step, result, path);
    failure.problem = refusal.problem;
    for (std::size_t at = 0; at < failure.detail.size(); ++at) {
        failure.detail[at] = refusal.link[at];
        if (refusal.link[at] == '\0') {
            break;
        }
    }
    return false;
}

constexpr unsigned kFileMode = 0644;
/// A log has been made by who has a file's group at hand; here it is made when it was removed
/// since.
constexpr unsigned kLogMode = 0600;

long open_raw(const char* path, int flags, PathRefusal& refusal, unsigned mode = kFileMode) {
    return open_trusted(path, flags, mode, FileKinds::streams, refusal);
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
            raw_syscall(__NR_mkdirat, raw(AT_FDCWD), raw(path), 0750);
            *at = '/';
        }
    }
}

long open_output(OutputKind kind, char* path, int target, PathRefusal& refusal) {
    long fd = -1;
    switch (kind) {
        case OutputKind::inherit:
            return 0;
        case OutputKind::null:
            fd = open_raw("/dev/null", O_WRONLY, refusal);
            break;
        case OutputKind::log:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND, refusal, kLogMode);
            if (fd == -ENOENT) {
                make_folders(path);
                fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND, refusal, kLogMode);
            }
            break;
        case OutputKind::file:
            fd = open_raw(path, O_WRONLY | O_CREAT, refusal);
            break;
        case OutputKind::append:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND, refusal);
            break;
        case OutputKind::truncate:
            fd = open_raw(path, O_WRONLY | O_CREAT | O_TRUNC, refusal);
            break;
    }
    return fd < 0 ? fd : place(fd, target);
}

/// The Limit* settings, by their RLIMIT_* numbers.
constexpr auto kLimitSettings = std::to_array<const char*>(
    {"LimitCPU", "LimitFSIZE", "LimitDATA", "LimitSTACK", "LimitCORE", "LimitRSS", "LimitNPROC",
     "LimitNOFILE", "LimitMEMLOCK", "LimitAS", "LimitLOCKS", "LimitSIGPENDING", "LimitMSGQUEUE",
     "LimitNICE", "LimitRTPRIO", "LimitRTTIME"});

/// The last part of a path.
const char* name_in(const char* path) {
    const char* name = path;
    for (const char* at = path; *at != '\0'; ++at) {
        name = *at == '/' ? at + 1 : name;
    }
    return name;
}

bool is_there(const char* path) {
    return raw_syscall(__NR_faccessat, raw(AT_FDCWD), raw(path), F_OK) >= 0;
}

const char* shown_path(OutputKind kind, const char* path) {
    return kind == OutputKind::null || path == nullptr ? "/dev/null" : path;
}

void ignore_signals(std::uint64_t signals) {
    for (unsigned signal = 1; signals != 0; ++signal, signals >>= 1) {
        if ((signals & 1) != 0) {
            raw_set_disposition(signal, SIG_IGN);
        }
    }
}

bool set_up_input(const ChildPlan& plan, ChildFailure& failure) {
    if (plan.input == InputKind::inherit) {
        return true;
    }
    const char* path = plan.input == InputKind::file ? plan.input_path : "/dev/null";
    PathRefusal refusal;
    const long fd = open_raw(path, O_RDONLY, refusal);
    const long result = fd < 0 ? fd : place(fd, 0);
    if (result < 0) {
        return fail_stream(failure, kExitStdin, ExecStep::stdin_, result, path, refusal);
    }
    return true;
}

}  // namespace

bool set_up_stdio(const ChildPlan& plan, ChildFailure& failure, std::int64_t& log_size) {
    if (!set_up_input(plan, failure)) {
        return false;
    }
    PathRefusal refusal;
    const long output = open_output(plan.output, plan.output_path, 1, refusal);
    if (output < 0) {
        return fail_stream(failure, kExitStdout, ExecStep::stdout_, output,
                           shown_path(plan.output, plan.output_path), refusal);
    }
    if (plan.output == OutputKind::log) {
        log_size = raw_syscall(__NR_lseek, 1, 0, SEEK_END);
    }
    if (plan.error_is_output) {
        // Inherited output goes with inherited error, which may be another file.
        const long copy = plan.output == OutputKind::inherit ? 0 : raw_syscall(__NR_dup3, 1, 2, 0);
        return copy >= 0 || fail(failure, kExitStderr, ExecStep::stderr_, copy, "");
    }
    const long error = open_output(plan.error, plan.error_path, 2, refusal);
    if (error < 0) {
        return fail_stream(failure, kExitStderr, ExecStep::stderr_, error,
                           shown_path(plan.error, plan.error_path), refusal);
    }
    if (plan.error == OutputKind::log && plan.output != OutputKind::log) {
        log_size = raw_syscall(__NR_lseek, 2, 0, SEEK_END);
    }
    return true;
}

bool set_up_limits(const ChildPlan& plan, ChildFailure& failure, ExecDeviations& deviations) {
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
                deviations.limits =
                    static_cast<std::uint16_t>(deviations.limits | 1U << wanted.resource);
            }
        }
        if (result < 0) {
            return fail(
                failure, kExitLimits, ExecStep::limits, result,
                kLimitSettings[static_cast<std::size_t>(wanted.resource) % kLimitSettings.size()]);
        }
    }
    return true;
}

bool set_up_nice(const ChildPlan& plan, ChildFailure& failure, ExecDeviations& deviations) {
    if (!plan.has_nice) {
        return true;
    }
    const long result = raw_syscall(__NR_setpriority, PRIO_PROCESS, 0, raw(long{plan.nice}));
    if (result >= 0) {
        return true;
    }
    // The kernel's getpriority has 20 - nice, so that no value looks like an error.
    constexpr long kNiceBase = 20;
    const long shifted = raw_syscall(__NR_getpriority, PRIO_PROCESS, 0);
    KernelLimit permitted{};
    if ((result != -EACCES && result != -EPERM) || shifted < 0 || plan.nice > kNiceBase - shifted ||
        raw_syscall(__NR_prlimit64, 0, RLIMIT_NICE, 0, raw(&permitted)) < 0) {
        return fail(failure, kExitNice, ExecStep::nice, result, "");
    }
    long nearest = kNiceBase - shifted;
    constexpr std::uint64_t kSteps = 40;
    const long lowest =
        kNiceBase - static_cast<long>(permitted.soft < kSteps ? permitted.soft : kSteps);
    if (lowest < nearest && raw_syscall(__NR_setpriority, PRIO_PROCESS, 0, raw(lowest)) >= 0) {
        nearest = lowest;
    }
    deviations.nice_differs = nearest != plan.nice;
    deviations.nice = static_cast<std::int8_t>(nearest);
    return true;
}

bool enter_directory(const ChildPlan& plan, ChildFailure& failure) {
    long result = raw_syscall(__NR_chdir, raw(plan.directory));
    if (result < 0 && plan.fallback_directory != nullptr) {
        result = raw_syscall(__NR_chdir, raw(plan.fallback_directory));
    }
    return result >= 0 || fail(failure, kExitChdir, ExecStep::chdir, result, plan.directory);
}

void execute(const ChildPlan& plan, ChildFailure& failure) {
    raw_syscall(__NR_umask, plan.umask);
    raw_set_disposition(SIGPIPE, SIG_DFL);  // svcd-exec ignores it
    ignore_signals(plan.ignored_signals);
    const std::uint64_t blocked = plan.stays_deaf ? ~std::uint64_t{0} : 0;
    raw_syscall(__NR_rt_sigprocmask, SIG_SETMASK, raw(&blocked), 0, sizeof blocked);
    // Nothing may be said before it has failed: the manager reads the same memory.
    ChildFailure why;
    const bool is_looked_up = plan.executables[1] != nullptr;
    fail(why, kExitExec, ExecStep::exec, -ENOENT,
         is_looked_up ? name_in(plan.executables[0]) : plan.executables[0]);
    if (is_looked_up) {
        why.problem = ExecProblem::not_in_search_path;
    }
    for (const char* const* path = plan.executables; *path != nullptr; ++path) {
        const long result =
            raw_syscall(__NR_execve, raw(*path), raw(plan.arguments), raw(plan.environment));
        // Of several, the file that exists but can't be run says more than those that don't exist.
        const bool is_missing = result == -ENOENT || result == -ENOTDIR;
        if (!is_missing || !is_looked_up || is_there(*path)) {
            fail(why, kExitExec, ExecStep::exec, result, *path);
            if (result != -EACCES && !is_missing) {
                break;
            }
        }
    }
    if (why.problem == ExecProblem::none) {
        look_at_executable(why.subject, why);
    }
    failure = why;
}

}  // namespace svcd
