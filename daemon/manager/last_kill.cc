#include "manager/last_kill.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "linux/pidfd.h"

namespace svcd {
namespace {

constexpr Duration kLook{10'000};

bool is_empty(const CgroupTree& cgroups, const std::string& unit) {
    const Result<bool> populated = cgroups.is_populated(unit);
    return populated && !*populated;
}

/// The launcher reaps meanwhile. False: some were not in this time.
bool wait_until_empty(const CgroupTree& cgroups,
                      const std::vector<std::string>& units,
                      Duration patience) {
    const auto is_done = [&](const std::string& unit) { return is_empty(cgroups, unit); };
    for (Duration waited{0}; !std::all_of(units.begin(), units.end(), is_done); waited += kLook) {
        if (waited >= patience) {
            return false;
        }
        ::poll(nullptr, 0, static_cast<int>(kLook.count() / 1000));
    }
    return true;
}

}  // namespace

void kill_process(const ProcessTable& table, const TableEntry& entry, Log& log) {
    const Result<UniqueFd> process = open_pidfd(entry.pid);
    const ProcessFact now = table.look(entry.token);
    if (!process || now.state != ProcessFact::State::alive || now.pid != entry.pid) {
        return;
    }
    if (const auto sent = send_signal(*process, SIGKILL); !sent) {
        log.say(Severity::warning, to_string(sent.error()));
    }
}

void kill_everything(const ProcessTable& table, CgroupTree& cgroups, Log& log) {
    const std::vector<std::string> units = cgroups.existing_units();
    for (const std::string& unit : units) {
        if (const auto killed = cgroups.kill(unit); !killed) {
            log.say(Severity::warning, unit, to_string(killed.error()));
        }
    }
    for (const TableEntry& entry : table.strangers({})) {
        if (!entry.exited && entry.pid != 0) {
            kill_process(table, entry, log);
        }
    }
    wait_until_empty(cgroups, units, kLastKillWait);
    for (const std::string& unit : units) {
        if (const auto removed = cgroups.remove(unit); !removed) {
            log.say(Severity::warning, unit, to_string(removed.error()));
        }
    }
}

void end_left_overs(const ProcessTable& table, CgroupTree& cgroups, Duration left, Log& log) {
    std::vector<std::string> units = cgroups.existing_units();
    std::erase_if(units, [&](const std::string& unit) { return is_empty(cgroups, unit); });
    for (const std::string& unit : units) {
        std::vector<Pid> reached;
        if (const auto sent = cgroups.signal(unit, {SIGTERM, SIGCONT}, reached); !sent) {
            log.say(Severity::warning, unit, to_string(sent.error()));
        }
        log.say(Severity::notice, unit,
                "Has left " + std::to_string(reached.size()) +
                    " processes behind, which end with svcd: SIGTERM");
    }
    if (!wait_until_empty(cgroups, units, std::min(kLeftOverWait, left))) {
        log.say(Severity::warning, "What units have left behind outlives SIGTERM: SIGKILL");
    }
    kill_everything(table, cgroups, log);
}

}  // namespace svcd
