// Records from nothing but the cgroups, where the state file is gone, damaged, or of a version that
// this manager doesn't know: whatever runs in the cgroup of a unit goes on, as that unit.
//
// What can be known is that a unit has processes, so it is `running`; since when, by its oldest
// process; and, as a guess that is said, which of them is the main process. Jobs, deadlines,
// results, counters and units without processes are lost. From the records made here everything
// takes the path of records that were read (restore.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/time.h"
#include "core/types/unit.h"
#include "linux/process_tracker.h"
#include "manager/log.h"
#include "state/process_table.h"
#include "state/state_file.h"

namespace svcd {

struct FoundProcess {
    Pid pid = 0;
    Pid parent = 0;
    std::uint64_t start_time = 0;
    std::string name;
};

/// Of the processes in the unit's cgroup whose parent is outside of it, the one that was there
/// first: a service's main process, usually. Those that began before `not_before` don't count.
/// Nothing when there is none.
std::optional<FoundProcess> oldest_process(std::string_view unit,
                                           const ProcessTracker& tracker,
                                           Time not_before = Time{});

/// The services whose cgroups have processes, and of which there is no record. Looked for even
/// where the records seem whole: a part of the file that is cut off, or zeroed, looks like free
/// places.
std::vector<std::string> unrecorded_services(const SavedState* saved,
                                             bool is_whole,
                                             const ProcessTable& table,
                                             const ProcessTracker& tracker);

/// Null for a unit without a definition.
using DefinitionOf = std::function<const UnitDefinition*(std::string_view unit)>;

/// Adds to `saved` a record of each of `units`. A process of theirs that the table knows (the
/// launcher is still the same) is the main process, under its token; the exits of others are not
/// waited for, and their slots are freed. A supervisor's record that is lost too is made; one of a
/// fresh launcher boots then, for what did not run on.
void adopt_from_cgroups(const std::vector<std::string>& units,
                        const DefinitionOf& definition_of,
                        ProcessTable& table,
                        const ProcessTracker& tracker,
                        SavedState& saved,
                        Log& log);

}  // namespace svcd
