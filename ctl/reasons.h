// Why a unit is as it is, in words, from its properties.
#pragma once

#include <string>
#include <vector>

#include "facts.h"
#include "time_text.h"

namespace svcd {

/// Neither "never" nor "infinity".
bool is_moment(Usec time);

/// Holds why a unit, or its reload, failed. Svcd wrote it down then (daemon/core/types/failure.h).
struct RecordedFailure {
    std::string kind;  ///< "" for none
    std::string text;  ///< a sentence; "" where the exit status of the main process says it
};

/// The property of this name, "Failure" or "ReloadFailure".
RecordedFailure recorded_failure(const Json& properties, const char* name);

/// Says what is wrong with the unit's files, a line each; empty: nothing.
std::string load_error_text(const Json& properties);

/// Why a unit is not as it should be; empty when its Result is success.
std::string reason_text(const Json& properties);

/// Why its last reload failed; empty when it did not.
std::string reload_reason_text(const Json& properties);

/// What kept a command of the unit from being executed: {step, object, errno, text}; null: nothing
/// did.
Json exec_error_json(const Json& properties);

/// The Condition or Assert that kept the unit from starting the last time, "ConditionUser=!root";
/// or nothing.
std::string unmet_condition(const Json& properties);

/// Why the system is degraded, where no unit has failed that would show it.
struct DegradedReason {
    std::string kind;  ///< see docs/svctl.md
    std::string unit;  ///< empty: it concerns no single unit
    std::string text;
};

/// The manager's property DegradedReasons.
std::vector<DegradedReason> read_degraded_reasons(const Json& rows);

}  // namespace svcd
