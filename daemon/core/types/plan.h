// What a request would do: which jobs, in which order, and how long it takes at worst. Made on
// demand, kept nowhere; making one changes nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/types/effect.h"
#include "core/types/ids.h"
#include "core/types/relation.h"
#include "core/types/states.h"
#include "core/types/time.h"

namespace svcd {

/// Why a unit has a part in it.
struct Because {
    enum class Kind : std::uint8_t {
        asked,      ///< it was named
        pulled_in,  ///< by another, that stands in `relation` to it
        isolated,   ///< what is isolated does not need it
        shutdown,   ///< everything ends
        unneeded,   ///< StopWhenUnneeded, and none of those that need it is left
    };
    Kind kind = Kind::asked;
    Relation relation = Relation::requires_;  ///< of pulled_in: "`by` Requires it", ...
    UnitId by{};
};

/// One thing that happens: a restart is a stop and a start.
struct PlannedJob {
    UnitId unit{};
    JobType type = JobType::start;  ///< start, verify_active, stop, reload
    bool is_restart = false;
    Because because;
    std::size_t wave = 1;                ///< all of one wave may happen at the same time
    std::vector<std::size_t> waits_for;  ///< indices of Plan::jobs
    Duration wanted{0};                  ///< what its settings give it; kInfinity: no limit
    Duration limit{0};                   ///< what it gets: less, where the shutdown budget is short
    Duration begins{0};                  ///< from the request on, when everything takes all it may
    Duration ends{0};
    Duration slack{0};         ///< how much longer it could take without the whole taking longer
    bool is_critical = false;  ///< one of the chain that decides how long the whole takes
};

struct Plan {
    std::vector<PlannedJob> jobs;    ///< wave by wave, by name within one
    Duration longest{0};             ///< how long it takes at worst; kInfinity: there is no limit
    Duration budget = kInfinity;     ///< of a shutdown, what there is for the stops
    std::vector<std::string> notes;  ///< what else is to be known, a sentence each
    std::optional<Refusal> refusal;  ///< it would not be done at all
    std::vector<UnitReply> refused;  ///< those of the units that the others would go on without
};

}  // namespace svcd
