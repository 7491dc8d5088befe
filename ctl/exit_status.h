// How svctl ends. Scripts rely on these numbers: a new meaning gets a new number, none is reused.
#pragma once

#include <cstdint>

namespace svcd {

enum class ExitStatus : std::uint8_t {
    done = 0,
    failed = 1,         ///< the job failed, or the daemon refused
    usage = 2,          ///< the command line makes no sense
    not_active = 3,     ///< is-active, status
    no_such_unit = 4,   ///< for every verb
    unreachable = 5,    ///< the daemon can't be reached
    not_permitted = 6,  ///< the daemon says no to this user
    timed_out = 7,      ///< --timeout passed; the job goes on
    sigkill_used = 8,   ///< --strict: it stopped, but SIGKILL was needed
    bad_config = 9,     ///< daemon-reload: a unit file has errors
    interrupted = 130,  ///< Ctrl-C: no longer watched, as a shell has it
};

/// The status that counts when several units were tried: the worse of two. A fault that concerns
/// everything (usage, unreachable) is worse than one of a single unit, a failed job is worse than
/// one that merely goes on.
ExitStatus worse(ExitStatus one, ExitStatus other);

}  // namespace svcd
