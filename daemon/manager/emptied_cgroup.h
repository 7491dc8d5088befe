// What there is to know of a unit's processes when its cgroup is empty and a process of it still
// counts as alive: somebody has moved it to another cgroup, or its exit has not been read yet.
#pragma once

#include <string_view>

#include "core/supervisor.h"
#include "linux/process_tracker.h"
#include "state/process_table.h"

namespace svcd {

/// Is there such a process, alive, and not in the unit's cgroup? A zombie is not.
bool lives_outside(Pid pid, std::string_view unit, const ProcessTracker& tracker);

/// CgroupEmptied of the unit, with its main process when that lives on in another cgroup, and with
/// what is known of exits that are not read yet.
CgroupEmptied emptied_cgroup(UnitId unit,
                             const Supervisor& supervisor,
                             const ProcessTracker& tracker,
                             const ProcessTable& table);

}  // namespace svcd
