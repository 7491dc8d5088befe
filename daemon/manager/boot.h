// Whether the boot reaches its target, and what is done when it does not: as PID 1 of a machine,
// emergency.target, so that somebody can get at the machine; anywhere else it is only said.
//
// Looked at once in the life of a launcher: what becomes of the target later is its own business.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/supervisor.h"
#include "state/process_table.h"

namespace svcd {

inline constexpr const char* kEmergencyTarget = "emergency.target";

class Boot {
public:
    /// Both outlive it. `unit`: the one that is started first.
    Boot(const Supervisor& supervisor, ProcessTable& table, std::string unit);

    /// To be called with what each step has brought.
    void look(const Effects& effects);

    enum class Outcome { open, reached, given_up, failed };
    /// To be called at the end of a turn. Anything but `open` is said once.
    Outcome outcome();

    /// Sentences: why it failed, after outcome() said so. The names of `culprits` are among them.
    std::vector<std::string> reasons() const;
    /// Units that failed and that the target needs, directly or not.
    std::vector<UnitId> culprits() const;

    /// The boot has failed, and what it was to reach is not active yet: svcd is degraded.
    bool is_missed() const;

private:
    const Supervisor& supervisor_;
    ProcessTable& table_;
    std::string unit_;
    std::optional<JobResult> result_;  ///< of the target's job
    std::string refusal_;              ///< of the request for it
};

}  // namespace svcd
