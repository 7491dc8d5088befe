// Whose processes are whose, and signals to all of a unit's (keepers.h).
#include <algorithm>
#include <csignal>

#include "linux/pidfd.h"
#include "linux/process_tree.h"
#include "linux/procfs.h"
#include "manager/keepers.h"

namespace svcd {
namespace {

/// Who hides deeper below its keeper than this is not found by a look upwards (the sender of a
/// notification); signals reach it all the same.
constexpr int kDepthMax = 512;
constexpr int kSignalRounds = 4;
constexpr int kKillRounds = 16;
constexpr std::size_t kKilledAtOnce = 4096;

bool contains(const std::vector<Pid>& pids, Pid pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

/// a.slice has in it a-b.slice, and -.slice has all.
bool is_slice_in(std::string_view slice, std::string_view outer) {
    constexpr std::string_view kSuffix = ".slice";
    const std::string_view stem = outer.substr(0, outer.size() - kSuffix.size());
    return slice == outer || stem == "-" ||
           (slice.starts_with(stem) && slice.substr(stem.size()).starts_with('-'));
}

}  // namespace

// ── who is whose

Pid Keepers::pid_of(const Known& process) const {
    return process.pid != 0 ? process.pid : table_.look(process.token).pid;
}

bool Keepers::is_alive(const Known& process) const {
    const ProcessFact fact = table_.look(process.token);
    if (fact.state == ProcessFact::State::alive) {
        return true;
    }
    if (fact.state == ProcessFact::State::never_spawned) {
        return is_keeper(process.token);  // its clone is under way
    }
    if (process.start_time == 0 || fact.state == ProcessFact::State::exited) {
        return false;
    }
    const Result<ProcessInfo> info = process_info(process.pid);
    return info && info->start_time == process.start_time && info->state != 'Z';
}

bool Keepers::has_keeper(const Unit& unit) const {
    return std::any_of(unit.keepers.begin(), unit.keepers.end(),
                       [&](const Known& each) { return is_alive(each); });
}

std::string_view Keepers::unit_above(Pid pid) const {
    std::vector<Pid> above;
    Pid session = 0;
    for (int depth = 0; depth < kDepthMax && pid > 1 && pid != launcher_; ++depth) {
        if (const auto keeper = keeper_units_.find(pid); keeper != keeper_units_.end()) {
            return keeper->second;
        }
        const Result<ProcessInfo> info = process_info(pid);
        if (!info) {
            break;
        }
        above.push_back(pid);
        session = info->session;
        pid = info->parent;
    }
    for (const auto& [name, unit] : units_) {
        for (const Known& each : unit.processes) {
            const Pid known = pid_of(each);
            if (known != 0 && is_alive(each) && (contains(above, known) || session == known)) {
                return name;
            }
        }
        if (contains(unit.sessions, session)) {
            return name;
        }
    }
    return {};
}

bool Keepers::has_keeper_above(Pid pid) const {
    for (int depth = 0; depth < kDepthMax && pid > 1 && pid != launcher_; ++depth) {
        if (keeper_units_.contains(pid)) {
            return true;
        }
        const Result<ProcessInfo> info = process_info(pid);
        if (!info) {
            return false;
        }
        pid = info->parent;
    }
    return false;
}

std::vector<Pid> Keepers::orphans(const Unit& unit) const {
    std::vector<Pid> found;
    std::vector<Pid> sessions = unit.sessions;
    for (const Known& each : unit.processes) {
        const Pid pid = pid_of(each);
        if (pid != 0 && is_alive(each) && !has_keeper_above(pid)) {
            found.push_back(pid);
            sessions.push_back(pid);
        }
    }
    if (sessions.empty()) {
        return found;
    }
    for (const Pid pid : children_of(launcher_)) {
        const Result<ProcessInfo> info = process_info(pid);
        if (info && info->state != 'Z' && contains(sessions, info->session) &&
            !contains(found, pid)) {
            found.push_back(pid);
        }
    }
    return found;
}

bool Keepers::is_populated(const Unit& unit) const {
    return has_keeper(unit) || !orphans(unit).empty();
}

// ── all of a unit

std::vector<std::string> Keepers::members(std::string_view unit) const {
    std::vector<std::string> names;
    if (!unit.ends_with(".slice")) {
        names.emplace_back(unit);
        return names;
    }
    for (const auto& [name, each] : units_) {
        if (is_slice_in(each.slice, unit)) {
            names.push_back(name);
        }
    }
    return names;
}

std::vector<Pid> Keepers::processes_of(const Unit& unit,
                                       bool only_killed,
                                       std::size_t limit) const {
    std::vector<Pid> roots;
    if (!only_killed || unit.kills_orphans) {
        roots = orphans(unit);
    }
    std::vector<Pid> keepers;
    for (const Known& each : unit.keepers) {
        if (!is_alive(each) || each.pid == 0 || (only_killed && !each.is_killed)) {
            continue;
        }
        roots.push_back(each.pid);
        const bool has_begun = table_.look(each.process).state != ProcessFact::State::never_spawned;
        if (has_begun) {
            keepers.push_back(each.pid);  // else it will be the process
        }
    }
    std::vector<Pid> pids = with_descendants(roots, limit + keepers.size());
    std::erase_if(pids, [&](Pid pid) { return contains(keepers, pid); });
    return pids;
}

Result<std::vector<Pid>> Keepers::processes(std::string_view unit, std::size_t limit) const {
    std::vector<Pid> all;
    for (const std::string& name : members(unit)) {
        if (const auto found = units_.find(name); found != units_.end()) {
            const std::vector<Pid> its = processes_of(found->second, false, limit - all.size());
            all.insert(all.end(), its.begin(), its.end());
        }
    }
    return all;
}

Result<std::size_t> Keepers::signal(std::string_view unit,
                                    const std::vector<int>& signals,
                                    std::vector<Pid>& reached,
                                    const std::vector<Pid>& except,
                                    std::optional<std::int32_t> value) const {
    std::size_t unsure = 0;
    std::optional<Error> problem;
    const std::vector<std::string> names = members(unit);
    const auto is_its = [&](Pid pid) {
        return std::find(names.begin(), names.end(), unit_above(pid)) != names.end();
    };
    for (int round = 0; round < kSignalRounds; ++round) {
        const Result<std::vector<Pid>> pids = processes(unit);
        bool has_new = false;
        for (const Pid pid : *pids) {
            const bool is_unborn = keeper_units_.contains(pid) && signals.front() != SIGKILL;
            if (is_unborn || contains(reached, pid) || contains(except, pid)) {
                continue;
            }
            const Result<Recipient> recipient = open_recipient(pid);
            if (!recipient || !is_its(pid)) {
                continue;  // gone, and its number may be another's
            }
            const Result<void> first = send_signal(*recipient, signals.front(), value);
            if (!first) {
                if (first.error().error_number != ESRCH) {
                    problem = first.error();
                }
                continue;
            }
            for (std::size_t index = 1; index < signals.size(); ++index) {
                static_cast<void>(send_signal(*recipient, signals[index], value).has_value());
            }
            reached.push_back(pid);
            has_new = true;
            unsure += recipient->pidfd ? 0U : 1U;
        }
        if (!has_new) {
            break;
        }
    }
    if (problem) {
        return Failure{*problem};
    }
    return unsure;
}

bool Keepers::is_being_killed(const Unit& unit) const {
    const bool has_killed =
        std::any_of(unit.keepers.begin(), unit.keepers.end(),
                    [&](const Known& each) { return each.is_killed && is_alive(each); });
    return has_killed || (unit.kills_orphans && !orphans(unit).empty());
}

/// Until none is new: who forks meanwhile is seen at the next look. A keeper that somebody has
/// stopped could not reap; SIGCONT does nothing else to it.
void Keepers::kill_on(const std::string& name, const Unit& unit) const {
    for (const Known& each : unit.keepers) {
        if (each.is_killed && each.pid != 0 && is_alive(each)) {
            if (const Result<Recipient> keeper = open_recipient(each.pid)) {
                static_cast<void>(send_signal(*keeper, SIGCONT).has_value());
            }
        }
    }
    std::vector<Pid> reached;
    for (int round = 0; round < kKillRounds; ++round) {
        const std::size_t before = reached.size();
        for (const Pid pid : processes_of(unit, true, kKilledAtOnce)) {
            const Result<Recipient> recipient = open_recipient(pid);
            if (recipient && unit_above(pid) == name && send_signal(*recipient, SIGKILL) &&
                !contains(reached, pid)) {
                reached.push_back(pid);
            }
        }
        if (reached.size() == before) {
            return;
        }
    }
}

Result<void> Keepers::kill(std::string_view unit) {
    for (const std::string& name : members(unit)) {
        const auto found = units_.find(name);
        if (found == units_.end()) {
            continue;
        }
        for (Known& each : found->second.keepers) {
            each.is_killed = true;
        }
        found->second.kills_orphans = true;
        kill_on(found->first, found->second);
        look_again(kKillPause);
    }
    return {};
}

}  // namespace svcd
