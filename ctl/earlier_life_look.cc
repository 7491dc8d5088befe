// Which processes are older than the life of their unit: asked of /proc.
#include <unistd.h>

#include <charconv>

#include "earlier_life.h"
#include "proc_look.h"
#include "session.h"

namespace svcd {
namespace {

bool is_up_or_starting(const Json& properties) {
    const std::string active = text_of(properties, "ActiveState");
    return active == "active" || active == "reloading" || active == "activating";
}

/// When it was started, in µs since the machine was; 0: not known. proc(5): the 20th field after
/// the name, which ends with the last bracket.
Usec started_at(ProcessId pid) {
    constexpr int kField = 20;
    const auto text = small_file("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = text ? text->rfind(')') : std::string::npos;
    for (int field = 0; field < kField && at != std::string::npos; ++field) {
        at = text->find(' ', at + 1);
    }
    Usec ticks = 0;
    if (at != std::string::npos) {
        std::from_chars(text->data() + at + 1, text->data() + text->size(), ticks);
    }
    return ticks * 1'000'000 / static_cast<Usec>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<ProcessId> older_than_this_life(const Json& properties,
                                            const std::vector<ProcessId>& processes) {
    std::vector<ProcessId> older;
    const Usec began = number_of(properties, "InactiveExitTimestampMonotonic");
    const Usec tick = 1'000'000 / static_cast<Usec>(::sysconf(_SC_CLK_TCK));
    if (!is_up_or_starting(properties)) {
        return older;
    }
    for (const ProcessId pid : processes) {
        // The kernel's count goes on while the machine sleeps, which the unit's does not: a process
        // that looks older is.
        const Usec at = started_at(pid);
        if (at != 0 && at + tick < began) {
            older.push_back(pid);
        }
    }
    return older;
}

EarlierLife find_earlier_life(Session& session,
                              const Json& properties,
                              const std::vector<ProcessRow>& processes) {
    const std::vector<ProcessId> older = older_than_this_life(properties, pids_of(processes));
    const std::vector<Json> records =
        older.empty() ? std::vector<Json>{}
                      : session.daemon().stop_records(text_of(properties, "Id"), 1);
    if (records.empty()) {
        return {};
    }
    const StopRecord last = read_record(records.front());
    return were_left_over(properties, last) ? EarlierLife{older, earlier_life_text(older, last)}
                                            : EarlierLife{};
}

}  // namespace svcd
