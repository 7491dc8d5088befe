// How a manager goes on where the one before it ended: the records of the state file, put beside
// what the process table and the cgroups say now.
#pragma once

#include <functional>

#include "core/types/event.h"
#include "linux/cgroup.h"
#include "manager/log.h"
#include "state/process_table.h"
#include "state/state_file.h"

namespace svcd {

StateRestored restored_state(const SavedState& saved,
                             ProcessTable& table,
                             CgroupTree& cgroups,
                             Log& log);

/// False for what a killed svcd left behind when nothing of it runs any more: then there is nothing
/// to go on with, and the new one boots.
bool is_worth_restoring(const SavedState& saved,
                        const ProcessTable& table,
                        const CgroupTree& cgroups);

/// Frees slots that no record names: their processes have been retired already. One that is alive
/// nevertheless belongs to nobody (intents are written before the spawn, so it can't be a
/// service's), and is killed; its slot is freed by its exit.
void settle_strangers(const SavedState& saved, ProcessTable& table, Log& log);

}  // namespace svcd
