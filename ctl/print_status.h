// `svctl status`: how a unit is, for a person: state and since when, why, its processes, its last
// words.
#pragma once

#include <string>
#include <vector>

#include "facts.h"
#include "screen.h"
#include "time_text.h"

namespace svcd {

struct StatusFacts {
    Json properties;
    std::vector<ProcessRow> processes;
    std::vector<std::string> log;
    std::string log_path;
    Usec now = 0;            ///< CLOCK_REALTIME
    Usec now_monotonic = 0;  ///< for deadlines
};

std::string status_text(const StatusFacts& facts, const Screen& screen);
Json status_json(const StatusFacts& facts);

/// What a unit that is on the way waits for: "stop-sigterm, 2.1 s left of its timeout", without the
/// time where it has no deadline.
std::string phase_text(const Json& properties, Usec now_monotonic);

/// Why a unit is not as it should be, in words; empty when its Result is success.
std::string reason_text(const Json& properties);
/// The Condition or Assert that kept the unit from starting the last time, "ConditionUser=!root";
/// or nothing.
std::string unmet_condition(const Json& properties);

/// svcd itself, for `svctl status` without a unit.
std::string manager_status_text(const Json& properties, const std::string& version);

}  // namespace svcd
