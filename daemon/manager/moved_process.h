// A process of a unit that somebody has moved to a cgroup that is not the unit's. It is the
// launcher's child all the same, so its end will be known.
#pragma once

#include <string_view>

#include "core/supervisor.h"
#include "linux/cgroup.h"

namespace svcd {

/// Is there such a process, alive, and not in the unit's cgroup? A zombie is not.
bool lives_outside(Pid pid, std::string_view unit, const CgroupTree& cgroups);

/// CgroupEmptied of the unit, with its main process when that lives on in another cgroup.
CgroupEmptied emptied_cgroup(UnitId unit, const Supervisor& supervisor, const CgroupTree& cgroups);

}  // namespace svcd
