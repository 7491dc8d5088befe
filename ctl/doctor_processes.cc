// Checks of what the processes of a running service are like.
#include <algorithm>

#include "doctor.h"
#include "explain_words.h"
#include "messages.h"
#include "reasons.h"
#include "restart_words.h"

namespace svcd {
namespace {

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

void check_tracking(const Patient& patient, Findings& findings) {
    if (text_of(patient.properties, "Tracking") == "untracked") {
        findings.push_back(
            {Severity::warning, "untracked",
             "its keeper (svcd-exec) was killed: a process of it that has left both its parent and "
             "its session is not found any more, and a stop would leave it",
             "'svctl restart " + text_of(patient.properties, "Id") +
                 "' gives it a new keeper; look for what is left of before, and end it by hand."});
    }
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
                            "Mend the parent: it must wait() for its children, nobody else can; a "
                            "restart of it clears them."});
    }
}

void check_held_processes(const Patient& patient, Findings& findings) {
    if (patient.frozen) {
        findings.push_back({Severity::problem, "frozen",
                            "its cgroup is frozen: its processes do nothing until it is thawed",
                            mend_of_frozen_cgroup(patient.frozen_cgroup)});
    }
    const auto frozen = those(patient, is_frozen_by_v1);
    if (!frozen.empty()) {
        findings.push_back({Severity::problem, "frozen",
                            shown(frozen) + (frozen.size() == 1 ? " is" : " are") +
                                " frozen by the freezer of cgroup v1, and acts on no signal, "
                                "SIGKILL neither, until that lets it go on",
                            mend_of_v1_freezer(*frozen.front())});
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

bool retries_fork(const ProcessFacts& process) {
    return process.name == "bash" && process.blocked == std::set<std::string>{"SIGTERM"} &&
           process.wait_channel.find("nanosleep") != std::string::npos;
}

/// Which of the limits it is that it has come up against, nobody can see from outside.
void check_failing_fork(const Patient& patient, Findings& findings) {
    for (const ProcessFacts& process : patient.processes) {
        if (!retries_fork(process)) {
            continue;
        }
        const Json limit = patient.properties.value("LimitNPROCSoft", Json{});
        const bool is_limited = limit.is_number_unsigned() && limit != kUsecInfinity;
        findings.push_back(
            {Severity::problem, "fork-fails",
             shown(process) +
                 " could not start a process and waits to try it again, as bash does " +
                 "when the kernel refuses another one (EAGAIN); it holds SIGTERM back for as long, "
                 "15 s at most",
             "More processes than are allowed: LimitNPROC" +
                 (is_limited ? " (" + std::to_string(limit.get<std::uint64_t>()) + ")"
                             : std::string{}) +
                 " counts all of its user, pids.max all of its cgroup and of those above."});
    }
}

void check_deleted_output(const Patient& patient, Findings& findings) {
    if (!patient.deleted_output.empty()) {
        findings.push_back({Severity::warning, "output-deleted",
                            "its main process writes its output to " + patient.deleted_output +
                                ", which somebody has deleted since: what it writes is lost",
                            "'svctl restart " + typed_name(text_of(patient.properties, "Id")) +
                                "' opens the file anew, if its folder is there; empty a file "
                                "('truncate -s 0') instead of deleting it."});
    }
}

/// A process may have lowered its own limit, and mean it: so only under that of its unit.
void check_descriptors(const Patient& patient, Findings& findings) {
    constexpr std::uint64_t kTenths = 9;
    if (!patient.descriptors) {
        return;
    }
    const auto [open, limit] = *patient.descriptors;
    if (open * 10 < limit * kTenths || limit != number_of(patient.properties, "LimitNOFILESoft")) {
        return;
    }
    findings.push_back({Severity::warning, "descriptors",
                        "its main process has " + std::to_string(open) + " of the " +
                            std::to_string(limit) +
                            " descriptors open that LimitNOFILE allows it: with all of them it can "
                            "neither open a file nor take a connection",
                        "LimitNOFILE: more, unless it forgets to close them ('ls -l /proc/" +
                            std::to_string(number_of(patient.properties, "MainPID")) + "/fd')."});
}

/// State D, and yet a signal that has no handler ends it: the kernel waits killably for the child.
void check_vfork(const Patient& patient, Findings& findings) {
    for (const ProcessFacts& process : patient.processes) {
        if (waits_for_vfork(process)) {
            const auto child =
                std::ranges::find(patient.processes, process.pid, &ProcessFacts::parent);
            findings.push_back(
                {Severity::warning, "vfork",
                 shown(process) + " waits for its child" +
                     (child == patient.processes.end() ? "" : ", " + shown(*child)) +
                     " to run its program or to end (vfork): until then it runs no handler for a "
                     "signal",
                 "Look at the child: what keeps it from its execve?"});
        }
    }
}

void check_uninterruptible(const Patient& patient, Findings& findings) {
    const auto stuck = those(patient, [](const ProcessFacts& process) {
        return process.state == 'D' && !waits_for_vfork(process) && !is_frozen(process) &&
               !process.core_dumping;
    });
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
             ": " + std::string{what_reaches_sleeper(first)},
         "See to what it waits for: " +
             (whom.empty() ? "a disk, a network file system or a driver" : whom) + "."});
}

}  // namespace svcd
