// Whether anything is left to do: a container whose services have all ended would run on for ever,
// and its runtime would take it for healthy.
//
// Nothing is left when the boot is over and there is no job, no process of a unit, no restart that
// waits, and nobody has asked anything for kIdlePatience. svcd-logd, which is there for the others,
// does not count.
#pragma once

#include <optional>

#include "core/supervisor.h"

namespace svcd {

inline constexpr Duration kIdlePatience{5'000'000};

class Idle {
public:
    /// `supervisor` outlives it.
    explicit Idle(const Supervisor& supervisor) : supervisor_(supervisor) {}

    /// Somebody has asked something.
    void asked(Time now) { since_ = now; }
    /// To be called at the end of a turn. When nothing will have been left for kIdlePatience;
    /// nothing: something is left.
    std::optional<Time> due(Time now);

private:
    bool is_busy(UnitId unit) const;
    bool is_something_left();

    const Supervisor& supervisor_;
    std::optional<UnitId> busy_;  ///< the one that was busy at the last look, and may still be
    std::optional<Time> since_;
};

}  // namespace svcd
