// Checks of the settings of a service, and of how its last stops went.
#include <algorithm>

#include "doctor.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "file_change.h"
#include "reasons.h"

namespace svcd {
namespace {

constexpr Usec kDefaultStop = 90'000'000;  // TimeoutStopSec of a unit that doesn't set it

bool lists(const Json& properties, const char* list, const std::string& name) {
    const auto names = properties.find(list);
    return names != properties.end() && names->is_array() &&
           std::ranges::find(*names, Json(name)) != names->end();
}

std::vector<std::string> names_in(const Json& properties, const char* list) {
    const auto names = properties.find(list);
    std::vector<std::string> found;
    if (names != properties.end() && names->is_array()) {
        for (const Json& name : *names) {
            found.push_back(name.get<std::string>());
        }
    }
    return found;
}

bool is_pulled_in(const Json& properties, const std::string& name) {
    return std::ranges::any_of(
        std::initializer_list<const char*>{"Requires", "Requisite", "BindsTo", "Wants", "Upholds",
                                           "PartOf", "Conflicts"},
        [&](const char* list) { return lists(properties, list, name); });
}

/// Does the unit still have this command? The record cuts long ones.
bool has_still(const Json& properties, const StopEvent& exit) {
    const auto commands = properties.find(exit.setting);
    if (commands == properties.end() || !commands->is_array()) {
        return true;  // nobody knows
    }
    return std::ranges::any_of(*commands, [&](const Json& row) {
        if (!row.is_array() || row.size() < 2) {
            return false;
        }
        std::string line;
        for (const Json& word : row.at(1)) {
            line += (line.empty() ? "" : " ") + word.get<std::string>();
        }
        return line.starts_with(exit.command);
    });
}

bool is_end_of_command(const StopEvent& event) {
    return event.what == "exit" && event.role == "control" && event.setting.starts_with("ExecStop");
}

/// The record without the commands that the unit has no more.
StopRecord of_present_commands(StopRecord record, const Json& properties) {
    std::erase_if(record.events, [&](const StopEvent& event) {
        return is_end_of_command(event) && !has_still(properties, event);
    });
    return record;
}

}  // namespace

void check_budget(const Patient& patient, Findings& findings) {
    const Usec stop = number_of(patient.properties, "TimeoutStopUSec");
    const Usec given = std::min(patient.shutdown_limit, patient.budget);
    // The default is nobody's wish.
    if (given == kUsecInfinity || !is_moment(stop) || stop <= given || stop == kDefaultStop) {
        return;
    }
    findings.push_back(
        {Severity::warning, "exceeds-budget",
         "its TimeoutStopSec (" + short_time(stop) + ") does not fit the shutdown's budget (" +
             short_time(patient.budget) +
             "): with the units that it waits for and that wait for "
             "it, a shutdown may give it no more than " +
             short_time(given) + ", and then SIGKILL",
         "TimeoutStopSec: what each of them really needs ('svctl plan poweroff' shows the chain); "
         "or a larger ShutdownBudgetSec in svcd.yaml."});
}

void check_unlimited_stop(const Patient& patient, Findings& findings) {
    const Usec stop = number_of(patient.properties, "TimeoutStopUSec");
    if (stop == kUsecInfinity || (stop != 0 && !is_moment(stop))) {
        findings.push_back({Severity::warning, "no-stop-limit",
                            "its TimeoutStopSec is infinity: one process that does not end keeps a "
                            "stop, a restart and the shutdown waiting for ever",
                            "TimeoutStopSec: what it needs at worst."});
    }
    if (!sends_sigkill(patient)) {
        findings.push_back({Severity::warning, "no-sigkill",
                            "SendSIGKILL is off: what does not act on the stop signal lives on "
                            "after the stop",
                            "SendSIGKILL: yes, unless a SIGKILL would cost data."});
    }
}

/// A command that svcd had to end, or that failed, the last time that it ran in a stop.
void check_past_exec_stops(const Patient& patient, Findings& findings) {
    for (const StopRecord& each : patient.records) {
        const bool is_newest = &each == &patient.records.front();
        const StopRecord record = of_present_commands(each, patient.properties);
        const auto cut = exec_stop_cut(record);
        const auto found = cut || failure_of(record) == nullptr ? cut : exec_stop_failed(record);
        if (found) {
            findings.push_back(
                {cut ? Severity::problem : Severity::warning, found->kind,
                 (is_newest ? "in its last stop " : "in an earlier stop ") + found->text,
                 found->mend});
            return;
        }
        if (std::ranges::any_of(record.events, is_end_of_command)) {
            return;  // it has gone well since
        }
    }
}

void check_past_stops(const Patient& patient, Findings& findings) {
    constexpr std::uint64_t kNear = 50;
    constexpr std::uint64_t kVeryNear = 80;
    constexpr std::uint64_t kWhole = 100;
    const std::string unit = text_of(patient.properties, "Id");
    std::size_t killed = 0;
    std::uint64_t worst = 0;
    bool is_command = false;
    for (const StopRecord& record : patient.records) {
        const StopEvent* kill = first_sigkill(record);
        const bool in_vain =
            record.sigkill_at_deadline || (kill != nullptr && kill->cause == "deadline");
        killed += in_vain ? 1 : 0;
        const std::uint64_t share =
            in_vain || record.result != "success" ? 0 : share_of_limit(record);
        if (share > worst && share <= kWhole) {  // more of it is svcd's delay
            worst = share;
            is_command = exec_stop_is_near(record);
        }
    }
    const bool is_only = patient.records.size() == 1;
    const std::string of = " of its last " + std::to_string(patient.records.size()) + " stops";
    if (killed > 0) {
        findings.push_back({Severity::problem, "needed-sigkill",
                            (is_only ? "its last stop" : std::to_string(killed) + of) +
                                " needed SIGKILL, since it had not ended in time",
                            "'svctl explain " + unit + "' says what kept it."});
    }
    if (worst >= kNear) {
        const std::string next = is_command               ? "; a little more and svcd cuts it short"
                                 : sends_sigkill(patient) ? "; a little more and SIGKILL comes"
                                                          : "";
        findings.push_back(
            {worst >= kVeryNear ? Severity::warning : Severity::note, "slow-stop",
             (is_only ? "its last stop" : "the slowest" + of) + " took " + std::to_string(worst) +
                 " % of its limit" + next,
             "TimeoutStopSec: more; or have the service end sooner ('svctl explain " + unit +
                 "')."});
    }
}

void check_double_fork(const Patient& patient, Findings& findings) {
    const std::string type = text_of(patient.properties, "Type");
    if (patient.records.empty() || (type != "simple" && type != "exec")) {
        return;
    }
    const StopRecord& last = patient.records.front();
    std::vector<ProcessId> left;
    for (const ProcessFacts& process : lived_on_after_main(last)) {
        if (process.origin == "main") {
            left.push_back(process.pid);
        }
    }
    const bool by_itself =
        !last.asked_by && !last.shutdown && last.main_code == "exited" && last.main_status == 0;
    if (!by_itself || left.empty()) {
        return;
    }
    findings.push_back(
        {Severity::problem, "double-fork",
         "with Type: " + type + " its main process ended by itself with status 0 and left " +
             pids_text(left) +
             " behind, as a program does that goes into the background; "
             "svcd took that for the end and stopped them",
         "Have the program stay in the foreground (an option like -f, --foreground, 'daemon off'); "
         "or Type: forking with PIDFile."});
}

void check_order(const Patient& patient, Findings& findings) {
    for (const char* need : {"Requires", "BindsTo", "Requisite"}) {
        for (const std::string& name : names_in(patient.properties, need)) {
            const bool ordered = lists(patient.properties, "After", name) ||
                                 lists(patient.properties, "Before", name);
            if (!ordered && !name.ends_with(".slice") && !patient.missing.contains(name)) {
                findings.push_back({Severity::warning, "need-without-order",
                                    std::string{need} + ": " + name +
                                        " without After: both start at once, and stop at once",
                                    "After: " + name + ", if it must be there first."});
            }
        }
    }
    for (const std::string& name : names_in(patient.properties, "After")) {
        const auto known = patient.active_states.find(name);
        // A unit that has failed was started, so the order had its effect.
        const bool was_up = known != patient.active_states.end() && known->second != "inactive";
        if (name.ends_with(".service") && !was_up && !is_pulled_in(patient.properties, name)) {
            findings.push_back(
                {Severity::note, "order-without-need",
                 "After: " + name +
                     ", which does not run and which it does not "
                     "pull in: the order has an effect only when both are in one start or stop",
                 "Wants: " + name + ", if it is needed; else remove it from After."});
        }
    }
}

/// A service that runs may have lost the programs and files that its next start, or its stop,
/// needs.
void check_named_files(const Patient& patient, Findings& findings) {
    for (const FileFault& each : patient.file_faults) {
        findings.push_back(
            {each.severity, each.kind,
             each.setting + ": " + each.text +
                 (each.is_mended ? "; that is mended in the unit's file, which is not loaded yet"
                                 : ""),
             each.is_mended ? "'svctl daemon-reload' reads the file." : each.mend});
    }
}

/// Nobody has pinged since it is up. Before half of WatchdogSec is over that is usual, and a word
/// only for who asks for this very unit.
void check_watchdog(const Patient& patient, Findings& findings) {
    const Usec limit = number_of(patient.properties, "WatchdogUSec");
    const Usec up_since = number_of(patient.properties, "ActiveEnterTimestampMonotonic");
    const Usec pinged = number_of(patient.properties, "WatchdogTimestampMonotonic");
    if (limit == 0 || limit == kUsecInfinity || number_of(patient.properties, "MainPID") == 0 ||
        text_of(patient.properties, "ActiveState") != "active" || pinged >= up_since) {
        return;
    }
    const Usec up = patient.now_monotonic > up_since ? patient.now_monotonic - up_since : 0;
    const bool is_late = up >= limit / 2;
    if (!is_late && !patient.is_named) {
        return;
    }
    findings.push_back({is_late ? Severity::warning : Severity::note, "watchdog-without-ping",
                        "it has not sent WATCHDOG=1 in the " + short_time(up) +
                            " that it is up: svcd ends it when none comes in WatchdogSec (" +
                            short_time(limit) + ")",
                        "Have the program send WATCHDOG=1 (NotifyAccess has to allow the process "
                        "that does), or leave WatchdogSec out."});
}

/// Tells which wishes of the section Install have no link. It speaks only to a person who names the
/// unit, for a unit that is not enabled is no mistake.
void check_install(const Patient& patient, Findings& findings) {
    struct Wish {
        std::string_view key;
        const char* list;
        const char* folder;
    };
    constexpr Wish kWishes[] = {{"WantedBy=", "WantedBy", ".wants"},
                                {"RequiredBy=", "RequiredBy", ".requires"},
                                {"UpheldBy=", "UpheldBy", ".upholds"}};
    const std::string unit = text_of(patient.properties, "Id");
    const std::string path = text_of(patient.properties, "FragmentPath");
    const std::string folder = path.substr(0, std::min(path.rfind('/'), path.size()));
    const bool is_of_package = path.starts_with("/usr/");
    for (const std::string& line : names_in(patient.properties, "Install")) {
        for (const Wish& wish : kWishes) {
            const std::string by = line.substr(std::min(wish.key.size(), line.size()));
            if (!patient.is_named || !line.starts_with(wish.key) ||
                lists(patient.properties, wish.list, by)) {
                continue;
            }
            const std::string links =
                (is_of_package ? "/etc/svcd/units" : folder) + "/" + by + wish.folder;
            const std::string target = is_of_package ? path : ".." + path.substr(folder.size());
            findings.push_back({Severity::note, "not-enabled",
                                "Install: " + std::string{wish.list} + ": " + by +
                                    " is a wish for 'enable', which svcd doesn't have yet, and "
                                    "there is no link that does it",
                                "mkdir -p " + links + "; ln -s " + target + " " + links + "/" +
                                    unit + ".yaml; svctl daemon-reload"});
        }
    }
}

void check_changed_file(const Patient& patient, Findings& findings) {
    const auto change = file_change(patient.properties);
    // A fault of the files is a finding of its own.
    if (!change || !load_error_text(patient.properties).empty()) {
        return;
    }
    const Json& gone = patient.properties.value("GoneFiles", Json::array());
    findings.push_back({Severity::warning, "file-changed", change->text,
                        gone.empty()
                            ? "'svctl daemon-reload', then a restart if the change needs one."
                            : change->mend});
}

void check_pid_file(const Patient& patient, Findings& findings) {
    const std::string path = text_of(patient.properties, "PIDFile");
    if (path.empty() || text_of(patient.properties, "ActiveState") != "active") {
        return;
    }
    const std::string main = std::to_string(number_of(patient.properties, "MainPID"));
    if (!patient.pid_file) {
        findings.push_back({Severity::warning, "pid-file-missing",
                            "its PIDFile " + path +
                                " can't be read: svcd can't see from it which "
                                "process is the main one",
                            "PIDFile: where the service really writes it."});
        return;
    }
    const std::string text = patient.pid_file->substr(0, patient.pid_file->find('\n'));
    if (text != main) {
        findings.push_back(
            {Severity::warning, "pid-file-stale",
             "its PIDFile " + path + " says '" + text + "', but the main process is PID " + main,
             "Write " + main +
                 " into it, and find out who else writes there; or have the service "
                 "write its PID there when it starts."});
    }
}

}  // namespace svcd
