// Processes of an earlier life of a unit that run on beside this one (KillMode process or none,
// SendSIGKILL: no).
#pragma once

#include <vector>

#include "stop_record.h"

namespace svcd {

class Session;

/// The PIDs of ProcessFacts, or of ProcessRows.
template <typename Processes>
std::vector<ProcessId> pids_of(const Processes& processes) {
    std::vector<ProcessId> pids;
    for (const auto& process : processes) {
        pids.push_back(process.pid);
    }
    return pids;
}

/// Returns the processes that were started before the unit's present life began, and none where
/// that can't be told. They are looked up in /proc of the machine that svctl runs on.
std::vector<ProcessId> older_than_this_life(const Json& properties,
                                            const std::vector<ProcessId>& processes);

struct EarlierLife {
    std::vector<ProcessId> processes;
    std::string text;  ///< earlier_life_text()
};
/// Returns the same of a unit's processes. It asks for the unit's last stop, and finds none unless
/// that has left some over.
EarlierLife find_earlier_life(Session& session,
                              const Json& properties,
                              const std::vector<ProcessRow>& processes);

/// Was the stop before this life one that left processes over? Else who is older than the life was
/// put into its cgroup.
bool were_left_over(const Json& properties, const StopRecord& last);

/// "PID 815 is of an earlier life of the unit: its stop left it over, since KillMode is process"
std::string earlier_life_text(const std::vector<ProcessId>& processes, const StopRecord& last);

}  // namespace svcd
