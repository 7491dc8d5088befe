// Finds the units for whose sake a start was not tried, and the request that cancelled a job.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace svcd {

/// The units that a failed start depended on and that are not up, with the reason of each. Where
/// one is down only since another is, it is that other one.
struct Culprits {
    std::string text;
    std::vector<std::string> units;
    Json first;  ///< the properties of the first of them
};

/// `properties`: those of the unit that was not started.
Culprits find_culprits(Session& session, const Json& properties);

/// "root with 'svctl start web', PID 4711, asked for a start", of the job that the unit has now;
/// empty when it has none, or svcd itself wants it. `properties`: those of the unit.
std::string who_asked_for_job(Session& session, const Json& properties);

}  // namespace svcd
