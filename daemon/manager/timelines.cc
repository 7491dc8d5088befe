#include "manager/timelines.h"

#include <algorithm>
#include <memory>
#include <set>
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
                                       const std::set<std::string, std::less<>>& shown) {
    std::vector<std::string_view> names;
    for (const UnitId other : supervisor.related(unit, Relation::after)) {
        const std::string_view name = supervisor.name(other);
        if (shown.contains(name)) {
            names.push_back(name);
        }
    }
    return names;
}

class StopTimeline {
public:
    StopTimeline(const StopLog& log, const Supervisor& supervisor)
        : log_(log), supervisor_(supervisor) {}

    bool append_piece(std::string& text) {
        JsonWriter json{text};
        if (text.empty()) {
            for (const StopSummary& stop : stops_of_latest_request(log_)) {
                stops_.push_back(stop.id);
            }
            json.open_object().key("records").open_array();
        }
        if (next_ < stops_.size()) {
            append_record(stops_[next_++], text);
            if (next_ < stops_.size()) {
                return false;
            }
        }
        if (!std::exchange(has_all_records_, true)) {
            json.close_array().key("after").open_object();
            unit_ = shown_.begin();
        }
        if (unit_ != shown_.end()) {
            append_order(*unit_++, text);
            return false;
        }
        json.close_object().field("more", more_).close_object();
        return true;
    }

private:
    void append_record(std::uint64_t stop, std::string& text) {
        const auto saved = log_.read(stop);
        if (!saved || text.size() + saved->text.size() > kTimelineTextMax / 2) {
            ++more_;
            return;
        }
        JsonWriter{text}.raw(saved->text);
        shown_.insert(saved->unit);
    }
    void append_order(const std::string& name, std::string& text) const {
        const std::optional<UnitId> unit = supervisor_.find(name);
        const auto after =
            unit ? after_of(supervisor_, *unit, shown_) : std::vector<std::string_view>{};
        if (!after.empty() && text.size() < kTimelineTextMax) {
            JsonWriter{text}.field(name, after);
        }
    }

    const StopLog& log_;
    const Supervisor& supervisor_;
    std::vector<std::uint64_t> stops_;
    std::size_t next_ = 0;
    bool has_all_records_ = false;
    std::set<std::string, std::less<>> shown_;
    std::set<std::string, std::less<>>::const_iterator unit_;
    std::size_t more_ = 0;
};

class BootTimeline {
public:
    BootTimeline(const Supervisor& supervisor, Time began)
        : supervisor_(supervisor), began_(began) {}

    bool append_piece(std::string& text) {
        JsonWriter json{text};
        if (looked_at_ < supervisor_.unit_count()) {
            look_at(static_cast<UnitId>(looked_at_++));
            return false;
        }
        if (text.empty()) {
            json.open_object().field("began_usec", to_usec(began_)).key("units").open_array();
        }
        if (next_ < units_.size()) {
            append_unit(units_[next_++], text);
            return false;
        }
        json.close_array().field("more", more_).close_object();
        return true;
    }

private:
    void look_at(UnitId unit) {
        if (!supervisor_.is_known(unit)) {
            return;
        }
        const UnitStatus status = supervisor_.status(unit);
        if (status.inactive_exit_at != Time{}) {
            began_ = std::min(began_, status.inactive_exit_at);
            shown_.emplace(status.name);
            units_.push_back(unit);
        }
    }
    void append_unit(UnitId id, std::string& text) {
        if (!supervisor_.is_known(id)) {
            return;  // forgotten meanwhile
        }
        if (text.size() > kTimelineTextMax) {
            ++more_;
            return;
        }
        const UnitStatus unit = supervisor_.status(id);
        JsonWriter{text}
            .open_object()
            .field("unit", unit.name)
            .field("type", name_of(unit.type))
            .field("inactive_exit_usec", to_usec(unit.inactive_exit_at))
            .field("active_enter_usec", to_usec(unit.active_enter_at))
            .field("active_state", name_of(unit.active_state))
            .field("sub", name_of(unit.sub_state))
            .field("after", after_of(supervisor_, id, shown_))
            .close_object();
    }

    const Supervisor& supervisor_;
    Time began_;
    std::size_t looked_at_ = 0;
    std::set<std::string, std::less<>> shown_;
    std::vector<UnitId> units_;
    std::size_t next_ = 0;
    std::size_t more_ = 0;
};

}  // namespace

TextPieces stop_timeline(const StopLog& log, const Supervisor& supervisor) {
    return [timeline = std::make_shared<StopTimeline>(log, supervisor)](std::string& text) {
        return timeline->append_piece(text);
    };
}

TextPieces boot_timeline(const Supervisor& supervisor, Time began) {
    return [timeline = std::make_shared<BootTimeline>(supervisor, began)](std::string& text) {
        return timeline->append_piece(text);
    };
}

}  // namespace svcd
