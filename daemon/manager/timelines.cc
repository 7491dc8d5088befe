#include "manager/timelines.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "unitfile/json_writer.h"

namespace svcd {
namespace {

/// `svctl stop a b` is two requests, one right after the other.
constexpr std::int64_t kSameRequestUsec = 250'000;

/// When the first of the requests was made that came right after each other, up to that of `last`.
std::int64_t begin_of_request(const std::vector<StopSummary>& stops, const StopSummary& last) {
    std::vector<std::int64_t> asked;
    for (const StopSummary& stop : stops) {
        if (stop.shutdown_usec == 0 && stop.asked_at_usec != 0) {
            asked.push_back(stop.asked_at_usec);
        }
    }
    std::sort(asked.rbegin(), asked.rend());
    std::int64_t begin = last.asked_at_usec;
    for (const std::int64_t at : asked) {
        if (begin - at > kSameRequestUsec) {
            break;
        }
        begin = at;
    }
    return begin;
}

/// The newest stop decides which request it is about; one by nobody's wish belongs to none.
std::vector<StopSummary> stops_of_latest_request(const StopLog& log) {
    std::vector<StopSummary> stops = log.stops();
    const auto latest = std::find_if(stops.begin(), stops.end(), [](const StopSummary& stop) {
        return stop.shutdown_usec != 0 || stop.asked_at_usec != 0;
    });
    if (latest == stops.end()) {
        return {};
    }
    const StopSummary wanted = *latest;
    const std::int64_t begin = wanted.shutdown_usec != 0 ? 0 : begin_of_request(stops, wanted);
    std::erase_if(stops, [&](const StopSummary& stop) {
        return stop.shutdown_usec != wanted.shutdown_usec || stop.asked_at_usec < begin;
    });
    return stops;
}

/// Those of `shown` that a unit is ordered after.
std::vector<std::string_view> after_of(const Supervisor& supervisor,
                                       UnitId unit,
                                       const std::unordered_set<std::string_view>& shown) {
    std::vector<std::string_view> names;
    for (const UnitId other : supervisor.related(unit, Relation::after)) {
        const std::string_view name = supervisor.name(other);
        if (shown.contains(name)) {
            names.push_back(name);
        }
    }
    return names;
}

}  // namespace

std::string stop_timeline(const StopLog& log, const Supervisor& supervisor) {
    std::string text;
    JsonWriter json{text};
    std::unordered_set<std::string_view> shown;
    std::size_t more = 0;
    json.open_object().key("records").open_array();
    for (const StopSummary& stop : stops_of_latest_request(log)) {
        const auto saved = log.read(stop.id);
        if (!saved || text.size() + saved->text.size() > kTimelineTextMax / 2) {
            ++more;
            continue;
        }
        json.raw(saved->text);
        shown.insert(stop.unit);
    }
    json.close_array().key("after").open_object();
    for (const std::string_view name : shown) {
        const std::optional<UnitId> unit = supervisor.find(name);
        const auto after =
            unit ? after_of(supervisor, *unit, shown) : std::vector<std::string_view>{};
        if (!after.empty() && text.size() < kTimelineTextMax) {
            json.field(name, after);
        }
    }
    json.close_object().field("more", more).close_object();
    return text;
}

std::string boot_timeline(const Supervisor& supervisor, Time began) {
    std::vector<UnitStatus> units;
    std::unordered_set<std::string_view> shown;
    for (std::size_t index = 0; index < supervisor.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        if (!supervisor.is_known(unit)) {
            continue;
        }
        UnitStatus status = supervisor.status(unit);
        if (status.inactive_exit_at != Time{}) {
            began = std::min(began, status.inactive_exit_at);
            shown.insert(status.name);
            units.push_back(std::move(status));
        }
    }
    std::string text;
    JsonWriter json{text};
    std::size_t more = 0;
    json.open_object().field("began_usec", to_usec(began)).key("units").open_array();
    for (const UnitStatus& unit : units) {
        if (text.size() > kTimelineTextMax) {
            ++more;
            continue;
        }
        json.open_object()
            .field("unit", unit.name)
            .field("type", name_of(unit.type))
            .field("inactive_exit_usec", to_usec(unit.inactive_exit_at))
            .field("active_enter_usec", to_usec(unit.active_enter_at))
            .field("active_state", name_of(unit.active_state))
            .field("sub", name_of(unit.sub_state))
            .field("after", after_of(supervisor, unit.id, shown))
            .close_object();
    }
    json.close_array().field("more", more).close_object();
    return text;
}

}  // namespace svcd
