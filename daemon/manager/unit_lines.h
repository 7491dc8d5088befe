// What svcd's log has of services that go down or come back by themselves: a line for each failure,
// also of a reload, and one for each automatic restart. What the supervisor has said of it already
// (Say) is not said again. How many of them are written is log_limit.h's.
#pragma once

#include <string>
#include <vector>

#include "core/supervisor.h"
#include "core/types/effect.h"
#include "core/types/time.h"

namespace svcd {

struct UnitLine {
    Severity severity = Severity::notice;
    UnitId unit{};
    std::string text;
};

/// The lines of a step that has just been made, in the order of its transitions. It looks at
/// nothing but the units that these are of.
std::vector<UnitLine> lines_of_step(const Effects& effects, const Supervisor& supervisor, Time now);

}  // namespace svcd
