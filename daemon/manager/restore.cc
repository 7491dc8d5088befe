#include "manager/restore.h"

#include <algorithm>

#include "core/sub_state.h"
#include "linux/pidfd.h"
#include "linux/procfs.h"
#include "manager/adoption.h"
#include "manager/emptied_cgroup.h"
#include "manager/last_kill.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

/// Looks for the processes of one unit's record.
class Finder {
public:
    Finder(const UnitRecord& record,
           ProcessTable& table,
           AdoptedProcesses& adopted,
           const ProcessTracker& tracker,
           Log& log)
        : record_(record),
          unit_(record.name.data()),
          table_(table),
          adopted_(adopted),
          tracker_(tracker),
          log_(log) {}

    ProcessFact main() const {
        return fact_of(record_.main, {true, time_from_usec(record_.main_started_at)});
    }
    /// One whose PID was not written down any more can be told from others only while there is no
    /// main process.
    ProcessFact control() const {
        return fact_of(record_.control,
                       {record_.main.token == 0, time_from_usec(record_.state_changed_at)});
    }
    /// Looked at again if it is lost.
    ProcessFact checker() const { return table_.look(static_cast<Token>(record_.checker.token)); }

private:
    /// A process whose PID is not on record: may it be looked for in the cgroup, and when was it
    /// about to be started?
    struct Search {
        bool is_allowed = false;
        Time not_before{};
    };
    ProcessFact fact_of(const ProcessRecord& process, const Search& search) const;
    ProcessFact adopt(Token token, const ProcessIdentity& identity) const;

    const UnitRecord& record_;
    std::string_view unit_;
    ProcessTable& table_;
    AdoptedProcesses& adopted_;
    const ProcessTracker& tracker_;
    Log& log_;
};

ProcessFact Finder::fact_of(const ProcessRecord& process, const Search& search) const {
    const auto token = static_cast<Token>(process.token);
    if (token == Token::none) {
        return ProcessFact{};
    }
    const ProcessFact fact = table_.look(token);
    if (fact.state != ProcessFact::State::lost) {
        return fact;
    }
    if (process.pid != 0) {
        return adopt(token, ProcessIdentity{process.pid, process.start_time, unit_, true});
    }
    // All intents of a step are written down before the first slot is claimed. One of this
    // launcher's that has no slot is one that the manager before us did not get to.
    if (table_.has_taken_over()) {
        return ProcessFact{ProcessFact::State::never_spawned, 0};
    }
    // The launcher before this one was killed between the spawn and the record of its PID.
    const std::optional<FoundProcess> found =
        search.is_allowed ? oldest_process(unit_, tracker_, search.not_before) : std::nullopt;
    return found ? adopt(token, ProcessIdentity{found->pid, found->start_time, unit_})
                 : ProcessFact{ProcessFact::State::lost, 0};
}

ProcessFact Finder::adopt(Token token, const ProcessIdentity& identity) const {
    Result<UniqueFd> pidfd = open_identified(identity, tracker_);
    if (!pidfd) {
        if (!pidfd.error().detail.empty()) {  // else it has ended, which the supervisor says
            log_.say(Severity::info, unit_, "not adopted: " + to_string(pidfd.error()));
        }
        return ProcessFact{ProcessFact::State::lost, 0};
    }
    if (const auto held =
            adopted_.hold(token, std::move(*pidfd), identity.pid, identity.start_time);
        !held) {
        log_.say(Severity::warning, unit_, "not adopted: " + to_string(held.error()));
        return ProcessFact{ProcessFact::State::lost, 0};
    }
    const bool has_moved = lives_outside(identity.pid, unit_, tracker_);
    log_.say(Severity::info, unit_,
             "process " + std::to_string(identity.pid) + " is adopted" +
                 (has_moved ? ", though somebody has moved it to another cgroup" : ""));
    return ProcessFact{ProcessFact::State::alive, identity.pid, identity.start_time, true};
}

/// For processes that aren't ours nobody else tells when the last has gone.
void watch_again(std::string_view unit, ProcessTracker& tracker, Log& log) {
    if (const auto watched = tracker.ensure(unit); !watched) {
        log.say(Severity::warning, unit, to_string(watched.error()));
    }
}

/// When it can't be read, assume the worst: a unit taken for empty would be started twice. Of one
/// with a process that is alive, or not reaped, it needs no reading: its cgroup is looked at when
/// that ends.
bool is_populated(std::string_view unit, bool has_process, ProcessTracker& tracker, Log& log) {
    if (has_process) {
        watch_again(unit, tracker, log);
        return true;
    }
    Result<bool> populated = tracker.is_populated(unit);
    if (populated && *populated) {
        watch_again(unit, tracker, log);
        populated = tracker.is_populated(unit);
    }
    if (!populated) {
        log.say(Severity::warning, unit, to_string(populated.error()));
    }
    return populated ? *populated : true;
}

/// Does the process of a record live? Whatever its cgroup: its start time tells it from others.
bool is_alive(const ProcessRecord& process) {
    if (process.pid == 0 || process.start_time == 0) {
        return false;
    }
    const Result<UniqueFd> pidfd = open_pidfd(process.pid);
    const Result<ProcessInfo> info = process_info(process.pid);
    return pidfd && info && info->start_time == process.start_time && !has_ended(*pidfd);
}

std::string count_of(std::size_t number, std::string_view one, std::string_view several) {
    return std::to_string(number) + " " + std::string(number == 1 ? one : several);
}

void say_what_is_there(const StateRestored& event, Log& log) {
    std::size_t adopted = 0;
    std::size_t lost = 0;
    for (const RestoredUnit& unit : event.units) {
        for (const ProcessFact* fact : {&unit.main, &unit.control}) {
            adopted += fact->is_foreign ? 1U : 0U;
            lost += fact->state == ProcessFact::State::lost ? 1U : 0U;
        }
    }
    std::string text = "Going on where another manager ended, with " +
                       count_of(event.units.size(), "unit", "units") + " on record";
    if (adopted != 0) {
        text += "; adopted of an earlier svcd: " + count_of(adopted, "process", "processes");
    }
    if (lost != 0) {
        text += "; ended while no svcd was there: " + count_of(lost, "process", "processes");
    }
    log.say(Severity::notice, text);
}

}  // namespace

StateRestored restored_state(const SavedState& saved,
                             ProcessTable& table,
                             AdoptedProcesses& adopted,
                             ProcessTracker& tracker,
                             Log& log) {
    StateRestored event;
    event.supervisor = saved.supervisor;
    event.was_away = !table.has_taken_over();
    event.units.reserve(saved.units.size());
    for (const UnitRecord& record : saved.units) {
        const Finder finder{record, table, adopted, tracker, log};
        RestoredUnit unit;
        unit.record = record;
        unit.main = finder.main();
        unit.control = finder.control();
        unit.checker = finder.checker();
        for (const auto& [process, fact] :
             {std::pair{record.main.token, unit.main}, {record.control.token, unit.control}}) {
            if (fact.state == ProcessFact::State::alive) {
                tracker.add_process(record.name.data(), static_cast<Token>(process), fact);
            }
        }
        const bool has_process = unit.main.state == ProcessFact::State::alive ||
                                 unit.control.state == ProcessFact::State::alive;
        unit.populated = is_populated(record.name.data(), has_process, tracker, log);
        event.units.push_back(unit);
    }
    say_what_is_there(event, log);
    return event;
}

bool is_worth_restoring(const SavedState& saved,
                        const ProcessTable& table,
                        const ProcessTracker& tracker) {
    if (table.has_taken_over()) {
        return true;
    }
    bool had_processes = false;
    bool has_units_up = false;
    for (const UnitRecord& record : saved.units) {
        if (unit_type_of(record.name.data()) == UnitType::slice) {
            continue;  // it is up whenever svcd is, with svcd itself in it
        }
        const Result<bool> populated = tracker.is_populated(record.name.data());
        if (!populated || *populated) {
            return true;
        }
        if (is_alive(record.main) || is_alive(record.control)) {
            return true;  // somebody has moved it to another cgroup
        }
        had_processes |= record.main.token != 0 || record.control.token != 0;
        has_units_up |= !is_down(traits(static_cast<SubState>(record.sub_state)).active);
    }
    return has_units_up && !had_processes && saved.supervisor.shutting_down == 0;
}

std::optional<Error> takeover_problem(const SavedState& saved, const ProcessTracker& tracker) {
    std::string example;
    std::string root;
    std::size_t others = 0;
    for (const UnitRecord& record : saved.units) {
        const std::string_view unit = record.name.data();
        for (const ProcessRecord* process : {&record.main, &record.control}) {
            if (!is_alive(*process)) {
                continue;
            }
            const Result<std::string> place = tracker.place_of(process->pid);
            const std::optional<std::string> other =
                place ? tracker.other_root_of(*place, unit) : std::nullopt;
            if (other && example.empty()) {
                example = std::string{unit} + " (process " + std::to_string(process->pid) + ")";
                root = *other;
            } else if (other) {
                ++others;
            }
        }
    }
    if (example.empty()) {
        return std::nullopt;
    }
    const std::string rest =
        others == 0 ? " runs in the cgroup "
                    : " and " + count_of(others, "other", "others") + " run in the cgroup ";
    return Error{0, "take over what an earlier svcd left", "to this cgroup",
                 example + rest + root + ", not in " + tracker.root() +
                     "; start svcd with --cgroup=" + root + ", or end them first"};
}

void settle_strangers(const SavedState& saved, ProcessTable& table, Log& log) {
    for (const TableEntry& entry : table.strangers(tokens_in(saved))) {
        if (entry.exited || entry.pid == 0) {
            table.release(entry.token);
            continue;
        }
        kill_process(table, entry, "it belongs to no unit that the state file knows", log);
        table.release(entry.token);  // the launcher reaps it as an orphan
    }
}

}  // namespace svcd
