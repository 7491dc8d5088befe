// What a unit that is on its way is doing, and who is waited for until when: for `svctl status` and
// the progress line of `svctl stop`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "facts.h"
#include "time_text.h"

namespace svcd {

/// "stop-sigterm: SIGTERM was sent, PID 812 (web) and 2 more are left; 4.20 s until SIGKILL". The
/// time is left out where there is no deadline.
std::string phase_text(const Json& properties,
                       const std::vector<ProcessRow>& processes,
                       Usec now_monotonic);

/// The signals that a unit has set for the moment when the time of a stop is over.
struct DeadlineSignals {
    bool aborts = false;  ///< TimeoutStopFailureMode: abort
    std::string abort;    ///< WatchdogSignal
    bool kills = true;    ///< SendSIGKILL, and KillMode is not none
    std::string kill;     ///< FinalKillSignal
};
/// The one that svcd sends in this sub-state; "": none.
std::string signal_at_deadline(const DeadlineSignals& signals, std::string_view sub);

/// "stops in 2.10 s (p95 of 16), TimeoutStopSec 30s", or empty when it never was stopped.
std::string usual_stop_text(const Json& properties);

/// "web" of "/usr/bin/web --port 80".
std::string program_of(const std::string& command);

}  // namespace svcd
