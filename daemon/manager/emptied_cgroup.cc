#include "manager/emptied_cgroup.h"

#include <unistd.h>

#include "linux/procfs.h"

namespace svcd {
namespace {

/// It has ended, and how stands in the process table, or will once the launcher has reaped it.
bool has_exit_to_come(Token process, const ProcessTable& table) {
    if (process == Token::none) {
        return false;
    }
    const ProcessFact fact = table.look(process);
    return fact.state == ProcessFact::State::exited ||
           (fact.pid != 0 && is_unreaped_child(fact.pid, ::getppid()));
}

}  // namespace

bool lives_outside(Pid pid, std::string_view unit, const ProcessTracker& tracker) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info || info->state == 'Z' || info->state == 'X') {
        return false;
    }
    const Result<std::string> place = tracker.place_of(pid);
    return place && tracker.unit_of(*place) != unit;
}

CgroupEmptied emptied_cgroup(UnitId unit,
                             const Supervisor& supervisor,
                             const ProcessTracker& tracker,
                             const ProcessTable& table) {
    CgroupEmptied event{unit};
    const UnitStatus status = supervisor.status(unit);
    if (status.main.pid == 0 && status.control_pid == 0) {
        return event;
    }
    const UnitRecord& record = supervisor.record(unit);
    if (status.main.pid != 0 && lives_outside(status.main.pid, supervisor.name(unit), tracker)) {
        event.moved = static_cast<Token>(record.main.token);
    }
    event.exit_is_to_come = has_exit_to_come(static_cast<Token>(record.main.token), table) ||
                            has_exit_to_come(static_cast<Token>(record.control.token), table);
    return event;
}

}  // namespace svcd
