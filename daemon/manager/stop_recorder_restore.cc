// Records that another manager began. It died in the middle of its stops, and perhaps before it had
// written the last turn's news into the log, or, of a stop that ended, into the state file. What
// the state file says is what happened; what it doesn't say yet happens again.
//
//   the unit still stops, and has a record         the record goes on
//   it still stops, and has none                   one is begun with what the state file knows
//   it has ended meanwhile, the record has not     it is ended with what the state file knows
//   the record has ended, the unit still stops     it goes on, less its end
//   the record has ended, the unit is still up     the stop comes again, and takes its place
//   the record goes on, the unit is still up       the same; until then it is marked `lost`
//   the state file doesn't know the unit, or there
//   is nothing to go on with                       it is left as it is, marked `lost`
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "core/sub_state.h"
#include "manager/stop_recorder.h"

namespace svcd {
namespace {

template <std::size_t Size>
std::string_view text_of(const std::array<char, Size>& field) {
    return {field.data(), ::strnlen(field.data(), Size)};
}

SubState sub_state_of(const UnitRecord& saved) {
    return static_cast<SubState>(saved.sub_state);
}

bool is_stopping(const UnitRecord& saved) {
    const SubState state = sub_state_of(saved);
    return traits(state).stopping || state == SubState::stop_wedged;
}

/// Does the state file know nothing of a stop that ended then? Steps of one wakeup have one time,
/// so what began in the first of them may have ended in the last at the same time.
bool is_ahead(std::int64_t ended_at_usec, const UnitRecord& saved) {
    return ended_at_usec > saved.state_changed_at ||
           (ended_at_usec == saved.state_changed_at && is_stopping(saved));
}

/// The job as it was when the manager died; nothing when there was none.
std::optional<JobStatus> job_of(const UnitRecord& saved, UnitId unit) {
    if (saved.job.id == 0) {
        return std::nullopt;
    }
    JobStatus job;
    job.id = static_cast<JobId>(saved.job.id);
    job.unit = unit;
    job.unit_name = text_of(saved.name);
    job.type = static_cast<JobType>(saved.job.type);
    job.state = static_cast<JobState>(saved.job.state);
    job.installed_at = time_from_usec(saved.job.installed_at);
    job.requester = Requester{saved.job.requester_uid, saved.job.requester_pid,
                              std::string(text_of(saved.job.requester_command)),
                              std::string(text_of(saved.job.reason))};
    return job;
}

/// It was up in this life: what it left for is known. Else it stopped on its way up.
Time began_at(const UnitRecord& saved) {
    return time_from_usec(saved.active_exit_at > saved.inactive_exit_at ? saved.active_exit_at
                                                                        : saved.state_changed_at);
}

}  // namespace

void StopRecorder::hear(const StateRestored& event) {
    is_restoring_ = true;
    restored_at_ = now_;
    restored_from_ = event.was_away ? "away" : event.supervisor.handed_over != 0 ? "left" : "died";
    restored_.clear();
    std::unordered_set<std::string_view> unfinished;
    std::unordered_map<std::string_view, std::int64_t> newest_end;
    for (const StopSummary& stop : log_.stops()) {
        if (!stop.ended) {
            unfinished.insert(stop.unit);
        }
        newest_end.try_emplace(stop.unit, stop.ended_at_usec);
    }
    ended_alone_.clear();
    for (const RestoredUnit& unit : event.units) {
        const std::string_view name = text_of(unit.record.name);
        if (event.was_away && has_ended_already(unit.main)) {
            ended_alone_.emplace(name);
        }
        const auto newest = newest_end.find(name);
        const bool has_end = newest != newest_end.end() && is_ahead(newest->second, unit.record);
        if (is_stopping(unit.record) || has_end || unfinished.contains(name)) {
            restored_.push_back(unit.record);
        }
    }
}

/// One that was not reaped yet is adopted all the same, for its exit status.
bool StopRecorder::has_ended_already(const ProcessFact& process) const {
    if (process.state != ProcessFact::State::alive) {
        return process.state == ProcessFact::State::exited ||
               process.state == ProcessFact::State::lost;
    }
    const auto now = process.is_foreign ? senses_.examine(process.pid) : std::nullopt;
    return now && (now->state == 'Z' || now->state == 'X');
}

/// The records that have an end of which the state file knows nothing. Returns those of units that
/// were stopping already.
std::vector<std::uint64_t> StopRecorder::settle_ahead() {
    std::vector<std::uint64_t> stopping;
    for (const UnitRecord& saved : restored_) {
        const auto unit = supervisor_.find(text_of(saved.name));
        const std::vector<StopSummary> stops = log_.stops_of(text_of(saved.name));
        if (!unit || stops.empty() || !is_ahead(stops.front().ended_at_usec, saved)) {
            continue;
        }
        if (is_stopping(saved)) {
            stopping.push_back(stops.front().id);
        } else {
            ahead_[*unit] = stops.front().id;
        }
    }
    return stopping;
}

/// After the step that has restored the units, and before what it made of them is looked at.
void StopRecorder::take_restored() {
    is_restoring_ = false;
    std::unordered_map<std::string_view, const UnitRecord*> units;
    for (const UnitRecord& saved : restored_) {
        units[text_of(saved.name)] = &saved;
    }
    std::vector<std::uint64_t> unfinished = settle_ahead();
    for (const StopSummary& stop : log_.stops()) {
        if (!stop.ended) {
            unfinished.push_back(stop.id);
        }
    }
    for (const std::uint64_t id : unfinished) {  // the newest first: an older one can't go on
        const Result<SavedStop> saved = log_.read(id);
        if (!saved) {
            senses_.say(Severity::warning, {}, to_string(saved.error()));
            continue;
        }
        const auto unit = units.find(saved->unit);
        auto record = std::make_unique<StopRecord>(*saved);
        if (record->facts().ended != 0) {
            record->take_back_end(sub_state_of(*unit->second));
        }
        go_on(unit == units.end() ? nullptr : unit->second, std::move(record));
    }
    for (const UnitRecord& saved : restored_) {
        const auto unit = supervisor_.find(text_of(saved.name));
        if (unit && is_stopping(saved) && !open_.contains(*unit)) {
            begin_late(*unit, saved);
        }
    }
    restored_.clear();
    restored_.shrink_to_fit();
}

void StopRecorder::go_on(const UnitRecord* saved, Record record) {
    StopFacts& facts = record->facts();
    const auto unit = saved == nullptr ? std::nullopt : supervisor_.find(record->unit());
    if (!unit || open_.contains(*unit) || saved->state_changed_at < facts.began_usec) {
        if (unit && !is_stopping(*saved)) {
            ahead_[*unit] = facts.id;  // if what made it stop comes again, so does the record
        }
        facts.lost = 1;
        facts.ended = 1;
        record->touch();
        list(*record);
        ended_.emplace_back(unit.value_or(UnitId{}), std::move(record));
        return;
    }
    facts.result = saved->result;
    if ((saved->flags & kUnitMainIsKnown) != 0) {
        facts.main_code = saved->main_code;
        facts.main_status = saved->main_status;
    }
    if (facts.sub_state != saved->sub_state &&
        (is_stopping(*saved) || is_down(traits(sub_state_of(*saved)).active))) {
        record->enter(sub_state_of(*saved), time_from_usec(saved->state_changed_at));
    }
    list(*record);
    if (is_stopping(*saved)) {
        note_manager(*record);
        open_[*unit] = std::move(record);
        return;
    }
    const bool was_down = saved->inactive_enter_at >= facts.began_usec;
    record->end(time_from_usec(was_down ? saved->inactive_enter_at : saved->state_changed_at));
    ended_.emplace_back(*unit, std::move(record));
}

/// The manager before this one is no more, and this one went on with what it was doing.
void StopRecorder::note_manager(StopRecord& record, bool has_missed_its_end) const {
    std::string fields;
    JsonWriter json{fields};
    json.field("how", restored_from_);
    if (restored_from_ == "away" && senses_.last_written_usec != 0) {
        json.field("left_realtime_usec", senses_.last_written_usec)
            .field("came_realtime_usec", senses_.realtime_usec() - (now_ - restored_at_).count())
            .field("ended_meanwhile", has_missed_its_end);
    }
    record.add(restored_at_, "manager", fields);
}

void StopRecorder::begin_late(UnitId unit, const UnitRecord& saved) {
    const std::optional<JobStatus> job = job_of(saved, unit);
    StopBeginning beginning;
    beginning.id = log_.take_id();
    beginning.unit = supervisor_.name(unit);
    beginning.invocation = saved.invocation_id;
    beginning.began = began_at(saved);
    beginning.began_realtime_usec = senses_.realtime_usec() - (now_ - beginning.began).count();
    beginning.main_pid = (saved.flags & kUnitMainIsKnown) != 0 ? saved.main_pid_last : 0;
    beginning.job = is_stopping(job) ? &*job : nullptr;
    const std::optional<JobStatus> now = supervisor_.status(unit).job;  // knows the asker's unit
    beginning.asker_unit = now && job && now->id == job->id ? asker_of(now->requester) : "";
    beginning.other_unit = now && job && now->id == job->id ? other_of(now->requester) : "";
    beginning.definition = supervisor_.definition(unit);
    auto record = std::make_unique<StopRecord>(beginning);
    record->facts().shutdown_usec = to_usec(shutdown_at_);
    record->facts().result = saved.result;
    record->facts().main_code = saved.main_code;
    record->facts().main_status = saved.main_status;
    record->enter(sub_state_of(saved), time_from_usec(saved.state_changed_at));
    note_manager(*record);
    list(*record);
    open_[unit] = std::move(record);
}

void StopRecorder::give_up_unfinished() {
    for (const StopSummary& stop : log_.stops()) {
        if (stop.ended) {
            continue;
        }
        const Result<SavedStop> saved = log_.read(stop.id);
        if (!saved) {
            senses_.say(Severity::warning, {}, to_string(saved.error()));
            continue;
        }
        go_on(nullptr, std::make_unique<StopRecord>(*saved));
    }
    end_turn();
}

}  // namespace svcd
