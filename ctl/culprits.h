// Finds the units for whose sake a start was not tried.
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
    Json first;                ///< the properties of the first of them
    bool may_be_up = false;    ///< what svcd wrote down of the first: it may be up again
    bool is_given_up = false;  ///< its start did not fail, its job was given up
    bool has_ended = false;    ///< by itself and with success: it is only not up
};

/// `properties`: those of the unit that was not started.
Culprits find_culprits(Session& session, const Json& properties);

}  // namespace svcd
