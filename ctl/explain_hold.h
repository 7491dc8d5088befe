// Tells who has stopped a process with svctl kill: svcd did that itself, and has it written down.
#pragma once

#include <string>

#include "stop_record.h"

namespace svcd {

/// "; root (uid 0) had sent SIGSTOP with 'svctl kill --signal=STOP web', PID 4711, 5.0 s before",
/// if no SIGCONT of that kind came after it; or "".
std::string hold_text(const StopRecord& record);
/// Says the same of what runs now: `hold` is the field `held_by` of ExamineUnit.
std::string hold_text(const Json& hold, Usec now, Usec now_monotonic);
/// "'svctl kill --signal=CONT web' lets it go on.", and who sends SIGSTOP, where that is not known.
std::string mend_of_hold(const std::string& unit, bool is_known);

}  // namespace svcd
