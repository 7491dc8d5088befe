// Checks of what the processes of a running service would do with the stop signal. A mask of
// signals tells only what a process looks like: where a stop was measured, that counts; and who may
// be ended by another process of the service is not accused.
#include <algorithm>

#include "doctor.h"
#include "explain_words.h"
#include "messages.h"
#include "reasons.h"

namespace svcd {
namespace {

using Processes = std::vector<const ProcessFacts*>;

std::string stop_signal(const Patient& patient) {
    return signal_name(static_cast<int>(number_of(patient.properties, "KillSignal", 15)));
}

const ProcessFacts* main_process(const Patient& patient) {
    const auto pid = static_cast<ProcessId>(number_of(patient.properties, "MainPID"));
    const auto found = std::ranges::find(patient.processes, pid, &ProcessFacts::pid);
    return pid == 0 || found == patient.processes.end() ? nullptr : &*found;
}

std::string shown(const Processes& processes) {
    if (processes.size() == 1) {
        return pid_text(processes.front()->pid, processes.front()->name);
    }
    std::vector<ProcessId> pids;
    for (const ProcessFacts* process : processes) {
        pids.push_back(process->pid);
    }
    return pids_text(pids);
}

/// Says how long a stop takes when the signal does nothing.
std::string costs(const Patient& patient) {
    const Usec limit = number_of(patient.properties, "TimeoutStopUSec", kUsecInfinity);
    return "unless something else ends it, a stop " +
           (!is_moment(limit)
                ? std::string{"never ends, since TimeoutStopSec is infinity"}
                : "takes all of TimeoutStopSec (" + short_time(limit) + ") and " +
                      (sends_sigkill(patient) ? "ends with SIGKILL" : "leaves it running"));
}

/// Does the process do something of its own when the signal comes?
bool takes(const Patient& patient, const ProcessFacts& process, const std::string& signal) {
    const bool reads_it =
        process.blocked.contains(signal) && !patient.blockers.contains(process.pid);
    return process.caught.contains(signal) || reads_it;
}

/// Returns the processes that nothing but the stop signal is known to end. A main process that
/// takes the signal may end its children itself, and so may a command of the unit.
Processes left_to_the_signal(const Patient& patient) {
    const std::string mode = text_of(patient.properties, "KillMode");
    const ProcessFacts* main = main_process(patient);
    const bool main_only = mode == "mixed" || mode == "process";
    Processes found;
    if (mode == "none" || !patient.properties.value("ExecStop", Json::array()).empty() ||
        has_stopped_well(patient)) {
        return found;
    }
    const bool ends_others = main != nullptr && takes(patient, *main, stop_signal(patient));
    for (const ProcessFacts& process : patient.processes) {
        if (&process == main || (!main_only && !ends_others)) {
            found.push_back(&process);
        }
    }
    return found;
}

template <typename Question>
Processes deaf_ones(const Patient& patient, Question&& is_deaf) {
    Processes found = left_to_the_signal(patient);
    const bool hangs_up = truth_of(patient.properties, "SendSIGHUP");
    std::erase_if(found, [&](const ProcessFacts* process) {
        const bool hears_hang_up = hangs_up && !process->ignored.contains("SIGHUP") &&
                                   !process->blocked.contains("SIGHUP");
        return hears_hang_up || !is_deaf(*process);
    });
    return found;
}

/// The command that a stop was of is the one that runs now. Where nobody knows, it is.
bool is_of_this_command(const Patient& patient, const StopRecord& record) {
    const Json commands = patient.properties.value("ExecStart", Json::array());
    if (commands.empty() || !commands[0].is_array() || commands[0].size() < 2 ||
        !commands[0][1].is_array() || record.command.empty()) {
        return true;
    }
    std::string command;
    for (const Json& word : commands[0][1]) {
        command += (command.empty() ? "" : " ") + (word.is_string() ? word.get<std::string>() : "");
    }
    return command.starts_with(record.command);  // which may be cut short
}

}  // namespace

bool sends_sigkill(const Patient& patient) {
    const auto kills = patient.properties.find("SendSIGKILL");
    return kills == patient.properties.end() || *kills != false;
}

bool has_stopped_well(const Patient& patient) {
    const auto newest = std::ranges::find_if(patient.records, [](const StopRecord& record) {
        return (record.asked_by || record.shutdown) && first_stop_signal(record) != nullptr;
    });
    if (newest == patient.records.end()) {
        return false;
    }
    return newest->duration && newest->result == "success" && !newest->sigkill &&
           !newest->left_over && newest->kill_mode == text_of(patient.properties, "KillMode") &&
           newest->stop_signal == stop_signal(patient) &&
           newest->began_realtime >= patient.program_changed &&
           is_of_this_command(patient, *newest);
}

void check_shell(const Patient& patient, Findings& findings) {
    const ProcessFacts* main = main_process(patient);
    const std::string mode = text_of(patient.properties, "KillMode");
    if (main == nullptr || !is_shell(*main) || main->caught.contains(stop_signal(patient)) ||
        (mode != "mixed" && mode != "process") || has_stopped_well(patient)) {
        return;
    }
    Processes children;
    for (const ProcessFacts& process : patient.processes) {
        if (process.parent == main->pid) {
            children.push_back(&process);
        }
    }
    if (children.empty()) {
        return;
    }
    const bool kills = mode == "mixed" && sends_sigkill(patient);
    findings.push_back({Severity::problem, "shell-wrapper",
                        "the main process, " + pid_text(main->pid, main->name) +
                            ", is a shell that does not pass " + stop_signal(patient) +
                            " on, and KillMode: " + mode +
                            " sends it to nobody else: " + shown(children) +
                            (kills ? " gets SIGKILL without a warning" : " lives on"),
                        "Start the program with 'exec' in the script, or as a list in ExecStart, "
                        "so that it is the main process; or KillMode: control-group."});
}

void check_ignored_signal(const Patient& patient, Findings& findings) {
    const std::string signal = stop_signal(patient);
    const Processes deaf = deaf_ones(
        patient, [&](const ProcessFacts& process) { return process.ignored.contains(signal); });
    if (deaf.empty()) {
        return;
    }
    findings.push_back(
        {Severity::problem, "ignores-signal",
         shown(deaf) + (deaf.size() == 1 ? " ignores " : " ignore ") + signal + ": " +
             costs(patient),
         signal == "SIGHUP"
             ? "ExecStart: the program without nohup (svcd needs none); or KillSignal: SIGTERM."
             : "Remove what has it ignored (a shell's trap '' " + signal.substr(3) +
                   "?), or have the program catch " + signal +
                   "; or KillSignal: one that it acts on."});
}

void check_blocked_signal(const Patient& patient, Findings& findings) {
    const std::string signal = stop_signal(patient);
    const Processes deaf = deaf_ones(patient, [&](const ProcessFacts& process) {
        return patient.blockers.contains(process.pid) && !process.ignored.contains(signal) &&
               !retries_fork(process);
    });
    if (deaf.empty()) {
        return;
    }
    findings.push_back({Severity::warning, "blocks-signal",
                        shown(deaf) + (deaf.size() == 1 ? " blocks " : " block ") + signal +
                            " in all threads and " + (deaf.size() == 1 ? "has" : "have") +
                            " neither a handler nor a signalfd for it: " + costs(patient),
                        "Mend the program: it must unblock " + signal +
                            ", or read it (signalfd, sigwait). A blocked signal is inherited: its "
                            "parent may have blocked it."});
}

void check_namespace_init(const Patient& patient, Findings& findings) {
    const std::string signal = stop_signal(patient);
    const Processes deaf = deaf_ones(patient, [&](const ProcessFacts& process) {
        return process.is_namespace_init && !process.caught.contains(signal) &&
               !process.ignored.contains(signal) && !process.blocked.contains(signal);
    });
    if (!deaf.empty()) {
        findings.push_back({Severity::problem, "namespace-init",
                            shown(deaf) + " is PID 1 of a PID namespace and does not catch " +
                                signal + ", which the kernel then discards: " + costs(patient),
                            "Run it below a small init ('tini --', 'catatonit --'), or have it "
                            "catch " +
                                signal + "."});
    }
}

}  // namespace svcd
