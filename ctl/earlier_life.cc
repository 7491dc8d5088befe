#include "earlier_life.h"

namespace svcd {

bool were_left_over(const Json& properties, const StopRecord& last) {
    return last.left_over && last.began <= number_of(properties, "InactiveExitTimestampMonotonic");
}

std::string earlier_life_text(const std::vector<ProcessId>& processes, const StopRecord& last) {
    const bool is_one = processes.size() == 1;
    return pids_text(processes) + (is_one ? " is" : " are") +
           " of an earlier life of the unit: its stop left " + (is_one ? "it" : "them") +
           " over, since " + why_left_over(last);
}

}  // namespace svcd
