// How the time that is left of a shutdown is shared among those that have still to stop.
//
// ShutdownBudgetSec less ShutdownMarginSec is for the stops. A chain of units that wait for each
// other has to fit into it, whatever their TimeoutStopSec say; units beside the chain have time to
// spare. So a unit is given its limit when its stop begins, from what is left then: all of what it
// wants when the longest chain of those that wait for it still fits, and else as much as makes it
// fit when each of the chain gets the same at most (max-min fair: who wants less than that gets all
// it wants). What a unit leaves unused is there when the next one asks. The sum along any chain
// never exceeds what was left: a later one is given at least what was reckoned for it here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types/time.h"

namespace svcd {

/// SIGKILL, reaping and the next signal take a moment after each limit.
inline constexpr Duration kStopReserve{50'000};

/// Who wants more wants no limit; and sums of these can't overflow.
inline constexpr Duration kLongestLimit = std::chrono::hours{10 * 365 * 24};

/// A stretch of the way down with a limit of its own: a unit's stop, or its ExecStopPost.
struct StopStage {
    Duration wanted{0};               ///< may be kInfinity
    Duration reserve{0};              ///< added to whatever it is given
    std::vector<std::uint32_t> next;  ///< indices of the stages that wait for it; no cycles
};

/// How long it takes from the beginning of `first` to the last end of what waits for it, when each
/// stage takes what it wants, but at most `level`. kInfinity when one of them wants that.
Duration longest_way(const std::vector<StopStage>& stages,
                     std::size_t first,
                     Duration level = kInfinity);

/// The limit of stage `first`, which begins now, when `available` is left for it and all that waits
/// for it. Never more than it wants, never less than 0. O(stages + edges) when all fits, some
/// twenty times that when it doesn't.
Duration granted(const std::vector<StopStage>& stages, std::size_t first, Duration available);

}  // namespace svcd
