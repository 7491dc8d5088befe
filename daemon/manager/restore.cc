#include "manager/restore.h"

#include <algorithm>

#include "linux/procfs.h"
#include "manager/last_kill.h"

namespace svcd {
namespace {

/// A process that lived on when its launcher was killed: it is in the unit's cgroup still. It is
/// not this launcher's child, so its end will be seen by its cgroup, and its exit status stay
/// unknown.
bool adopt(const ProcessRecord& record,
           std::string_view unit,
           ProcessTable& table,
           const CgroupTree& cgroups) {
    const auto token = static_cast<Token>(record.token);
    const Result<ProcessInfo> info = process_info(record.pid);
    if (!info || info->state == 'Z' || info->state == 'X') {
        return false;
    }
    const Result<std::string> cgroup = cgroup_of(record.pid);
    if (!cgroup || cgroups.unit_of(*cgroup) != unit || !table.claim(token)) {
        return false;
    }
    if (!table.set_pid(token, record.pid)) {
        table.release(token);
        return false;
    }
    return true;
}

ProcessFact fact_of(const ProcessRecord& record,
                    std::string_view unit,
                    ProcessTable& table,
                    const CgroupTree& cgroups) {
    const auto token = static_cast<Token>(record.token);
    if (token == Token::none) {
        return ProcessFact{};
    }
    const ProcessFact fact = table.look(token);
    // All intents of a step are written down before the first slot is claimed. One of this
    // launcher's that has no slot is one that the manager before us did not get to.
    const bool is_unclaimed = fact.state == ProcessFact::State::lost && record.pid == 0;
    if (is_unclaimed && table.manager_starts() > 1) {
        return ProcessFact{ProcessFact::State::never_spawned, 0};
    }
    if (fact.state == ProcessFact::State::lost && record.pid != 0 &&
        adopt(record, unit, table, cgroups)) {
        return ProcessFact{ProcessFact::State::alive, record.pid};
    }
    return fact;
}

}  // namespace

StateRestored restored_state(const SavedState& saved,
                             ProcessTable& table,
                             CgroupTree& cgroups,
                             Log& log) {
    StateRestored event;
    event.supervisor = saved.supervisor;
    event.units.reserve(saved.units.size());
    for (const UnitRecord& record : saved.units) {
        RestoredUnit unit;
        unit.record = record;
        unit.main = fact_of(record.main, record.name.data(), table, cgroups);
        unit.control = fact_of(record.control, record.name.data(), table, cgroups);
        unit.checker = fact_of(record.checker, record.name.data(), table, cgroups);
        Result<bool> populated = cgroups.is_populated(record.name.data());
        if (populated && *populated) {
            // Watched again: for processes that aren't ours nobody else tells when the last has
            // gone.
            if (const Result<int> watched = cgroups.ensure(record.name.data()); !watched) {
                log.say(Severity::warning, record.name.data(), to_string(watched.error()));
            }
            populated = cgroups.is_populated(record.name.data());
        }
        if (!populated) {
            log.say(Severity::warning, record.name.data(), to_string(populated.error()));
        }
        // When it can't be read, assume the worst: a unit taken for empty would be started twice.
        unit.populated = populated ? *populated : true;
        event.units.push_back(unit);
    }
    return event;
}

bool is_worth_restoring(const SavedState& saved,
                        const ProcessTable& table,
                        const CgroupTree& cgroups) {
    if (table.manager_starts() > 1) {
        return true;
    }
    return std::any_of(saved.units.begin(), saved.units.end(), [&](const UnitRecord& record) {
        const Result<bool> populated = cgroups.is_populated(record.name.data());
        return !populated || *populated;
    });
}

void settle_strangers(const SavedState& saved, ProcessTable& table, Log& log) {
    std::vector<Token> known;
    known.reserve(4 * saved.units.size());
    for (const UnitRecord& record : saved.units) {
        for (const std::uint64_t token :
             {record.main.token, record.control.token, record.identifying, record.checker.token}) {
            if (token != 0) {
                known.push_back(static_cast<Token>(token));
            }
        }
    }
    for (const TableEntry& entry : table.strangers(known)) {
        if (entry.exited || entry.pid == 0) {
            table.release(entry.token);
            continue;
        }
        kill_process(table, entry, "it belongs to no unit that the state file knows", log);
        table.release(entry.token);  // the launcher reaps it as an orphan
    }
}

}  // namespace svcd
