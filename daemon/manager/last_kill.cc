#include "manager/last_kill.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "linux/pidfd.h"
#include "linux/procfs.h"

namespace svcd {
namespace {

constexpr Duration kLook{10'000};
/// Of one unit; a line that names all of a fork bomb is of no use to anybody.
constexpr std::size_t kNamedMax = 16;

/// "812 (dd)", or "812" when it is gone.
std::string name_of(Pid pid) {
    const Result<ProcessInfo> info = process_info(pid);
    return std::to_string(pid) + (info ? " (" + info->name + ")" : "");
}

/// "812 (dd), 815 (sh) and 3 more".
std::string names_of(const std::vector<Pid>& pids) {
    std::string text;
    for (std::size_t index = 0; index < std::min(pids.size(), kNamedMax); ++index) {
        text += (index == 0 ? "" : ", ") + name_of(pids[index]);
    }
    return pids.size() <= kNamedMax
               ? text
               : text + " and " + std::to_string(pids.size() - kNamedMax) + " more";
}

void say_who_gets_sigkill(const ProcessTracker& tracker, const std::string& unit, Log& log) {
    const Result<std::vector<Pid>> pids = tracker.processes(unit);
    if (pids && !pids->empty()) {
        log.say(Severity::warning, unit, "SIGKILL to what is left of it: " + names_of(*pids));
    }
}

bool is_empty(const ProcessTracker& tracker, const std::string& unit) {
    const Result<bool> populated = tracker.is_populated(unit);
    return populated && !*populated;
}

/// The launcher reaps meanwhile. False: some were not in this time.
bool wait_until_empty(const ProcessTracker& tracker,
                      const std::vector<std::string>& units,
                      Duration patience) {
    const auto is_done = [&](const std::string& unit) { return is_empty(tracker, unit); };
    for (Duration waited{0}; !std::all_of(units.begin(), units.end(), is_done); waited += kLook) {
        if (waited >= patience) {
            return false;
        }
        ::poll(nullptr, 0, static_cast<int>(kLook.count() / 1000));
    }
    return true;
}

}  // namespace

void kill_process(const ProcessTable& table,
                  const TableEntry& entry,
                  std::string_view why,
                  Log& log) {
    const Result<Recipient> process = open_recipient(entry.pid);
    const ProcessFact now = table.look(entry.token);
    if (!process || now.state != ProcessFact::State::alive || now.pid != entry.pid) {
        return;
    }
    log.say(Severity::warning,
            "SIGKILL to process " + name_of(entry.pid) + ": " + std::string(why));
    if (const auto sent = send_signal(*process, SIGKILL); !sent) {
        log.say(Severity::warning, to_string(sent.error()));
    }
}

void kill_everything(const ProcessTable& table, ProcessTracker& tracker, Log& log) {
    const std::vector<std::string> units = tracker.existing_units();
    for (const std::string& unit : units) {
        say_who_gets_sigkill(tracker, unit, log);
        if (const auto killed = tracker.kill(unit); !killed) {
            log.say(Severity::warning, unit, to_string(killed.error()));
        }
    }
    for (const TableEntry& entry : table.strangers({})) {
        if (!entry.exited && entry.pid != 0) {
            kill_process(table, entry, "svcd ends, and it is svcd's own", log);
        }
    }
    wait_until_empty(tracker, units, kLastKillWait);
    for (const std::string& unit : units) {
        if (const auto removed = tracker.remove(unit); !removed) {
            log.say(Severity::warning, unit, to_string(removed.error()));
        }
    }
}

void end_left_overs(const ProcessTable& table, ProcessTracker& tracker, Duration left, Log& log) {
    std::vector<std::string> units = tracker.existing_units();
    std::erase_if(units, [&](const std::string& unit) { return is_empty(tracker, unit); });
    for (const std::string& unit : units) {
        std::vector<Pid> reached;
        if (const auto sent = tracker.signal(unit, {SIGTERM, SIGCONT}, reached); !sent) {
            log.say(Severity::warning, unit, to_string(sent.error()));
        }
        log.say(Severity::notice, unit,
                "SIGTERM to what it has left behind, which ends with svcd: " + names_of(reached));
    }
    if (!wait_until_empty(tracker, units, std::min(kLeftOverWait, left))) {
        log.say(Severity::warning, "What units have left behind outlives SIGTERM: SIGKILL");
    }
    kill_everything(table, tracker, log);
}

}  // namespace svcd
