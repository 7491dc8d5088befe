// A stop line by line: its phases with the time that they took, and what happened in them.
#pragma once

#include <string>
#include <vector>

#include "stop_record.h"

namespace svcd {

struct TimelineRow {
    Usec at = 0;
    Usec before = 0;        ///< of what led to the stop
    bool is_phase = false;  ///< else it happened within one
    std::string text;
    std::string share;  ///< of a phase: "4.2 s, 21 % of the limit"
};

/// `now`: µs of CLOCK_MONOTONIC, for a stop that goes on.
std::vector<TimelineRow> timeline(const StopRecord& record, Usec now);

}  // namespace svcd
