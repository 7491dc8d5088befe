#include "manager/keepers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "linux/pidfd.h"
#include "linux/process_tree.h"
#include "linux/procfs.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr Duration kLookPause{200'000};
/// How long the start of a manager waits for a keeper to end that has started nothing yet.
constexpr int kEndWaitMs = 1000;
constexpr std::size_t kCommandLineMax = 64 * 1024;

/// "svcd-exec UNIT SLICE": what a manager gave it.
struct KeeperWords {
    std::string unit;  ///< empty: it is no keeper
    std::string slice;
};

KeeperWords words_of_keeper(Pid keeper) {
    constexpr std::string_view kName{"svcd-exec\0", 10};
    const std::string path = "/proc/" + std::to_string(keeper) + "/cmdline";
    const Result<std::string> text = read_file_at(AT_FDCWD, path.c_str(), kCommandLineMax);
    KeeperWords words;
    if (text && text->starts_with(kName)) {
        words.unit = text->c_str() + kName.size();
        const std::size_t next = kName.size() + words.unit.size() + 1;
        words.slice = next < text->size() ? text->c_str() + next : "";
    }
    return words;
}

void end_and_wait(Pid pid) {
    const Result<UniqueFd> pidfd = open_pidfd(pid);
    if (pidfd && send_signal(*pidfd, SIGKILL)) {
        pollfd end{pidfd->get(), POLLIN, 0};
        ::poll(&end, 1, kEndWaitMs);
    }
}

}  // namespace

Result<std::unique_ptr<Keepers>> Keepers::open(Pid launcher, ProcessTable& table) {
    if (const Result<ProcessInfo> own = process_info(::getpid()); !own) {
        return failure(own.error().error_number, "find processes", "in /proc",
                       "no cgroup can be written here, and without /proc nobody can tell which "
                       "processes are a service's; mount it ('mount -t proc proc /proc')");
    }
    UniqueFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!timer) {
        return failure(errno, "timerfd_create");
    }
    std::unique_ptr<Keepers> keepers{new Keepers{launcher, table, std::move(timer)}};
    for (const TableEntry& entry : table.keepers()) {
        keepers->take_up(entry);
    }
    return keepers;
}

Keepers::Keepers(Pid launcher, ProcessTable& table, UniqueFd timer)
    : launcher_(launcher), table_(table), timer_(std::move(timer)) {}

/// One whose manager died before it had started its process is ended: whether that is there has to
/// be known before anybody asks.
void Keepers::take_up(const TableEntry& keeper) {
    if (keeper.exited) {
        return;  // its exit is reported again
    }
    if (keeper.pid == 0) {
        table_.release(keeper.token);
        return;
    }
    const Token process = table_.kept_by(keeper.token);
    const auto [unit, slice] = words_of_keeper(keeper.pid);
    if (table_.look(process).state == ProcessFact::State::never_spawned) {
        end_and_wait(keeper.pid);
    }
    if (!unit.empty()) {
        units_[unit].slice = slice;
        units_[unit].keepers.push_back(Known{keeper.token, keeper.pid, 0, process});
        if (process != Token::none) {
            units_[unit].processes.push_back(Known{process});
        }
        keeper_units_[keeper.pid] = unit;
    }
}

// ── spawns

Result<std::atomic<std::int32_t>*> Keepers::claim(std::string_view unit, Token process) {
    const Result<ProcessTable::KeeperSlot> slot = table_.claim_for_keeper(process);
    if (!slot) {
        return Failure{slot.error()};
    }
    Unit& its = units_[std::string{unit}];
    its.kills_orphans = its.kills_orphans && !orphans(its).empty();
    std::erase_if(its.processes, [&](const Known& each) { return !is_alive(each); });
    its.keepers.push_back(Known{slot->token, 0, 0, process});
    its.processes.push_back(Known{process});
    return slot->pid;
}

void Keepers::started(std::string_view unit, Token process, Pid keeper) {
    const auto found = units_.find(unit);
    for (Known& each : found->second.keepers) {
        if (each.process == process) {
            each.pid = keeper;
        }
    }
    keeper_units_[keeper] = found->first;
}

void Keepers::not_started(std::string_view unit, Token process) {
    Unit& its = units_.find(unit)->second;
    for (const Known& each : its.keepers) {
        if (each.process == process) {
            table_.release(each.token);
        }
    }
    std::erase_if(its.keepers, [&](const Known& each) { return each.process == process; });
    std::erase_if(its.processes, [&](const Known& each) { return each.token == process; });
}

Keepers::Ended Keepers::ended(const ExitRecord& record) {
    Ended told;
    const auto owner = keeper_units_.find(record.pid);
    if (owner != keeper_units_.end()) {
        told.unit = owner->second;
        keeper_units_.erase(owner);
    }
    table_.release(record.token);
    const auto found = units_.find(told.unit);
    if (found == units_.end()) {
        return told;
    }
    Unit& unit = found->second;
    std::erase_if(unit.keepers, [&](const Known& each) { return each.token == record.token; });
    if (record.code == ExitCode::exited) {
        return told;
    }
    for (const Known& each : unit.processes) {
        unit.sessions.push_back(pid_of(each));
    }
    std::erase(unit.sessions, 0);
    unit.is_watched = true;
    look_again(kLookPause);
    told.note = "its keeper (svcd-exec, PID " + std::to_string(record.pid) +
                ") was killed by somebody. svcd goes on with the processes that it started and "
                "their sessions; what has left both is not found any more";
    return told;
}

// ── ProcessTracker

std::string_view Keepers::kind_for(std::string_view unit) const {
    const auto found = units_.find(unit);
    return found == units_.end() || orphans(found->second).empty() ? "keeper" : "untracked";
}

Result<std::string> Keepers::place_of(Pid pid) const {
    if (const Result<ProcessInfo> info = process_info(pid); !info) {
        return Failure{info.error()};
    }
    return std::string{unit_above(pid)};
}

std::string Keepers::describe(std::string_view place) const {
    return place.empty() ? "it descends from no keeper of svcd's"
                         : "it descends from the keeper of " + std::string{place};
}

Result<UniqueFd> Keepers::ensure(std::string_view unit, std::string_view slice) {
    if (!slice.empty()) {
        units_[std::string{unit}].slice = slice;
    }
    return UniqueFd{};
}

std::string Keepers::slice_of(std::string_view unit) const {
    const auto found = units_.find(unit);
    return found == units_.end() ? std::string{} : found->second.slice;
}

Result<void> Keepers::remove(std::string_view unit) {
    const auto found = units_.find(unit);
    if (found != units_.end()) {
        if (is_populated(found->second)) {
            return failure(EBUSY, "forget the processes of", std::string{unit});
        }
        units_.erase(found);
    }
    return {};
}

Result<bool> Keepers::is_populated(std::string_view unit) const {
    const std::vector<std::string> names = members(unit);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        const auto found = units_.find(name);
        return found != units_.end() && is_populated(found->second);
    });
}

std::vector<std::string> Keepers::existing_units() const {
    std::vector<std::string> names;
    for (const auto& [name, unit] : units_) {
        names.push_back(name);
    }
    return names;
}

bool Keepers::is_reaper(Pid pid, std::string_view unit) const {
    const auto found = keeper_units_.find(pid);
    return found != keeper_units_.end() && found->second == unit;
}

void Keepers::add_process(std::string_view unit, Token process, const ProcessFact& fact) {
    Unit& its = units_[std::string{unit}];
    const bool is_known = std::any_of(its.processes.begin(), its.processes.end(),
                                      [&](const Known& each) { return each.token == process; });
    if (!is_known) {
        its.processes.push_back(
            Known{process, fact.is_foreign ? fact.pid : 0, fact.is_foreign ? fact.start_time : 0});
    }
    if (fact.is_foreign) {
        adopt_keeper_of(std::string{unit}, fact.pid);
        its.is_watched = true;
        look_again(kLookPause);
    }
}

/// Of an svcd before this one: it goes on reaping, but writes into a table that nobody reads.
void Keepers::adopt_keeper_of(const std::string& unit, Pid pid) {
    const Result<ProcessInfo> info = process_info(pid);
    const Result<ProcessInfo> parent = info ? process_info(info->parent) : Failure{info.error()};
    const KeeperWords words = parent ? words_of_keeper(parent->pid) : KeeperWords{};
    if (words.unit == unit && !keeper_units_.contains(parent->pid)) {
        units_[unit].slice = words.slice;
        units_[unit].keepers.push_back(Known{Token::none, parent->pid, parent->start_time});
        keeper_units_[parent->pid] = unit;
    }
}

void Keepers::dispatch(const std::function<void(std::string_view unit)>& emptied,
                       const std::function<void(std::string_view unit)>& /*oom_killed*/) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &count, sizeof count);
    Duration pause = kInfinity;
    std::vector<std::string> empty;
    for (auto& [name, unit] : units_) {
        if (is_being_killed(unit)) {
            kill_on(name, unit);
            pause = std::min(pause, kKillPause);
        } else if (unit.is_watched && is_populated(unit)) {
            pause = std::min(pause, kLookPause);
        } else if (unit.is_watched || unit.kills_orphans) {
            unit.is_watched = false;
            unit.kills_orphans = false;
            if (!is_populated(unit)) {
                unit.sessions.clear();
                empty.push_back(name);
            }
        }
    }
    if (pause != kInfinity) {
        look_again(pause);
    }
    // Names: what is called may forget the unit.
    for (const std::string& name : empty) {
        emptied(name);
    }
}

void Keepers::look_again(Duration pause) const {
    itimerspec wanted{};
    if (::timerfd_gettime(timer_.get(), &wanted) == 0) {
        const Duration left{wanted.it_value.tv_sec * 1'000'000 + wanted.it_value.tv_nsec / 1'000};
        if (left > Duration{0} && left <= pause) {
            return;
        }
    }
    wanted = itimerspec{};
    wanted.it_value.tv_sec = pause.count() / 1'000'000;
    wanted.it_value.tv_nsec = pause.count() % 1'000'000 * 1'000;
    ::timerfd_settime(timer_.get(), 0, &wanted, nullptr);
}

}  // namespace svcd
