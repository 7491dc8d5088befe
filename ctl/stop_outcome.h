// What a stop whose job is done comes to all the same: SIGKILL was needed, processes are left over.
#pragma once

#include <optional>
#include <vector>

#include "exit_status.h"
#include "job_ledger.h"
#include "session.h"
#include "stop_record.h"

namespace svcd {

/// The record of the stop that this job has brought about, or nothing.
std::optional<StopRecord> stop_of(Session& session, const WatchedJob& job);

/// Says what is wrong with it, if anything is.
ExitStatus check_stop(Session& session, const WatchedJob& job);
/// The same of what these jobs have stopped along: members of a target, dependents.
ExitStatus check_stops_along(Session& session, const std::vector<WatchedJob>& jobs);

}  // namespace svcd
