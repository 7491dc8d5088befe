// The end of processes that nobody asks in order any more: those that no record names, what stopped
// units have left behind, and all of them when svcd has to leave at once (Exit::force). No record
// of a stop tells of these kills, so the log names who gets SIGKILL.
#pragma once

#include <string_view>

#include "linux/process_tracker.h"
#include "manager/log.h"
#include "state/process_table.h"

namespace svcd {

/// Of a slot of the process table, if it is still there. `why` is said of it in the log.
void kill_process(const ProcessTable& table,
                  const TableEntry& entry,
                  std::string_view why,
                  Log& log);

/// Every process of every unit and of svcd's own looks at conditions. Waits until they are gone, at
/// most kLastKillWait: the launcher reaps them meanwhile. Their cgroups are removed.
void kill_everything(const ProcessTable& table, ProcessTracker& tracker, Log& log);

/// What units have left behind when all are stopped (KillMode=process, say): SIGTERM, then
/// kill_everything() for those that are there after kLeftOverWait, or after `left` if that is less.
/// Only where svcd is not PID 1: there the launcher ends all that is left, of whatever cgroup.
void end_left_overs(const ProcessTable& table, ProcessTracker& tracker, Duration left, Log& log);

inline constexpr Duration kLeftOverWait{5'000'000};
/// A process that outlives SIGKILL for so long hangs in the kernel; it may stay behind.
inline constexpr Duration kLastKillWait{1'000'000};

}  // namespace svcd
