// In which order the manager looks at what is ready in one wakeup: the priorities of its sd-event
// sources (a lower number comes first).
//
// Any sign of life counts before any sign of death, and both before a deadline: a service that says
// READY=1 in the moment its TimeoutStartSec passes has made it, and one that exits in that moment
// has exited and was not killed. The machine is right under any order; this one gives the best
// diagnosis. systemd orders its sources the same way, for the same reason.
//
// No source may starve those behind it: each takes at most kItemsPerTurn, one that had its turn
// goes to the end of the line until all others that are ready had theirs (event_loop.h), and after
// kDispatchesPerTurn dispatches or kTurnMax the turn is ended and what is due is due. Clients share
// one order among many connections: the limits of a turn are what bounds them all together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/types/time.h"

namespace svcd {

enum class EventOrder : std::int16_t {
    notify = -50,   ///< datagrams on the notify socket
    execs = -45,    ///< a child has left our code
    exits = -40,    ///< the launcher's poke: exit records and requests
    cgroups = -30,  ///< a cgroup's events changed
    bus = -20,      ///< requests of clients
    deadline = -10,
    had_its_turn = 0,  ///< any of the above, for the rest of the turn
    turn_end = 10,     ///< publish, arm the timer
};

/// Has a source given all that it had, when a share of it has been taken?
enum class Drained : bool { no, yes };

/// Items of one source that are handled before the others have had their turn.
inline constexpr std::size_t kItemsPerTurn = 64;
/// Dispatches after which a turn ends even when more is ready.
inline constexpr std::size_t kDispatchesPerTurn = 64;
/// Time after which it ends, once the dispatch is over that it passes in.
inline constexpr Duration kTurnMax{10'000};

}  // namespace svcd
