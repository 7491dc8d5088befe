// A job that ended before its unit was as it asked for: how that came, and by whose request. What
// it had begun may go on.
#pragma once

#include <optional>
#include <string>

#include "explain_state.h"
#include "stop_record.h"

namespace svcd {

/// With the result "dependency", `by` is who had asked for the start, and its unit the one that is
/// at fault.
struct GivenUpJob {
    std::uint32_t id = 0;
    Usec at = 0;         ///< µs of CLOCK_MONOTONIC
    std::string type;    ///< "start", "stop"
    std::string result;  ///< "canceled", "timeout"
    /// What was asked for in its place ("cancel", "stop", "isolate"), or the setting whose time was
    /// over.
    std::string asked;
    Requester by;
};

/// The last of a unit with these properties, or nothing.
std::optional<GivenUpJob> read_given_up_job(const Json& properties);
/// The number of its last job that has ended, or 0.
std::uint32_t last_job_of(const Json& properties);
/// "its start job was cancelled by root (uid 0) with 'svctl cancel', PID 4711". `properties`: those
/// of the unit; may be empty.
std::string give_up_text(const GivenUpJob& job, const Json& properties);
std::string give_up_text(const StopEvent& event);
/// "; the start goes on", where the unit is on the way that the job has put it on.
std::string what_goes_on(const GivenUpJob& job, const Json& properties);

// Verdicts, or nothing where they don't hold.
std::optional<Verdict> stop_job_given_up(const StopRecord& record);
std::optional<Verdict> start_job_given_up(const StateFacts& facts);

}  // namespace svcd
