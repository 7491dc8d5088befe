// Orders that failed for want of something that comes back (descriptors, memory, a read of a cgroup
// that failed): without them a service would miss its stop signal, and be killed for that, or a
// unit that is empty would be waited for until it is called stop-wedged.
//
// They are carried out again after kRetryFirst, twice as long each time, up to kRetryMost: a signal
// as long as its unit is in the same sub-state, a look at a cgroup until it succeeds. At most one
// of each for a unit. They are not saved: a manager after us asks for both by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "core/supervisor.h"
#include "core/types/effect.h"
#include "core/types/time.h"

namespace svcd {

inline constexpr Duration kRetryFirst = std::chrono::milliseconds{100};
inline constexpr Duration kRetryMost = std::chrono::seconds{5};

using Retried = std::variant<SignalUnit, CheckCgroup>;

class Retries {
public:
    void add(const SignalUnit& order, SubState sub_state);
    void add(const CheckCgroup& order);

    /// When take() has something; nothing: never.
    std::optional<Time> due(Time now);
    /// What is to be carried out again at `now`. It is no longer here: add it again if it fails.
    std::vector<Retried> take(Time now, const Supervisor& supervisor);

private:
    struct Signal {
        SignalUnit order;
        SubState sub_state;
    };
    std::vector<Signal> signals_;
    std::vector<CheckCgroup> looks_;
    std::optional<Time> due_;
    Duration wait_ = kRetryFirst;
};

}  // namespace svcd
