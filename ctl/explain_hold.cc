#include "explain_hold.h"

#include "explain_stop.h"
#include "explain_words.h"

namespace svcd {
namespace {

/// SIGTSTP and its like don't stop what has no terminal.
constexpr std::string_view kStop = "SIGSTOP";

}  // namespace

std::string hold_text(const StopRecord& record) {
    const StopEvent* last = nullptr;
    for (const StopEvent& event : record.events) {
        if (event.what == "asked-kill" && event.signal == kStop) {
            last = &event;
        } else if (event.what == "asked-kill" && event.signal == "SIGCONT") {
            last = nullptr;
        }
    }
    if (last == nullptr) {
        return "";
    }
    const std::string when = last->before > 0 ? short_time(last->before) + " before the stop began"
                                              : "at " + short_time(last->at);
    return "; " + last->signal + " came from " + requester_text(asker_of(*last)) + ", " + when;
}

std::string hold_text(const Json& hold, Usec now, Usec now_monotonic) {
    const Usec at = number_of(hold, "at_usec");
    if (at == 0 || text_of(hold, "signal") != kStop) {
        return "";
    }
    Requester by;
    by.uid = static_cast<std::uint32_t>(number_of(hold, "uid"));
    by.pid = static_cast<ProcessId>(number_of(hold, "pid"));
    by.command = text_of(hold, "command");
    by.unit = text_of(hold, "unit");
    const Usec ago = now_monotonic > at ? now_monotonic - at : 0;
    return "; " + text_of(hold, "signal") + " came from " + requester_text(by) + ", " +
           timestamp(now - ago) + ", " + rough_timespan(ago) + " ago";
}

std::string mend_of_hold(const std::string& unit, bool is_known) {
    return (is_known ? "'svctl kill --signal=CONT "
                     : "Find out who sends it SIGSTOP; 'svctl kill --signal=CONT ") +
           unit + "' lets it go on.";
}

}  // namespace svcd
