// What a start was to bring along and has not: units that are wanted (Wants, Upholds), and are down
// while what wants them is up.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace svcd {

struct WantedUnit {
    std::string by;
    std::string unit;
    std::string why;
};

/// Of the unit with these properties and of the targets that came with it, those units whose start
/// has failed or, since `begun` (µs of CLOCK_MONOTONIC), came to nothing.
std::vector<WantedUnit> wanted_and_down(Session& session, const Json& properties, Usec begun);

}  // namespace svcd
