#include "explain_wait.h"

#include "explain_words.h"

namespace svcd {
namespace {

constexpr Usec kWorthMentioning = 100'000;
/// A stop begins in the very turn in which the last one before it has ended.
constexpr Usec kAtOnce = 50'000;

}  // namespace

Usec wait_of_stop(const StopRecord& record) {
    // Where no svcd ran, nobody could begin.
    const bool is_measured = record.asked_by && !has_event(record, "manager");
    const Usec asked = is_measured ? record.asked_by->at : 0;
    return asked != 0 && record.began >= asked + kWorthMentioning ? record.began - asked : 0;
}

std::optional<StopWait> wait_before_stop(const StopRecord& record,
                                         const std::vector<StopRecord>& others) {
    StopWait wait{wait_of_stop(record), ""};
    if (wait.waited == 0) {
        return std::nullopt;
    }
    Usec last = 0;
    for (const StopRecord& other : others) {
        const Usec end = other.began + other.duration.value_or(0);
        const bool was_just_over =
            other.duration && end <= record.began + kAtOnce && end + kAtOnce >= record.began;
        if (was_just_over && end > last) {
            last = end;
            wait.unit = other.unit;
        }
    }
    // The job of a restart may have been that of a start before: then it was asked for as one.
    const bool is_sure = !wait.unit.empty() || record.asked_by->type == "stop";
    return is_sure ? std::optional{wait} : std::nullopt;
}

std::string wait_part(const std::optional<StopWait>& wait) {
    return wait ? "; that began " + short_time(wait->waited) + " after it was asked for" : "";
}

Verdict waited_for_others(const StopWait& wait) {
    const std::string waited = short_time(wait.waited);
    if (wait.unit.empty()) {
        return {0, "", "stop-waited",
                "the stop began " + waited +
                    " after it was asked for; what it waited for svcd doesn't know any more",
                ""};
    }
    return {0, "", "stop-waited",
            "the stop waited " + waited + " for " + wait.unit +
                ", which is ordered after it and has to be down first",
            "'svctl explain " + wait.unit + "' tells what that one took the time for."};
}

TimelineRow waiting_row(const StopWait& wait) {
    return {0, wait.waited, false, "the stop was asked for; it waits for " + wait.unit, ""};
}

}  // namespace svcd
