#include "timeline.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace svcd {
namespace {

/// At boot each start follows another; where it has been quiet for so long, the boot is over.
constexpr Usec kQuiet = 10'000'000;

/// unit → the units that had to be done before it began.
using Predecessors = std::unordered_map<std::string, std::vector<std::string>>;

std::vector<std::string> names_in(const Json& list) {
    std::vector<std::string> names;
    for (const Json& name : list.is_array() ? list : Json::array()) {
        if (name.is_string()) {
            names.push_back(name.get<std::string>());
        }
    }
    return names;
}

Json member(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : Json{};
}

/// Longer than any machine runs, and far from where a sum of times would overflow.
constexpr Usec kFar = Usec{1} << 60;

Usec since(Usec moment, Usec began) {
    return moment > began ? std::min(moment - began, kFar) : 0;
}

/// Of those before the unit the one that was done last before it began. Several may have been done
/// in the same turn of svcd's loop: then the one at the end of more work, since a slice that came
/// up beside a service did not keep anybody waiting.
std::optional<std::size_t> decider(const std::vector<TimelineUnit>& units,
                                   std::size_t unit,
                                   const std::vector<std::size_t>& before,
                                   const std::vector<Usec>& work) {
    std::optional<std::size_t> found;
    for (const std::size_t other : before) {
        if (other == unit || units[other].end > units[unit].begin || units[other].goes_on) {
            continue;
        }
        if (!found ||
            std::pair{units[other].end, work[other]} > std::pair{units[*found].end, work[*found]}) {
            found = other;
        }
    }
    return found;
}

void find_critical_path(Timeline& timeline, const Predecessors& predecessors) {
    std::vector<TimelineUnit>& units = timeline.units;
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < units.size(); ++i) {
        index.emplace(units[i].name, i);
    }
    // What a unit waited for stands before it, so its sum is known.
    std::vector<Usec> work(units.size(), 0);
    for (std::size_t i = 0; i < units.size(); ++i) {
        std::vector<std::size_t> before;
        if (const auto names = predecessors.find(units[i].name); names != predecessors.end()) {
            for (const std::string& name : names->second) {
                if (const auto found = index.find(name); found != index.end()) {
                    before.push_back(found->second);
                }
            }
        }
        units[i].waited_for = decider(units, i, before, work);
        work[i] = units[i].took() + (units[i].waited_for ? work[*units[i].waited_for] : 0);
    }
    // Of several that were done at once the one that began last: a target, rather than the unit
    // that it waited for.
    std::size_t last = 0;
    for (std::size_t i = 1; i < units.size(); ++i) {
        if (std::pair{units[i].end, work[i]} >= std::pair{units[last].end, work[last]}) {
            last = i;
        }
    }
    if (!units.empty()) {
        timeline.critical = chain_from(timeline, last);
    }
    for (const std::size_t unit : timeline.critical) {
        units[unit].is_critical = true;
    }
}

void sort_by_begin(std::vector<TimelineUnit>& units) {
    std::ranges::stable_sort(units, [](const TimelineUnit& one, const TimelineUnit& other) {
        return std::pair{one.begin, one.end} < std::pair{other.begin, other.end};
    });
}

void measure(Timeline& timeline) {
    for (const TimelineUnit& unit : timeline.units) {
        timeline.length = std::max(timeline.length, unit.end);
    }
}

// ── boot ─────────────────────────────────────────────────────────────────────────────────────────

/// `end` of the phase `active` is left at its beginning when it lasts until now.
TimelineUnit read_started(const Json& json, Usec began, Usec now) {
    const Usec exit = number_of(json, "inactive_exit_usec");
    const Usec active = number_of(json, "active_enter_usec");
    const Usec enter = number_of(json, "inactive_enter_usec");
    const std::string state = text_of(json, "active_state");
    TimelineUnit unit;
    unit.name = text_of(json, "unit");
    unit.begin = since(exit, began);
    unit.end = unit.begin;
    const bool has_ended = enter >= exit && enter != 0;
    if (active >= exit && active != 0) {
        unit.end = since(active, began);
    } else if (state == "activating" && text_of(json, "sub") != "auto-restart") {
        unit.end = since(std::max(now, exit), began);
        unit.goes_on = true;
    } else if (has_ended) {
        unit.end = since(enter, began);
    }
    unit.result = state == "failed"                        ? "failed"
                  : text_of(json, "sub") == "auto-restart" ? "restarts"
                                                           : "";
    unit.phases.push_back({Phase::activating, unit.begin, unit.end});
    const bool was_active = active >= exit && active != 0;
    if (was_active) {
        unit.phases.push_back(
            {Phase::active, unit.end, has_ended ? since(enter, began) : kUsecInfinity});
    }
    return unit;
}

/// Takes off what was started when the boot was over, by `begin`.
void leave_out_later(Timeline& timeline) {
    Usec busy_until = 0;
    std::size_t count = 0;
    for (const TimelineUnit& unit : timeline.units) {
        if (unit.begin > busy_until + kQuiet) {
            break;
        }
        busy_until = std::max(busy_until, unit.end);
        ++count;
    }
    timeline.later = timeline.units.size() - count;
    timeline.units.resize(count);
}

// ── stop ─────────────────────────────────────────────────────────────────────────────────────────

std::optional<Phase> phase_of(std::string_view sub_state) {
    struct Row {
        std::string_view state;
        Phase phase;
    };
    // clang-format off
    static constexpr auto kPhases = std::to_array<Row>({
        {"pre-stop",       Phase::pre_stop},
        {"stop",           Phase::exec_stop},
        {"stop-watchdog",  Phase::after_signal},
        {"stop-sigterm",   Phase::after_signal},
        {"stop-sigkill",   Phase::after_sigkill},
        {"stop-post",      Phase::stop_post},
        {"final-watchdog", Phase::after_signal},
        {"final-sigterm",  Phase::after_signal},
        {"final-sigkill",  Phase::after_sigkill},
        {"stop-wedged",    Phase::after_sigkill},
    });
    // clang-format on
    const auto* row = std::ranges::find(kPhases, sub_state, &Row::state);
    return row == kPhases.end() ? std::nullopt : std::optional{row->phase};
}

TimelineUnit read_stopped(const StopRecord& record, Usec began, Usec now) {
    TimelineUnit unit;
    const Usec took = std::min(length_of(record, now), kFar);
    unit.name = record.unit;
    unit.begin = since(record.began, began);
    unit.end = unit.begin + took;
    unit.goes_on = goes_on(record);
    unit.lost = record.lost;
    unit.result = record.result == "success" ? "" : record.result;
    for (const StopEvent& event : record.events) {
        const Usec at = unit.begin + std::min(event.at, took);
        if (event.what == "signal" && event.signal == "SIGKILL" && event.before == 0) {
            unit.sigkills.push_back(at);
        }
        if (event.what != "state") {
            continue;
        }
        if (!unit.phases.empty()) {
            unit.phases.back().end = std::min(unit.phases.back().end, at);
        }
        if (const auto phase = phase_of(event.state)) {
            unit.phases.push_back({*phase, at, unit.end});
        }
    }
    return unit;
}

bool is_pulled_in(const StopRecord& record) {
    return record.asked_by && record.asked_by->reason.starts_with("pulled in by");
}

/// When, and by whom, it was asked for; of a request all records say the same, but for the reason.
void read_request(Timeline& timeline, const std::vector<StopRecord>& records) {
    const StopRecord& first = *std::ranges::min_element(records, {}, &StopRecord::began);
    timeline.kind = first.shutdown ? TimelineKind::shutdown : TimelineKind::stop;
    timeline.began = first.began;
    const auto direct = std::ranges::find_if_not(records, is_pulled_in);
    timeline.asked_by = direct == records.end() ? first.asked_by : direct->asked_by;
    // A stop may wait before it begins, for a start that it was ordered behind.
    if (timeline.asked_by && timeline.asked_by->at != 0) {
        timeline.began = std::min(timeline.began, timeline.asked_by->at);
    }
    timeline.began_realtime =
        first.began_realtime - std::min(first.began_realtime, first.began - timeline.began);
}

/// What is ordered after a unit stops before it.
Predecessors stop_order(const Json& after) {
    Predecessors before;
    if (after.is_object()) {
        for (const auto& [name, others] : after.items()) {
            for (const std::string& other : names_in(others)) {
                before[other].push_back(name);
            }
        }
    }
    return before;
}

}  // namespace

Timeline read_boot_timeline(const Json& answer, ClockReadings now) {
    Timeline timeline;
    timeline.began = number_of(answer, "began_usec");
    timeline.began_realtime =
        now.realtime - std::min(now.realtime, since(now.monotonic, timeline.began));
    timeline.more = number_of(answer, "more");
    Predecessors before;
    const Json units = member(answer, "units");
    for (const Json& json : units.is_array() ? units : Json::array()) {
        if (!json.is_object() || number_of(json, "inactive_exit_usec") == 0) {
            continue;
        }
        timeline.units.push_back(read_started(json, timeline.began, now.monotonic));
        before[timeline.units.back().name] = names_in(member(json, "after"));
    }
    sort_by_begin(timeline.units);
    leave_out_later(timeline);
    measure(timeline);
    for (TimelineUnit& unit : timeline.units) {
        for (PhaseSpan& span : unit.phases) {
            span.end = std::min(span.end, timeline.length);
        }
    }
    find_critical_path(timeline, before);
    return timeline;
}

Timeline read_stop_timeline(const Json& answer, ClockReadings now) {
    Timeline timeline;
    timeline.kind = TimelineKind::stop;
    timeline.more = number_of(answer, "more");
    std::vector<StopRecord> records;
    const Json list = member(answer, "records");
    for (const Json& json : list.is_array() ? list : Json::array()) {
        if (json.is_object()) {
            records.push_back(read_record(json));
        }
    }
    if (records.empty()) {
        return timeline;
    }
    read_request(timeline, records);
    for (const StopRecord& record : records) {
        timeline.units.push_back(read_stopped(record, timeline.began, now.monotonic));
    }
    sort_by_begin(timeline.units);
    measure(timeline);
    find_critical_path(timeline, stop_order(member(answer, "after")));
    return timeline;
}

std::vector<std::size_t> chain_from(const Timeline& timeline, std::size_t unit) {
    std::vector<std::size_t> chain;
    std::vector<bool> seen(timeline.units.size(), false);
    std::optional<std::size_t> next = unit;
    while (next && !seen[*next]) {
        seen[*next] = true;
        chain.push_back(*next);
        next = timeline.units[*next].waited_for;
    }
    return chain;
}

std::optional<std::size_t> find_unit(const Timeline& timeline, std::string_view name) {
    const auto found = std::ranges::find(timeline.units, name, &TimelineUnit::name);
    return found == timeline.units.end()
               ? std::nullopt
               : std::optional{static_cast<std::size_t>(found - timeline.units.begin())};
}

std::string_view name_of(Phase phase) {
    switch (phase) {
        case Phase::activating:
            return "activating";
        case Phase::active:
            return "active";
        case Phase::pre_stop:
            return "pre-stop";
        case Phase::exec_stop:
            return "ExecStop";
        case Phase::after_signal:
            return "after the signal";
        case Phase::after_sigkill:
            return "after SIGKILL";
        case Phase::stop_post:
            return "ExecStopPost";
    }
    return "";
}

}  // namespace svcd
