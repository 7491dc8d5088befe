// SIGKILL for processes that nobody asks in order any more: those that no record names, and all of
// them when svcd has to leave at once (Exit::force).
#pragma once

#include "linux/cgroup.h"
#include "manager/log.h"
#include "state/process_table.h"

namespace svcd {

/// Of a slot of the process table, if it is still there.
void kill_process(const ProcessTable& table, const TableEntry& entry, Log& log);

/// Every process of every unit and of svcd's own looks at conditions. Waits until they are gone, at
/// most kLastKillWait: the launcher reaps them meanwhile. Their cgroups are removed.
void kill_everything(const ProcessTable& table, CgroupTree& cgroups, Log& log);

/// A process that outlives SIGKILL for so long hangs in the kernel; it may stay behind.
inline constexpr Duration kLastKillWait{1'000'000};

}  // namespace svcd
