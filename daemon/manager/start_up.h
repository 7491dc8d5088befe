// What a manager finds and opens when it starts, in the order in which it must be done. The first
// manager of a svcd and one that follows a crash take the same path: what isn't there is made, what
// is there is taken up again.
//
//   die with the launcher  ─►  the process table  ─►  the state file  ─►  the fd store (the notify
//   socket)  ─►  the cgroup tree, and ourselves into ROOT/svcd.scope
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/process_tracker.h"
#include "manager/keepers.h"
#include "manager/log.h"
#include "manager/options.h"
#include "state/adopted_processes.h"
#include "state/fd_store.h"
#include "state/process_table.h"
#include "state/state_file.h"
#include "state/stop_log.h"

namespace svcd {

/// The notify socket, in the fd store.
inline constexpr std::string_view kNotifyName = "notify";

struct Kernel {
    Pid launcher = 0;
    ProcessTable& table;
    AdoptedProcesses adopted;
    StateFile state;
    std::unique_ptr<SavedState> saved;  ///< what a manager before this one left
    bool saved_is_whole = false;        ///< nothing of that was damaged
    StopLog stops;
    FdStore store;
    UniqueFd poke;
    UniqueFd notify;
    std::unique_ptr<ProcessTracker> tracker;
    Keepers* keepers = nullptr;                  ///< the tracker, where units have no cgroups
    std::vector<ResourceLimit> original_limits;  ///< of what was raised for ourselves
    /// When a manager before this one wrote its state the last time, µs since 1970; 0: never.
    std::int64_t state_written_usec = 0;
};

/// Makes this process die with its launcher, which it verifies to be its parent: a manager without
/// one would spawn services that nobody reaps. Returns the launcher's PID.
Result<Pid> tie_to_launcher();

/// The table that the launcher left at kTableFd.
Result<ProcessTable> attach_table();

/// Who may read logs: of root's svcd LogGroup, of a user instance that user alone. A group that was
/// named and does not exist is said, and root's counts.
LogAccess log_access(RunMode mode, const std::string& log_group, Log& log);

Result<Kernel> open_kernel(Pid launcher,
                           ProcessTable& table,
                           const ManagerOptions& options,
                           Log& log);

/// svcd is PID 1 of a machine, not of a PID namespace.
bool is_machine(const ManagerOptions& options, Pid launcher);

/// RUNTIME_DIR/NAME.
std::string runtime_path(const ManagerOptions& options, std::string_view name);

/// The path of a program of svcd that people do not call: beside the manager, or in the build tree
/// in the folder of that name.
std::string helper_path(const std::string& name, const std::string& build_folder);

/// svcd-exec: beside this program, or where packages put it.
std::string exec_helper_path();

/// The units that came with this program, by its place; empty: it is not installed.
std::string shipped_units_path();

/// Why it can't be executed, with its path; nothing: it can.
std::optional<Error> exec_helper_problem();

/// KernelPanicSec: a kernel that panics reboots the machine, unless it was told something else.
Result<void> set_kernel_panic(Duration delay);

}  // namespace svcd
