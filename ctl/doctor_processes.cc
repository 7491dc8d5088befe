// Checks of what the processes of a running service are like.
#include <algorithm>

#include "doctor.h"
#include "explain_words.h"
#include "messages.h"
#include "reasons.h"

namespace svcd {
namespace {

std::string stop_signal(const Patient& patient) {
    return signal_name(static_cast<int>(number_of(patient.properties, "KillSignal", 15)));
}

const ProcessFacts* main_process(const Patient& patient) {
    const auto pid = static_cast<ProcessId>(number_of(patient.properties, "MainPID"));
    const auto found = std::ranges::find(patient.processes, pid, &ProcessFacts::pid);
    return pid == 0 || found == patient.processes.end() ? nullptr : &*found;
}

std::string shown(const ProcessFacts& process) {
    return pid_text(process.pid, process.name);
}

/// "PID 815 (worker)", "PIDs 815, 816 and 3 more".
std::string shown(const std::vector<const ProcessFacts*>& processes) {
    if (processes.size() == 1) {
        return shown(*processes.front());
    }
    std::vector<ProcessId> pids;
    for (const ProcessFacts* process : processes) {
        pids.push_back(process->pid);
    }
    return pids_text(pids);
}

/// What a stop comes to when the signal does nothing.
std::string costs(const Patient& patient) {
    const Usec limit = number_of(patient.properties, "TimeoutStopUSec", kUsecInfinity);
    return is_moment(limit) ? "a stop takes all of TimeoutStopSec (" + short_time(limit) +
                                  ") and ends with SIGKILL"
                            : "a stop never ends, since TimeoutStopSec is infinity";
}

template <typename Question>
std::vector<const ProcessFacts*> those(const Patient& patient, Question&& is_it) {
    std::vector<const ProcessFacts*> found;
    for (const ProcessFacts& process : patient.processes) {
        if (is_it(process)) {
            found.push_back(&process);
        }
    }
    return found;
}

}  // namespace

void check_shell(const Patient& patient, Findings& findings) {
    const ProcessFacts* main = main_process(patient);
    const std::string mode = text_of(patient.properties, "KillMode");
    if (main == nullptr || !is_shell(main->name) || main->caught.contains(stop_signal(patient)) ||
        (mode != "mixed" && mode != "process")) {
        return;
    }
    const auto children =
        those(patient, [&](const ProcessFacts& process) { return process.parent == main->pid; });
    if (children.empty()) {
        return;
    }
    findings.push_back({Severity::problem, "shell-wrapper",
                        "the main process, " + shown(*main) + ", is a shell that does not pass " +
                            stop_signal(patient) + " on, and KillMode: " + mode +
                            " sends it to nobody else: " + shown(children) +
                            (mode == "mixed" ? " gets SIGKILL without a warning" : " lives on"),
                        "Start the program with 'exec' in the script, or as a list in ExecStart, "
                        "so that it is the "
                        "main process; or KillMode: control-group."});
}

void check_ignored_signal(const Patient& patient, Findings& findings) {
    const std::string signal = stop_signal(patient);
    const auto deaf = those(
        patient, [&](const ProcessFacts& process) { return process.ignored.contains(signal); });
    if (deaf.empty()) {
        return;
    }
    const ProcessFacts* main = main_process(patient);
    const bool is_main = std::ranges::find(deaf, main) != deaf.end();
    const bool gets_it = text_of(patient.properties, "KillMode") == "control-group";
    if (!is_main && !gets_it) {
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
    // Who blocks it may take it by signalfd, in sigwait, or in another thread.
    const auto deaf = those(patient, [&](const ProcessFacts& process) {
        return process.blocked.contains(signal) && process.threads == 1 &&
               process.syscall != "rt_sigtimedwait" &&
               !patient.signalfd_readers.contains(process.pid);
    });
    if (deaf.empty()) {
        return;
    }
    findings.push_back({Severity::warning, "blocks-signal",
                        shown(deaf) + (deaf.size() == 1 ? " blocks " : " block ") + signal +
                            " and " + (deaf.size() == 1 ? "has" : "have") +
                            " no signalfd that reads it: " + costs(patient),
                        "Mend the program: it must unblock " + signal +
                            ", or read it (signalfd, sigwait). A blocked signal is inherited: its "
                            "parent may have blocked it."});
}

void check_namespace_init(const Patient& patient, Findings& findings) {
    const std::string signal = stop_signal(patient);
    const auto deaf = those(patient, [&](const ProcessFacts& process) {
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

void check_main_process(const Patient& patient, Findings& findings) {
    const Json& properties = patient.properties;
    const std::string type = text_of(properties, "Type");
    if (number_of(properties, "MainPID") != 0 || patient.processes.empty() ||
        text_of(properties, "ActiveState") != "active" || truth_of(properties, "LeftOver")) {
        return;
    }
    const bool forks = type == "forking";
    findings.push_back(
        {Severity::warning, "no-main-process",
         std::to_string(patient.processes.size()) +
             " processes run, but svcd knows none of them as the main process" +
             (forks ? " (Type: forking without a PIDFile that says which)"
                    : ": the one that it started has ended, as a program does that goes into the "
                      "background"),
         forks ? "PIDFile: where the service writes its PID; or Type: exec with its option to stay "
                 "in the foreground."
               : "Have the program stay in the foreground; or Type: forking with PIDFile."});
}

void check_zombies(const Patient& patient, Findings& findings) {
    std::map<ProcessId, std::vector<ProcessId>> by_parent;
    for (const Zombie& zombie : patient.zombies) {
        by_parent[zombie.parent].push_back(zombie.pid);
    }
    for (const auto& [parent, zombies] : by_parent) {
        const auto facts = std::ranges::find(patient.processes, parent, &ProcessFacts::pid);
        const std::string name = facts == patient.processes.end() ? "" : facts->name;
        findings.push_back({Severity::warning, "zombies",
                            pid_text(parent, name) + " does not take the exit status of its " +
                                "children: " + pids_text(zombies) +
                                (zombies.size() == 1 ? " is a zombie" : " are zombies"),
                            "Mend the parent: it must wait() for its children. Run below 'tini -s "
                            "--' where it can't be mended."});
    }
}

void check_held_processes(const Patient& patient, Findings& findings) {
    if (patient.frozen) {
        findings.push_back({Severity::problem, "frozen",
                            "its cgroup is frozen: its processes do nothing until it is thawed",
                            "Find out who writes to cgroup.freeze; 'echo 0' into that file of its "
                            "cgroup thaws it."});
    }
    const auto stopped =
        those(patient, [](const ProcessFacts& process) { return process.state == 'T'; });
    if (!stopped.empty()) {
        findings.push_back({Severity::problem, "stopped",
                            shown(stopped) + (stopped.size() == 1 ? " is" : " are") +
                                " stopped (SIGSTOP or SIGTSTP) and does nothing until SIGCONT",
                            "'svctl kill -s CONT " + text_of(patient.properties, "Id") +
                                "' lets it go on; find out who sends it SIGSTOP."});
    }
    const auto traced =
        those(patient, [](const ProcessFacts& process) { return process.tracer != 0; });
    if (!traced.empty()) {
        findings.push_back({Severity::warning, "traced",
                            shown(traced) + (traced.size() == 1 ? " is" : " are") +
                                " traced by PID " + std::to_string(traced.front()->tracer) +
                                (traced.front()->state == 't' ? ", which holds it" : "") +
                                ": its signals go through that process",
                            "End that gdb or strace (PID " +
                                std::to_string(traced.front()->tracer) + "), or let it detach."});
    }
}

void check_uninterruptible(const Patient& patient, Findings& findings) {
    const auto stuck =
        those(patient, [](const ProcessFacts& process) { return process.state == 'D'; });
    if (stuck.empty()) {
        return;
    }
    const ProcessFacts& first = *stuck.front();
    const std::string whom{uninterruptible_on(first)};
    findings.push_back(
        {Severity::problem, "uninterruptible",
         shown(stuck) + (stuck.size() == 1 ? " is" : " are") +
             " in uninterruptible sleep (state D)" +
             (first.wait_channel.empty() ? "" : ", at " + first.wait_channel + " in the kernel") +
             ": no signal ends it, SIGKILL neither, until the kernel is done",
         "See to what it waits for: " +
             (whom.empty() ? "a disk, a network file system or a driver" : whom) + "."});
}

}  // namespace svcd
