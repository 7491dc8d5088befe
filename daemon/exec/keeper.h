// A unit's keeper, where no cgroup can be written: the process that starts one of its processes
// and stays for as long as anything is left of that. One for each main or control process.
//
//   launcher ─┬─ svcd-manager
//             └─ keeper (svcd-exec UNIT) ─┬─ the main process ── its children
//                                         └─ a child whose parent has ended (it double-forked)
//
// It is a child of the launcher like any process, in a slot of its own of the process table, and a
// subreaper: whoever loses its parent below it becomes its child, and never leaves it. So a unit's
// processes are the descendants of its keepers, and when a keeper ends nobody is left. The kernel
// writes the PID of the process that it starts into that one's slot before it runs. When a child
// ends the keeper does as the launcher does: it writes the end into the table (exit_record.h), then
// it reaps, then it pokes the manager. It needs no manager for that.
//
// Signals are not for it: all are blocked before it is executed. When it is killed its children
// become the launcher's, which records their ends; the unit is `untracked` then
// (manager/keepers.h).
#pragma once

#include <cstdint>

namespace svcd {

/// Where a keeper finds the process table and the poke descriptor (launcher/protocol.h).
inline constexpr int kKeeperTableFd = 5;
inline constexpr int kKeeperPokeFd = 6;

struct KeptOptions {
    std::uint32_t slot = 0;  ///< of the table, for the process
    /// The process gets a process group in our session, which becomes the foreground of the
    /// terminal that is its standard input, instead of a session of its own.
    bool takes_terminal = false;
    /// It is said, on our standard error, when a process is reaped whose parent has left it behind.
    bool warn_orphans = false;
};

/// Becomes the keeper of a process of its own. Returns 0 in that process, which is to go on with
/// all steps up to its execve; in the keeper only an errno.
int start_kept(const KeptOptions& options);

}  // namespace svcd
