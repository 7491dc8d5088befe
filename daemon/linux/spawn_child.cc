#include "linux/spawn_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "exec/exec_request.h"
#include "exec/exit_status.h"
#include "exec/keeper.h"
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

/// Gives svcd-exec its request and its report pipe under the numbers it knows, and a keeper the
/// table and the poke descriptor. First out of the way, because each may have another's number now.
bool place_helper_fds(const ChildContext& context, ChildFailure& failure) {
    const int from[] = {context.request_fd, context.report_fd, context.table_fd, context.poke_fd};
    constexpr int kTo[] = {kRequestFd, kReportFd, kKeeperTableFd, kKeeperPokeFd};
    const std::size_t count = context.table_fd >= 0 ? 4 : 2;
    long away[4] = {};
    for (std::size_t index = 0; index < count; ++index) {
        away[index] = raw_syscall(__NR_fcntl, raw(long{from[index]}), F_DUPFD_CLOEXEC, 10);
        if (away[index] < 0) {
            return fail(failure, kExitFds, ExecStep::fds, away[index]);
        }
    }
    for (std::size_t index = 0; index < count; ++index) {
        const long placed = raw_syscall(__NR_dup3, raw(away[index]), raw(long{kTo[index]}), 0);
        if (placed < 0) {
            return fail(failure, kExitFds, ExecStep::fds, placed);
        }
    }
    const bool is_keeper = context.table_fd >= 0;
    const long closed =
        raw_syscall(__NR_close_range, (is_keeper ? kKeeperPokeFd : kReportFd) + 1, ~0U, 0);
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
    if (context.takes_terminal && context.table_fd >= 0) {
        return true;  // the keeper's process leaves, not the keeper
    }
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

/// clone(2) has no CLONE_CLEAR_SIGHAND. All signals are blocked still.
void reset_handlers() {
    constexpr unsigned kLastSignal = 64;
    for (unsigned signal = 1; signal <= kLastSignal; ++signal) {
        raw_set_disposition(signal, SIG_DFL);
    }
}

bool prepare(ChildContext& context) {
    ChildFailure& failure = context.failure;
    if (context.lacks_clone3) {
        reset_handlers();
    }
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

bool has_clone3() {
    const long result = raw_syscall(__NR_clone3, 0, 0);
    return result != -ENOSYS && result != -EPERM;
}

namespace {

struct CloneCall {
    long number = 0;
    std::uintptr_t arguments[5] = {};
};

constexpr std::uint64_t kFlags =
    CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

/// clone(2): flags, the end of the stack, where the parent's copy of the PID is ...
CloneCall old_call(const ChildContext& context,
                   std::uint64_t flags,
                   unsigned char* stack_end,
                   std::int32_t* pid) {
    const auto word = raw(&context.running);
#if defined(__x86_64__)
    return CloneCall{__NR_clone,
                     {static_cast<std::uintptr_t>(flags), raw(stack_end), raw(pid), word, 0}};
#else
    return CloneCall{__NR_clone,
                     {static_cast<std::uintptr_t>(flags), raw(stack_end), raw(pid), 0, word}};
#endif
}

/// The child comes back from the system call on an empty stack, so nothing of ours may return
/// there: it calls svcd_run_child, and never leaves it.
long call_clone(const CloneCall& call, ChildContext& context) {
#if defined(__x86_64__)
    register std::uintptr_t fourth asm("r10") = call.arguments[3];
    register std::uintptr_t fifth asm("r8") = call.arguments[4];
    long result = call.number;
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
        : "D"(call.arguments[0]), "S"(call.arguments[1]), "d"(call.arguments[2]), "r"(fourth),
          "r"(fifth), [context] "r"(&context), [run] "r"(&svcd_run_child)
        : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number asm("x8") = call.number;
    register std::uintptr_t first asm("x0") = call.arguments[0];
    register std::uintptr_t second asm("x1") = call.arguments[1];
    register std::uintptr_t third asm("x2") = call.arguments[2];
    register std::uintptr_t fourth asm("x3") = call.arguments[3];
    register std::uintptr_t fifth asm("x4") = call.arguments[4];
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
        : "r"(number), "r"(second), "r"(third), "r"(fourth),
          "r"(fifth), [context] "r"(&context), [run] "r"(&svcd_run_child)
        : "memory");
    return static_cast<long>(first);
#endif
}

}  // namespace

long clone_child(
    ChildContext& context, int cgroup_fd, void* stack, std::size_t stack_size, std::int32_t* pid) {
    const std::uint64_t flags = kFlags | (context.shares_files ? CLONE_FILES : 0);
    if (context.lacks_clone3) {
        auto* stack_end = static_cast<unsigned char*>(stack) + stack_size;
        return call_clone(old_call(context, flags, stack_end, pid), context);
    }
    clone_args arguments{};
    arguments.flags = flags | CLONE_CLEAR_SIGHAND;
    if (cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<__u64>(cgroup_fd);
    }
    arguments.child_tid = raw(&context.running);
    arguments.parent_tid = raw(pid);
    arguments.stack = raw(stack);
    arguments.stack_size = stack_size;
    return call_clone(CloneCall{__NR_clone3, {raw(&arguments), sizeof(arguments)}}, context);
}

}  // namespace svcd
