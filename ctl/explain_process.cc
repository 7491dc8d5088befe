#include "explain_process.h"

#include <algorithm>
#include <array>

#include "explain_hold.h"
#include "explain_words.h"

namespace svcd {
namespace {

using Judge = std::optional<Verdict> (*)(const ProcessFacts&, const Scene&);

constexpr auto kJudges =
    std::to_array<Judge>({unreaped_zombie, frozen_cgroup, held_by_vfork, uninterruptible_sleep,
                          core_being_dumped, traced_process, stopped_process, hung_control_process,
                          not_reached, ignores_signal, blocks_signal, namespace_init, waiting_shell,
                          said_stopping, used_up_extension, slow_to_end, still_ending});

Verdict verdict(const ProcessFacts& process, std::string kind, std::string text, std::string mend) {
    return {process.pid, process.name, std::move(kind), std::move(text), std::move(mend)};
}

std::string parent_text(const ProcessFacts& process, const Scene& scene) {
    const auto parent = std::ranges::find(scene.processes, process.parent, &ProcessFacts::pid);
    return pid_text(process.parent, parent == scene.processes.end() ? "" : parent->name);
}

std::string stack_text(const ProcessFacts& process) {
    constexpr std::size_t kShown = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(kShown, process.stack.size()); ++i) {
        text += (i == 0 ? "" : " < ") + process.stack[i];
    }
    return text;
}

}  // namespace

std::optional<Verdict> unreaped_zombie(const ProcessFacts& process, const Scene& scene) {
    if (process.state != 'Z' && process.state != 'X') {
        return std::nullopt;
    }
    if (process.threads > 1) {
        return verdict(
            process, "thread-left",
            "has ended its first thread, but " +
                (process.threads == 2
                     ? std::string{"another one of it runs on"}
                     : std::to_string(process.threads - 1) + " others of it run on") +
                (process.blocked.contains(scene.record.stop_signal)
                     ? ", where " + scene.record.stop_signal + " is blocked"
                     : ""),
            "Have the program end its threads, or call exit() instead of pthread_exit().");
    }
    return verdict(process, "zombie",
                   "has ended already, but its parent, " + parent_text(process, scene) +
                       ", does not take its exit status (a zombie)",
                   "Mend the parent: it must wait() for its children, nobody else can.");
}

/// State D, and yet it ends on a signal: the kernel waits killably for the child (Linux 5.14 on).
std::optional<Verdict> held_by_vfork(const ProcessFacts& process, const Scene&) {
    if (!waits_for_vfork(process)) {
        return std::nullopt;
    }
    return verdict(
        process, "vfork",
        "waits for its child to run its program or to end (vfork); until then it acts on "
        "no signal but one that kills it",
        "Look at the child: what keeps it from its execve?");
}

std::optional<Verdict> uninterruptible_sleep(const ProcessFacts& process, const Scene&) {
    if (process.state != 'D' || process.core_dumping) {
        return std::nullopt;
    }
    std::string text = "is in uninterruptible sleep (state D)";
    if (!process.syscall.empty() && process.syscall != "running") {
        text += ", in the system call " + process.syscall;
    }
    if (!process.wait_channel.empty()) {
        text += ", at " + process.wait_channel + " in the kernel";
    }
    if (const std::string stack = stack_text(process); !stack.empty()) {
        text += " (stack: " + stack + ")";
    }
    const std::string whom{uninterruptible_on(process)};
    text += "; " + std::string{what_reaches_sleeper(process)};
    return verdict(
        process, "uninterruptible", text,
        "See to what it waits for: " +
            (whom.empty() ? "the disk, network file system or driver that the stack names" : whom) +
            ".");
}

std::optional<Verdict> core_being_dumped(const ProcessFacts& process, const Scene&) {
    if (!process.core_dumping) {
        return std::nullopt;
    }
    return verdict(
        process, "core-dumping", "had crashed, and the kernel was still writing its core dump",
        "TimeoutAbortSec (or TimeoutStopSec): long enough for the dump; or LimitCORE: 0, "
        "if nobody reads it.");
}

std::optional<Verdict> frozen_cgroup(const ProcessFacts& process, const Scene& scene) {
    // A process sleeps in the kernel's delivery of signals only when the freezer holds it there.
    if (!scene.frozen && !is_frozen(process)) {
        return std::nullopt;
    }
    const bool is_past = !goes_on(scene.record);
    if (is_frozen_by_v1(process)) {
        return verdict(process, "frozen",
                       is_past ? "was frozen by the freezer of cgroup v1, so that it acted on no "
                                 "signal, SIGKILL neither"
                               : "is frozen by the freezer of cgroup v1: until that lets it go on "
                                 "it acts on no signal, SIGKILL neither",
                       is_past ? "Find out who writes FROZEN to " +
                                     (process.freezer.empty() ? "freezer.state of its v1 cgroup."
                                                              : process.freezer + "/freezer.state.")
                               : mend_of_v1_freezer(process));
    }
    return verdict(process, "frozen",
                   is_past ? "was frozen with its cgroup, so that it acted on no signal but SIGKILL"
                           : "is frozen with its cgroup: until that is thawed it acts on no signal "
                             "but SIGKILL",
                   mend_of_frozen_cgroup(scene.frozen_cgroup));
}

std::optional<Verdict> traced_process(const ProcessFacts& process, const Scene&) {
    if (process.state != 't') {
        return std::nullopt;
    }
    return verdict(
        process, "traced",
        "is held by a debugger or tracer" +
            (process.tracer == 0 ? std::string{} : ", PID " + std::to_string(process.tracer)) +
            "; a signal reaches it when the tracer lets it go on",
        "End that gdb or strace" +
            (process.tracer == 0 ? std::string{}
                                 : " (PID " + std::to_string(process.tracer) + ")") +
            ", or let it detach.");
}

std::optional<Verdict> stopped_process(const ProcessFacts& process, const Scene& scene) {
    if (process.state != 'T') {
        return std::nullopt;
    }
    const std::string by = hold_text(scene.record);
    return verdict(
        process, "stopped",
        "is stopped (SIGSTOP or SIGTSTP); it acts on no signal but SIGKILL until SIGCONT" + by,
        mend_of_hold(scene.record.unit, !by.empty()));
}

std::optional<Verdict> hung_control_process(const ProcessFacts& process, const Scene& scene) {
    const StopEvent* spawn = spawn_of(scene.record, process.pid);
    if (spawn == nullptr) {
        return std::nullopt;
    }
    std::string text = "is " + spawn->setting + " and had not ended";
    if (const std::string doing = doing_text(process); !doing.empty()) {
        text += "; it " + doing;
    }
    return verdict(process, "control-hung", text,
                   spawn->setting +
                       ": a command that ends by itself, before its share of the time limit is "
                       "over (timeout(1) ends one that does not).");
}

std::vector<Verdict> judge_processes(const Scene& scene) {
    std::vector<Verdict> verdicts;
    for (const ProcessFacts& process : scene.processes) {
        for (const Judge judge : kJudges) {
            if (auto found = judge(process, scene)) {
                if (process.tracer != 0 && process.state != 't') {
                    found->text += "; it is traced by PID " + std::to_string(process.tracer) +
                                   ", through whom its signals go";
                }
                verdicts.push_back(std::move(*found));
                break;
            }
        }
    }
    return verdicts;
}

}  // namespace svcd
