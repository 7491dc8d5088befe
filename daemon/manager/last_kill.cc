#include "manager/last_kill.h"

#include <poll.h>

#include <algorithm>
#include <csignal>

#include "linux/pidfd.h"

namespace svcd {
namespace {

constexpr Duration kLook{10'000};

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
    const auto is_gone = [&](const std::string& unit) {
        const Result<bool> populated = cgroups.is_populated(unit);
        return populated && !*populated;
    };
    for (Duration waited{0}; waited < kLastKillWait; waited += kLook) {
        if (std::all_of(units.begin(), units.end(), is_gone)) {
            break;
        }
        ::poll(nullptr, 0, static_cast<int>(kLook.count() / 1000));
    }
    for (const std::string& unit : units) {
        if (const auto removed = cgroups.remove(unit); !removed) {
            log.say(Severity::warning, unit, to_string(removed.error()));
        }
    }
}

}  // namespace svcd
