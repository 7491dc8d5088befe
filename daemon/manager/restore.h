// How a manager goes on where the one before it ended: the records of the state file, put beside
// what the process table, the kernel and the cgroups say now.
//
// A manager that follows another of the same launcher finds each process in the table. One whose
// launcher was killed too finds the table empty: then a process is what a record names if it has
// the PID and the start time that stand there, and the unit's cgroup where no start time does. It
// is adopted (state/adopted_processes.h). Where the records are lost as well, adoption.h makes new
// ones from the cgroups.
#pragma once

#include <optional>

#include "core/types/event.h"
#include "linux/process_tracker.h"
#include "manager/log.h"
#include "state/adopted_processes.h"
#include "state/process_table.h"
#include "state/state_file.h"

namespace svcd {

/// What has become of all that the records name. Processes that live and aren't the launcher's
/// children are held in `adopted`.
StateRestored restored_state(const SavedState& saved,
                             ProcessTable& table,
                             AdoptedProcesses& adopted,
                             ProcessTracker& tracker,
                             Log& log);

/// Processes on record that live below the root of another tree: that svcd had another --cgroup. As
/// a refusal to start that names it, or nothing. A process that was merely moved out of its unit's
/// cgroup is no reason.
std::optional<Error> takeover_problem(const SavedState& saved, const ProcessTracker& tracker);

/// False for what a killed svcd left behind when all its processes were killed with it: then there
/// is nothing to go on with, and the new one boots. What had no process (a unit that waits for its
/// restart, one that stays active after its process has ended) can't have been killed.
bool is_worth_restoring(const SavedState& saved,
                        const ProcessTable& table,
                        const ProcessTracker& tracker);

/// Frees slots that no record names: their processes have been retired already. One that is alive
/// nevertheless belongs to nobody (intents are written before the spawn, so it can't be a
/// service's), and is killed; its slot is freed by its exit.
void settle_strangers(const SavedState& saved, ProcessTable& table, Log& log);

}  // namespace svcd
