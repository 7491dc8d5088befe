#include "linux/spawn_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/ioctl.h>

#include "exec/exec_request.h"
#include "exec/exit_status.h"
#include "exec/raw_syscall.h"

namespace svcd {
namespace {

/// CLONE_CLEAR_SIGHAND takes handlers away, but what is ignored stays so over it and the execve.
void reset_ignored(std::uint64_t signals) {
    for (unsigned signal = 1; signals != 0; ++signal, signals >>= 1) {
        if ((signals & 1) != 0) {
            raw_set_disposition(signal, SIG_DFL);
        }
    }
}

bool fail(ChildFailure& failure, int exit_status, ExecStep step, long result) {
    failure.exit_status = exit_status;
    failure.error_number = static_cast<int>(-result);
    failure.step = step;
    failure.subject = nullptr;
    return false;
}

/// Gives svcd-exec its request and its report pipe under the numbers it knows. First out of the
/// way, because either may have the other's number now.
bool place_helper_fds(const ChildContext& context, ChildFailure& failure) {
    const long request =
        raw_syscall(__NR_fcntl, raw(long{context.request_fd}), F_DUPFD_CLOEXEC, 10);
    const long report = raw_syscall(__NR_fcntl, raw(long{context.report_fd}), F_DUPFD_CLOEXEC, 10);
    if (request < 0 || report < 0) {
        return fail(failure, kExitFds, ExecStep::fds, request < 0 ? request : report);
    }
    const long first = raw_syscall(__NR_dup3, raw(request), kRequestFd, 0);
    const long second = raw_syscall(__NR_dup3, raw(report), kReportFd, 0);
    if (first < 0 || second < 0) {
        return fail(failure, kExitFds, ExecStep::fds, first < 0 ? first : second);
    }
    const long closed = raw_syscall(__NR_close_range, kReportFd + 1, ~0U, 0);
    return closed >= 0 || fail(failure, kExitFds, ExecStep::fds, closed);
}

/// Leaves the manager's descriptors but the standard ones, whether they close on exec or not (the
/// manager may have inherited some that don't).
bool leave_descriptors(const ChildContext& context, ChildFailure& failure) {
    if (context.is_helper) {
        return place_helper_fds(context, failure);
    }
    // UNSHARE copies the table as far as standard error only: with a thousand descriptors open that
    // spares the manager and the child a thousand copies and closes. The report pipe (in a copy of
    // the table) stays open until the execve.
    const unsigned how = context.shares_files ? CLOSE_RANGE_UNSHARE : CLOSE_RANGE_CLOEXEC;
    const long result = raw_syscall(__NR_close_range, 3, ~0U, how);
    return result >= 0 || fail(failure, kExitFds, ExecStep::fds, result);
}

/// A service has a session of its own. Who takes the terminal stays in ours, with a process group
/// of its own, which the terminal is given to. All signals are blocked, so SIGTTOU is no matter.
bool leave_session(const ChildContext& context, ChildFailure& failure) {
    long result = 0;
    if (context.takes_terminal) {
        result = raw_syscall(__NR_setpgid, 0, 0);
        const auto group = static_cast<std::int32_t>(raw_syscall(__NR_getpid));
        if (result >= 0) {
            // One that is not ours, or not there any more, is no terminal of the program's either.
            raw_syscall(__NR_ioctl, 0, TIOCSPGRP, raw(&group));
        }
    } else {
        result = raw_syscall(__NR_setsid);
    }
    return result >= 0 || fail(failure, kExitSetsid, ExecStep::setsid, result);
}

bool prepare(ChildContext& context) {
    ChildFailure& failure = context.failure;
    if (!leave_descriptors(context, failure)) {
        return false;
    }
    if (!leave_session(context, failure)) {
        return false;
    }
    reset_ignored(context.ignored_signals);
    if (context.is_helper) {
        return true;  // svcd-exec does the rest
    }
    return set_up_stdio(context.plan, failure, context.log_size) &&
           set_up_limits(context.plan, failure, context.deviations) &&
           set_up_nice(context.plan, failure, context.deviations) &&
           enter_directory(context.plan, failure);
}

}  // namespace

extern "C" [[noreturn]] void svcd_run_child(ChildContext* context) {
    if (prepare(*context)) {
        execute(context->plan, context->failure);
    }
    for (;;) {
        raw_syscall(__NR_exit_group, raw(long{context->failure.exit_status}));
    }
}

long clone_child(
    ChildContext& context, int cgroup_fd, void* stack, std::size_t stack_size, std::int32_t* pid) {
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
                      CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND;
    if (context.shares_files) {
        arguments.flags |= CLONE_FILES;
    }
    arguments.child_tid = raw(&context.running);
    arguments.parent_tid = raw(pid);
    arguments.stack = raw(stack);
    arguments.stack_size = stack_size;
    arguments.cgroup = static_cast<__u64>(cgroup_fd);

    // The child comes back from the system call on an empty stack, so nothing of ours may return
    // there: it calls svcd_run_child, and never leaves it.
#if defined(__x86_64__)
    long result = __NR_clone3;
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[context], %%rdi\n\t"
        "call *%[run]\n\t"
        "ud2\n"
        "1:"
        : "+a"(result)
        : "D"(&arguments),
          "S"(sizeof(arguments)), [context] "r"(&context), [run] "r"(&svcd_run_child)
        : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number asm("x8") = __NR_clone3;
    register std::uintptr_t first asm("x0") = raw(&arguments);
    register std::uintptr_t second asm("x1") = sizeof(arguments);
    asm volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x30, xzr\n\t"
        "mov x0, %[context]\n\t"
        "blr %[run]\n\t"
        "brk #0\n"
        "1:"
        : "+r"(first)
        : "r"(number), "r"(second), [context] "r"(&context), [run] "r"(&svcd_run_child)
        : "memory");
    return static_cast<long>(first);
#endif
}

}  // namespace svcd
