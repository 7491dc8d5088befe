#include "manager/moved_process.h"

#include "linux/procfs.h"

namespace svcd {

bool lives_outside(Pid pid, std::string_view unit, const CgroupTree& cgroups) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info || info->state == 'Z' || info->state == 'X') {
        return false;
    }
    const Result<std::string> cgroup = cgroup_of(pid);
    return cgroup && cgroups.unit_of(*cgroup) != unit;
}

CgroupEmptied emptied_cgroup(UnitId unit, const Supervisor& supervisor, const CgroupTree& cgroups) {
    CgroupEmptied event{unit};
    const Pid main = supervisor.status(unit).main.pid;
    if (main != 0 && lives_outside(main, supervisor.name(unit), cgroups)) {
        event.moved = static_cast<Token>(supervisor.record(unit).main.token);
    }
    return event;
}

}  // namespace svcd
