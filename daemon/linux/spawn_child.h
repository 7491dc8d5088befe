// The other side of a spawn: the clone, and what the child does until its execve.
//
// The child shares the manager's memory and runs beside it, on a stack of its own. Everything here
// is raw (exec/raw_syscall.h); the context was prepared before the clone and is left alone until
// the kernel clears `running`.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>

#include "exec/child_steps.h"

namespace svcd {

struct ChildContext {
    ChildPlan plan;
    ChildFailure failure;        ///< written by the child, read once `running` is 0
    ExecDeviations deviations;   ///< the same
    std::int64_t log_size = -1;  ///< the same, of the log before the service wrote to it
    /// CLONE_CHILD_CLEARTID: 1 until the kernel clears it, at the execve or the end of the child.
    std::atomic<std::int32_t> running{0};
    std::uint64_t ignored_signals = 0;  ///< to be reset to their defaults, as a mask
    /// The table of descriptors is shared with the manager (CLONE_FILES), and to be left at once.
    bool shares_files = false;
    bool lacks_clone3 = false;    ///< a seccomp filter refuses it: clone(2), into no cgroup
    bool takes_terminal = false;  ///< SpawnRequest::takes_terminal
    bool is_helper = false;       ///< the plan's executable is svcd-exec, which sets up everything
    int request_fd = -1;
    int report_fd = -1;
    int table_fd = -1;  ///< of a keeper (exec/keeper.h), as the next
    int poke_fd = -1;
};

/// Does this kernel, and the seccomp filter of this container, let us use clone3? Docker's filter
/// answers ENOSYS.
bool has_clone3();

/// Clones a child into `cgroup_fd` (-1: into our own cgroup), as a sibling of this process, which
/// runs the context's plan. Its PID is in *pid before it runs. All signals must be blocked. Returns
/// the PID or the negative errno.
long clone_child(
    ChildContext& context, int cgroup_fd, void* stack, std::size_t stack_size, std::int32_t* pid);

}  // namespace svcd
