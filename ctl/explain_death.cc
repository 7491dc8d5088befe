// Verdicts about how the main process died, and about what did not die of SIGKILL: by whom, and
// what tells two causes apart that look the same to svcd.
#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>

#include "explain_hold.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "messages.h"

namespace svcd {
namespace {

Verdict verdict(std::string kind, std::string text, std::string mend) {
    return {0, "", std::move(kind), std::move(text), std::move(mend)};
}

/// Did svcd send the main process the signal that has ended it?
bool svcd_sent_what_ended_it(const StopRecord& record) {
    return std::ranges::any_of(record.events, [&](const StopEvent& event) {
        return event.what == "signal" && event.signal == signal_name(record.main_status) &&
               std::ranges::find(event.pids, record.main_pid) != event.pids.end();
    });
}

/// Says what tells a fault of the program from a signal that was sent.
std::string how_to_tell(const StopRecord& record) {
    const std::string pid = std::to_string(record.main_pid);
    if (record.main_code == "dumped") {
        return "Read the core dump (/proc/sys/kernel/core_pattern says where it went): 'gdb "
               "PROGRAM CORE', then 'bt', and 'p $_siginfo' for who sent it, if it was sent.";
    }
    constexpr std::string_view kNextTime =
        "LimitCORE: infinity leaves a core dump the next time, in which 'bt' and 'p $_siginfo' of "
        "gdb tell.";
    if (record.main_status == SIGSYS) {
        return "'dmesg' or the audit log has a line type=1326 with PID " + pid +
               ", if a filter did it (SystemCallFilter, or one of the program's own).";
    }
    if (record.main_status == SIGABRT) {
        return "See what it wrote last ('svctl status " + record.unit +
               "'): a failed assertion says so. " + std::string{kNextTime};
    }
    if (record.main_status == SIGBUS) {
        return std::string{kNextTime};
    }
    return "'dmesg' has a line with PID " + pid +
           " for most faults, and none for a signal that was sent. " + std::string{kNextTime};
}

/// The CPU time of the unit, beside a limit that each of its processes has. `near`: less, but the
/// kernel's own count may have been at the limit.
enum class CpuTime : unsigned char { not_known, below, near, at, above };

/// How far the kernel's count for the limit, which it takes once in a tick, may be from the time
/// that was really used: the errors of the ticks add up like dice.
Usec slack_of(Usec limit) {
    constexpr double kOfOneSecond = 200'000;
    return static_cast<Usec>(kOfOneSecond *
                             std::sqrt(std::max(1.0, static_cast<double>(limit) / 1e6)));
}

CpuTime cpu_time_at(const StopRecord& record, std::optional<Usec> StopEvent::*limit) {
    const StopEvent* end = exit_of(record, record.main_pid);
    if (end == nullptr || !end->cpu || !(end->*limit)) {
        return CpuTime::not_known;
    }
    const Usec reached = *(end->*limit);
    const Usec slack = slack_of(reached);
    return *end->cpu < reached / 2        ? CpuTime::below
           : *end->cpu + slack < reached  ? CpuTime::near
           : *end->cpu <= reached + slack ? CpuTime::at
                                          : CpuTime::above;
}

/// Does the unit set no LimitCPU? The program may have set one itself.
bool has_no_cpu_limit(const StopRecord& record) {
    const StopEvent* end = exit_of(record, record.main_pid);
    return end != nullptr && end->no_cpu_limit;
}

/// "about 1.0 s of CPU time, and its hard LimitCPU is 1 s"
std::string cpu_text(const StopRecord& record,
                     const char* which,
                     std::optional<Usec> StopEvent::*limit) {
    const StopEvent* end = exit_of(record, record.main_pid);
    return "about " + short_time(*end->cpu) + " of CPU time, and its " + which + " LimitCPU is " +
           short_time(*(end->*limit));
}

Verdict sigxcpu(const StopRecord& record) {
    const std::string who = main_of(record);
    const std::string end = describe_end(code_number(record.main_code), record.main_status);
    switch (cpu_time_at(record, &StopEvent::cpu_soft)) {
        case CpuTime::at:
            return verdict("crashed",
                           who + " " + end + " by the kernel: it had used " +
                               cpu_text(record, "soft", &StopEvent::cpu_soft),
                           "LimitCPU: more, if it needs more.");
        case CpuTime::below:
            return verdict("crashed",
                           who + " " + end + ", which was sent: the unit had used " +
                               cpu_text(record, "soft", &StopEvent::cpu_soft),
                           "'auditctl -a always,exit -S kill' shows who sends it the next time.");
        case CpuTime::near:
        case CpuTime::above:
            return verdict("crashed",
                           who + " " + end_text(record.main_code, record.main_status) +
                               ": its processes had used " +
                               cpu_text(record, "soft", &StopEvent::cpu_soft),
                           "LimitCPU: more, if it needs more.");
        case CpuTime::not_known:
            break;
    }
    if (has_no_cpu_limit(record)) {
        return verdict("crashed",
                       who + " " + end +
                           ", which was sent, or came from a limit that the program set itself: "
                           "the unit has no LimitCPU",
                       "'auditctl -a always,exit -S kill' shows who sends it the next time.");
    }
    return verdict("crashed", who + " " + end_text(record.main_code, record.main_status),
                   "LimitCPU: more, if it has one and needs more.");
}

/// The main process, as it was seen when WatchdogSec was over; or nullptr.
const ProcessFacts* main_at_watchdog(const StopRecord& record) {
    for (const StopEvent& event : record.events) {
        const auto main = std::ranges::find(event.processes, record.main_pid, &ProcessFacts::pid);
        if (event.why == "watchdog" && main != event.processes.end()) {
            return &*main;
        }
    }
    return nullptr;
}

}  // namespace

bool speaks_of_its_end(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (failure == nullptr || record.result == "success" || record.result == "exec-condition") {
        return false;
    }
    if (failure->kind == "command-failed") {
        const StopEvent* command = nullptr;
        for (const StopEvent& event : record.events) {
            const std::string setting = event.role == "main" ? "ExecStart" : event.setting;
            const bool is_it = event.what == "exit" && setting == failure->setting &&
                               (event.code != "exited" || event.status != 0);
            command = is_it ? &event : command;
        }
        return command != nullptr && command->code == "exited";
    }
    if (failure->kind == "not-ready" || failure->kind == "ended-before-ready") {
        return record.main_code == "exited" || record.main_code == "none";
    }
    const bool is_own_signal = record.main_code != "exited" && is_of_a_crash(record.main_status) &&
                               !svcd_sent_what_ended_it(record) && asked_kill(record) == nullptr;
    const bool is_own_status =
        record.main_code == "exited" && record.main_status != 0 && main_ran(record);
    return failure->kind == "main-ended" && (is_own_status || is_own_signal);
}

std::optional<Verdict> killed_by_oom(const StopRecord& record) {
    const auto oom = std::ranges::find(record.events, "oom", &StopEvent::what);
    if (oom == record.events.end() && record.result != "oom-kill") {
        return std::nullopt;
    }
    const bool was_main = killed_by(record) == KilledBy::oom;
    return verdict("oom",
                   "memory was short, and the kernel's OOM killer took " +
                       (was_main ? main_of(record) + " with SIGKILL"
                                 : std::string{"a process of it with SIGKILL"}),
                   "MemoryMax: more, if the unit has a limit; else less memory for the service, or "
                   "OOMScoreAdjust lower to have the kernel take others first.");
}

std::optional<Verdict> killed_by_person(const StopRecord& record) {
    const StopEvent* kill = asked_kill(record);
    if (kill == nullptr) {
        return std::nullopt;
    }
    const bool ended_main =
        record.main_code != "exited" && kill->signal == signal_name(record.main_status);
    // One from before a stop that somebody asked for, and that went well, has no part in it.
    if (!ended_by_itself(record) && kill->at == 0 && !ended_main && !is_bad(record)) {
        return std::nullopt;
    }
    return verdict("killed-by-user",
                   kill->signal + " came from " + user_text(kill->uid) + " with '" +
                       without_folder(kill->command) + "', PID " + std::to_string(kill->pid) +
                       (kill->before > 0 ? ", " + short_time(kill->before) + " before"
                        : kill->at == 0  ? ""
                                         : ", at " + short_time(kill->at)),
                   "");
}

bool has_reached_hard_limit(const StopRecord& record) {
    // The time is that of the unit, the limit that of a process: with others it may be theirs.
    return cpu_time_at(record, &StopEvent::cpu_hard) == CpuTime::at &&
           left_when_main_had_ended(record).empty();
}

std::optional<Verdict> killed_at_cpu_limit(const StopRecord& record) {
    if (killed_by(record) != KilledBy::cpu_limit) {
        return std::nullopt;
    }
    return verdict("cpu-limit",
                   main_of(record) + " was killed by SIGKILL of the kernel: it had used " +
                       cpu_text(record, "hard", &StopEvent::cpu_hard),
                   "LimitCPU: more, if it needs more; with a lower soft limit (SOFT:HARD) the "
                   "kernel sends SIGXCPU first.");
}

std::optional<Verdict> killed_from_outside(const StopRecord& record) {
    if (killed_by(record) != KilledBy::outside || command_at_end(record) != nullptr) {
        return std::nullopt;
    }
    const CpuTime cpu = cpu_time_at(record, &StopEvent::cpu_hard);
    const std::string others =
        cpu == CpuTime::below
            ? "nor was its hard LimitCPU reached. A v1 memory controller and a"
        : has_no_cpu_limit(record)
            ? "and no OOM kill was counted in its cgroup. A v1 memory controller and a"
            : std::string{"and no OOM kill was counted in its cgroup. A v1 memory controller, a "
                          "hard LimitCPU"} +
                  (cpu != CpuTime::not_known
                       ? " (its processes had used " +
                             cpu_text(record, "hard", &StopEvent::cpu_hard) + ")"
                       : "") +
                  " and a";
    return verdict("killed-outside",
                   main_of(record) + " was killed by SIGKILL, by nobody svcd can name: not svcd, " +
                       (cpu == CpuTime::below ? "no OOM kill was counted in its cgroup, " : "") +
                       others + " strict seccomp filter kill so, too, and were not looked at",
                   "'auditctl -a always,exit -S kill' shows the next time whether a process sent "
                   "it; 'dmesg' has the OOM kills of the machine.");
}

std::optional<Verdict> crashed(const StopRecord& record) {
    const bool is_killed = record.main_code == "killed" && is_of_a_crash(record.main_status);
    if ((record.main_code != "dumped" && !is_killed) || svcd_sent_what_ended_it(record) ||
        asked_kill(record) != nullptr) {
        return std::nullopt;
    }
    if (record.main_status == SIGXCPU) {
        return sigxcpu(record);
    }
    const std::string ended =
        main_of(record) + " " + end_text(record.main_code, record.main_status);
    if (record.main_status == SIGXFSZ) {
        return verdict("crashed", ended, "LimitFSIZE: more, if it has one and needs more.");
    }
    return verdict("crashed", ended + "; svcd can't tell the one from the other",
                   how_to_tell(record));
}

/// A signal that ends a program which has no handler for it, and leaves no core dump: its own, or
/// somebody's.
std::optional<Verdict> ended_by_signal(const StopRecord& record) {
    if (record.main_code != "killed" || record.main_status == SIGKILL ||
        is_of_a_crash(record.main_status) || !ended_by_itself(record) ||
        svcd_sent_what_ended_it(record) || asked_kill(record) != nullptr) {
        return std::nullopt;
    }
    const std::string name = signal_name(record.main_status);
    const bool by_timer = record.main_status == SIGALRM || record.main_status == SIGPROF ||
                          record.main_status == SIGVTALRM;
    const bool by_terminal = record.main_status == SIGHUP;
    const bool by_descriptor = record.main_status == SIGIO;
    const bool by_pipe = record.main_status == SIGPIPE;
    const bool in_reload = died_in_reload(record);
    return verdict(
        "ended-by-signal",
        main_of(record) + " was killed by " + name +
            ", for which it had no handler at that moment. Svcd did not send it: " +
            (in_reload     ? "ExecReload did, or it sent it to itself, or another process "
                             "did"
             : by_timer    ? "its own timer (alarm, setitimer) did, or it sent it to itself, or "
                             "another process did"
             : by_pipe     ? "the kernel did when it wrote to a pipe or socket that "
                             "nobody reads, or another process"
             : by_terminal ? "its terminal went away, it sent it to itself, or another process did"
             : by_descriptor
                 ? "the kernel did as a descriptor became ready (O_ASYNC), or another process"
                 : "it sent it to itself, or another process did"),
        in_reload ? "Have the program catch " + name +
                        "; or an ExecReload that does not send it, if that did."
        : by_timer || by_pipe || by_descriptor ? ""
        : by_terminal ? "If it had a terminal: setsid, or a handler for SIGHUP. If not: 'auditctl "
                        "-a always,exit -S kill' shows who sends it the next time."
                      : "'auditctl -a always,exit -S kill' shows who sends it the "
                        "next time.");
}

std::optional<Verdict> seen_at_watchdog(const StopRecord& record) {
    const ProcessFacts* main = main_at_watchdog(record);
    if (main == nullptr) {
        return std::nullopt;
    }
    const std::string who = std::string{failed_by(record, "watchdog-trigger")
                                            ? "when it had asked to be aborted, "
                                            : "when the time of its watchdog was over, "} +
                            main_of(record) + " was ";
    if (is_frozen(*main)) {
        return verdict("frozen", who + "frozen: it could send nothing",
                       "Find out who freezes its cgroup.");
    }
    if (main->state == 't') {
        return verdict(
            "traced",
            who + "held by a debugger or tracer" +
                (main->tracer == 0 ? std::string{} : ", PID " + std::to_string(main->tracer)) +
                ": it could send nothing",
            "Leave WatchdogSec out while a debugger holds it.");
    }
    if (main->state == 'T') {
        const std::string by = hold_text(record);
        return verdict("stopped", who + "stopped (SIGSTOP or SIGTSTP): it could send nothing" + by,
                       by.empty() ? "Find out who sends it SIGSTOP." : "");
    }
    const std::string doing = doing_text(*main);
    return doing.empty()
               ? std::nullopt
               : std::optional{verdict("at-watchdog", who + "seen like this: it " + doing, "")};
}

bool was_held_at_watchdog(const StopRecord& record) {
    const auto seen = seen_at_watchdog(record);
    return seen && seen->kind != "at-watchdog";
}

bool end_was_told_late(const StopRecord& record) {
    constexpr Usec kInTime = 200'000;
    const auto empty = std::ranges::find(record.events, "empty", &StopEvent::what);
    const StopEvent* end = exit_of(record, record.main_pid);
    const bool is_late = record.result == "stop-wedged" || record.result == "timeout";
    return is_late && record.main_pid != 0 && empty != record.events.end() &&
           first_sigkill(record) == nullptr && sent_at_deadline(record) == nullptr &&
           (end == nullptr || end->at > empty->at + kInTime);
}

std::optional<Verdict> wedged(const StopRecord& record) {
    if (end_was_told_late(record)) {
        const auto empty = std::ranges::find(record.events, "empty", &StopEvent::what);
        return verdict("not-reaped",
                       "its processes were gone after " + short_time(empty->at) +
                           ", and svcd's launcher, which takes their exit status, did not tell of "
                           "it: it was stopped (SIGSTOP), held by a tracer, or hung",
                       goes_on(record)
                           ? "See to the launcher, the process named svcd: 'kill -CONT' "
                             "lets one that was stopped go on."
                           : "");
    }
    if (record.result != "stop-wedged") {
        return std::nullopt;
    }
    if (record.duration) {  // it goes on until they have ended
        return verdict("wedged",
                       "processes outlived SIGKILL; they have ended since, the last one " +
                           short_time(*record.duration) + " after the stop began",
                       "");
    }
    const Scene scene{record, left_processes(record), false, {}};
    const bool is_in_kernel = std::ranges::any_of(
        judge_processes(scene), [](const Verdict& each) { return each.kind == "uninterruptible"; });
    return verdict(
        "wedged",
        "processes outlived SIGKILL; svcd starts nothing beside them, and goes on by "
        "itself as soon as they are gone",
        is_in_kernel ? "Mend what they wait for in the kernel (see above); only that, or a reboot, "
                       "ends them."
                     : "");
}

}  // namespace svcd
