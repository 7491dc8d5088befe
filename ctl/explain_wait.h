// The time between the request for a stop and its beginning: which other unit had to be down first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "explain_process.h"
#include "explain_timeline.h"
#include "stop_record.h"

namespace svcd {

struct StopWait {
    Usec waited = 0;
    std::string unit;  ///< that was down the moment the stop began; "": not known any more
};

/// How long after its request a stop began, where that is worth mentioning; else 0.
Usec wait_of_stop(const StopRecord& record);
/// `others`: records of the units whose stops go before this one's. Nothing: it did not wait.
std::optional<StopWait> wait_before_stop(const StopRecord& record,
                                         const std::vector<StopRecord>& others);
/// "; that began 4.0 s after it was asked for", for the headline; or "".
std::string wait_part(const std::optional<StopWait>& wait);
Verdict waited_for_others(const StopWait& wait);
TimelineRow waiting_row(const StopWait& wait);

}  // namespace svcd
