#include "manager/adoption.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <unordered_set>
#include <utility>

#include "linux/pidfd.h"
#include "linux/procfs.h"
#include "manager/file_looks.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

/// Of a unit with more processes than this, those listed first are looked at.
constexpr std::size_t kLookedAtMax = 4096;
/// So long the start of the manager waits for a PID file at most.
constexpr Duration kPidFileLimit{1'000'000};
/// What a start time is rounded down by at most.
constexpr Duration kTick{10'000};

std::int64_t usec_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

/// The kernel counts a start time on a clock that goes on while the machine sleeps.
Time began_at(std::uint64_t start_time) {
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const std::int64_t asleep = usec_of(CLOCK_BOOTTIME) - usec_of(CLOCK_MONOTONIC);
    const auto since_boot = static_cast<std::int64_t>(start_time * 1'000'000 / ticks_per_second);
    return time_from_usec(std::max<std::int64_t>(since_boot - asleep, 1));
}

/// Hands out tokens that no process had before, for slots that are free.
class Tokens {
public:
    Tokens(const SavedState& saved, const ProcessTable& table)
        : serial_(std::max(table.highest_serial(), saved.supervisor.next_serial)) {
        for (const Token token : tokens_in(saved)) {
            take(token);
        }
    }
    void take(Token token) {
        used_.push_back(slot_of(token));
        serial_ = std::max(serial_, serial_of(token));
    }
    Token next() {
        while (std::find(used_.begin(), used_.end(), slot_) != used_.end()) {
            ++slot_;
        }
        return make_token(++serial_, slot_++);
    }
    std::uint64_t next_serial() const { return serial_ + 1; }

private:
    std::vector<std::uint32_t> used_;  ///< of the records and the table: few
    std::uint64_t serial_;
    std::uint32_t slot_ = 0;
};

/// A process that is taken for a unit's main process, and by what.
struct Guess {
    FoundProcess process;
    Token token = Token::none;  ///< of the table; none: it is not in it
    std::string why;
};

using EntriesByUnit = std::map<std::string, std::vector<TableEntry>, std::less<>>;

/// The table's processes, by the unit in whose cgroup they are.
EntriesByUnit living_entries(const ProcessTable& table, const ProcessTracker& tracker) {
    EntriesByUnit found;
    for (const TableEntry& entry : table.strangers({})) {
        if (entry.exited || entry.pid == 0) {
            continue;
        }
        if (const Result<std::string> place = tracker.place_of(entry.pid)) {
            if (const std::string_view unit = tracker.unit_of(*place); !unit.empty()) {
                found[std::string{unit}].push_back(entry);
            }
        }
    }
    return found;
}

std::optional<FoundProcess> look_at(Pid pid) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info) {
        return std::nullopt;
    }
    if (info->state == 'Z' || info->state == 'X') {
        // Only its first thread may have left while others run.
        const Result<UniqueFd> pidfd = open_pidfd(pid);
        if (!pidfd || has_ended(*pidfd)) {
            return std::nullopt;
        }
    }
    return FoundProcess{pid, info->parent, info->start_time, info->name};
}

bool is_older(const FoundProcess& left, const FoundProcess& right) {
    return std::pair{left.start_time, left.pid} < std::pair{right.start_time, right.pid};
}

std::optional<Guess> known_to_the_table(const std::vector<TableEntry>& entries) {
    std::optional<Guess> oldest;
    for (const TableEntry& entry : entries) {
        const std::optional<FoundProcess> process = look_at(entry.pid);
        if (process && (!oldest || is_older(*process, oldest->process))) {
            oldest = Guess{*process, entry.token, "svcd started it"};
        }
    }
    return oldest;
}

std::optional<Guess> named_by_its_file(std::string_view unit,
                                       const std::string& path,
                                       const ProcessTracker& tracker) {
    const Result<Pid> pid = read_pid_file_within(path, kPidFileLimit);
    const Result<std::string> place = pid ? tracker.place_of(*pid) : Failure{pid.error()};
    if (!place || tracker.unit_of(*place) != unit) {
        return std::nullopt;
    }
    const std::optional<FoundProcess> process = look_at(*pid);
    return process ? std::optional{Guess{*process, Token::none, "its PIDFile names it"}}
                   : std::nullopt;
}

std::optional<Guess> guess_main(std::string_view unit,
                                const ServiceSettings* service,
                                const std::vector<TableEntry>& entries,
                                const ProcessTracker& tracker) {
    if (std::optional<Guess> guess = known_to_the_table(entries)) {
        return guess;
    }
    if (service != nullptr && !service->pid_file.empty()) {
        if (std::optional<Guess> guess = named_by_its_file(unit, service->pid_file, tracker)) {
            return guess;
        }
    }
    if (service != nullptr && service->type == ServiceType::forking && !service->guess_main_pid) {
        return std::nullopt;
    }
    const std::optional<FoundProcess> oldest = oldest_process(unit, tracker);
    return oldest ? std::optional{Guess{*oldest, Token::none,
                                        "it is the oldest whose parent is outside of the cgroup"}}
                  : std::nullopt;
}

std::string describe(const std::optional<Guess>& guess, bool has_definition) {
    std::string text = "its record is lost and its cgroup has processes: taken for running, ";
    if (guess) {
        text += "process " + std::to_string(guess->process.pid) + " (" + guess->process.name +
                ") for its main process (" + guess->why + ")";
    } else {
        text += "with no main process";
    }
    return has_definition ? text : text + ". There is no such unit any more; it can be stopped";
}

UnitRecord record_of(std::string_view unit,
                     const ServiceSettings* service,
                     const std::optional<Guess>& main) {
    constexpr std::int64_t kNeverUsec = to_usec(kNever);
    UnitRecord record{};
    std::memcpy(record.name.data(), unit.data(), std::min(unit.size(), kUnitNameMax));
    record.sub_state = static_cast<std::uint8_t>(SubState::running);
    record.flags = kUnitHasRun | kUnitPopulated;
    record.state_deadline = kNeverUsec;
    record.watchdog_deadline = kNeverUsec;
    record.stop_deadline = kNeverUsec;
    record.dump_until = kNeverUsec;
    const std::int64_t now = usec_of(CLOCK_MONOTONIC);
    const std::int64_t since = main ? to_usec(began_at(main->process.start_time)) : now;
    record.state_changed_at = since;
    record.inactive_exit_at = since;
    record.active_enter_at = since;
    if (service != nullptr) {
        record.service_type = static_cast<std::uint8_t>(service->type);
        record.state_deadline = to_usec(after(time_from_usec(since), service->runtime_max));
        // What it is asked to ping for came to it in its environment.
        record.watchdog_interval = service->watchdog.count();
        record.watchdog_deadline = service->watchdog > Duration{0} ? now : kNeverUsec;
        record.flags2 |= service->type == ServiceType::dbus ? kUnitBusNameGood : 0U;
    }
    if (main) {
        record.flags |= kUnitMainIsKnown | kUnitMainIsAdopted;
        record.main_started_at = since;
        record.main_pid_last = main->process.pid;
        record.main.pid = main->process.pid;
        record.main.start_time = main->process.start_time;
        record.main.token = static_cast<std::uint64_t>(main->token);
    }
    return record;
}

void free_others(const std::vector<TableEntry>& entries, Token but, ProcessTable& table) {
    for (const TableEntry& entry : entries) {
        if (entry.token != but) {
            table.release(entry.token);
        }
    }
}

void say_what_is_lost(const ProcessTable& table, bool boots, Log& log) {
    std::size_t ended = 0;
    for (const TableEntry& entry : table.strangers({})) {
        ended += entry.exited ? 1U : 0U;
    }
    log.say(Severity::warning,
            "The records of what runs are lost: what has processes is adopted from its cgroup; "
            "jobs, results, timers and units without processes are forgotten" +
                std::string(boots ? ", and svcd boots as ever"
                                  : ". Nothing is started anew: svctl start does that"));
    if (ended != 0) {
        log.say(
            Severity::warning,
            std::to_string(ended) + " processes have ended of which nobody knows whose they were");
    }
}

SupervisorRecord new_supervisor(bool boots) {
    SupervisorRecord record{};
    record.next_job = 1;
    record.started = boots ? 0 : 1;
    record.exit_status = -1;
    record.shutdown_end = to_usec(kNever);
    return record;
}

}  // namespace

std::optional<FoundProcess> oldest_process(std::string_view unit,
                                           const ProcessTracker& tracker,
                                           Time not_before) {
    Result<std::vector<Pid>> pids = tracker.processes(unit, kLookedAtMax);
    if (!pids) {
        return std::nullopt;
    }
    std::sort(pids->begin(), pids->end());
    std::optional<FoundProcess> oldest;
    for (const Pid pid : *pids) {
        const std::optional<FoundProcess> process = look_at(pid);
        const bool counts = process &&
                            !std::binary_search(pids->begin(), pids->end(), process->parent) &&
                            began_at(process->start_time) + kTick >= not_before;
        if (counts && (!oldest || is_older(*process, *oldest))) {
            oldest = process;
        }
    }
    return oldest;
}

std::vector<std::string> unrecorded_services(const SavedState* saved,
                                             bool is_whole,
                                             const ProcessTable& table,
                                             const ProcessTracker& tracker) {
    std::unordered_set<std::string_view> recorded;
    if (saved != nullptr) {
        for (const UnitRecord& record : saved->units) {
            recorded.insert(record.name.data());
        }
    }
    std::vector<std::string> units = tracker.existing_units();
    std::erase_if(units, [&](const std::string& unit) {
        if (unit_type_of(unit) != UnitType::service || recorded.contains(unit) ||
            unit.size() > kUnitNameMax) {
            return true;
        }
        const Result<bool> populated = tracker.is_populated(unit);
        return populated && !*populated;
    });
    if (is_whole && table.has_taken_over() && !units.empty()) {
        // What a unit that is gone has left over has no record either, but no process of ours.
        const EntriesByUnit living = living_entries(table, tracker);
        std::erase_if(units, [&](const std::string& unit) { return !living.contains(unit); });
    }
    return units;
}

void adopt_from_cgroups(const std::vector<std::string>& units,
                        const DefinitionOf& definition_of,
                        ProcessTable& table,
                        const ProcessTracker& tracker,
                        SavedState& saved,
                        Log& log) {
    if (saved.supervisor.next_serial == 0) {
        const bool boots = !table.has_taken_over();
        say_what_is_lost(table, boots, log);
        saved.supervisor = new_supervisor(boots);
    }
    const EntriesByUnit living = living_entries(table, tracker);
    static const std::vector<TableEntry> kNone;
    Tokens tokens{saved, table};
    std::vector<UnitRecord> made;
    for (const std::string& unit : units) {
        const UnitDefinition* definition = definition_of(unit);
        const ServiceSettings* service =
            definition != nullptr ? definition->service.get() : nullptr;
        const auto entries = living.find(unit);
        const std::vector<TableEntry>& its = entries != living.end() ? entries->second : kNone;
        const std::optional<Guess> main = guess_main(unit, service, its, tracker);
        log.say(Severity::warning, unit, describe(main, service != nullptr));
        free_others(its, main ? main->token : Token::none, table);
        made.push_back(record_of(unit, service, main));
        if (main && main->token != Token::none) {
            tokens.take(main->token);
        }
    }
    for (UnitRecord& record : made) {  // once all slots that are in use are known
        if (record.main.pid != 0 && record.main.token == 0) {
            record.main.token = static_cast<std::uint64_t>(tokens.next());
        }
    }
    saved.units.insert(saved.units.end(), made.begin(), made.end());
    saved.supervisor.next_serial = tokens.next_serial();
}

}  // namespace svcd
