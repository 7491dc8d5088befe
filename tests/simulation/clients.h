// What people and programs ask of svcd during a run: bursts of commands of every kind, drawn from
// streams of their own, so that one can be left out without changing the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types/event.h"
#include "simulation/plan.h"

namespace svcd::simulation {

/// Commands come within this time after the beginning.
inline constexpr Duration kCommandsEnd = std::chrono::seconds{60};

struct ClientCommand {
    enum class Kind : std::uint8_t {
        job,
        cancel,
        cancel_all,
        kill,
        reset_failed,
        reset_all,
        reload,     ///< units have changed; only those are handed over
        reload_all  ///< units have changed; all are handed over, as daemon-reload does
    };
    std::size_t index = 0;  ///< its number in the plan
    Duration at{0};         ///< since the beginning
    Kind kind = Kind::job;
    JobVerb verb = JobVerb::start;
    JobMode mode = JobMode::replace;
    KillRequested::Whom whom = KillRequested::Whom::all;
    int signal = 0;
    std::size_t unit = 0;           ///< which one it is about
    std::uint64_t choice = 0;       ///< for what can only be chosen then: which job to cancel
    std::vector<std::size_t> more;  ///< of a job: the others of a request for several
};

/// The plan's commands, earliest first.
std::vector<ClientCommand> draw_commands(const Plan& plan);

}  // namespace svcd::simulation
