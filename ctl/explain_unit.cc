// Verdicts about the unit: commands of it, its limits, and what it did by itself.
#include <algorithm>
#include <array>

#include "counted.h"
#include "earlier_life.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "given_up_job.h"
#include "messages.h"

namespace svcd {
namespace {

using Judge = std::optional<Verdict> (*)(const StopRecord&);

constexpr auto kJudges = std::to_array<Judge>({wedged,
                                               killed_by_oom,
                                               killed_by_person,
                                               killed_at_cpu_limit,
                                               killed_beside_command,
                                               killed_from_outside,
                                               crashed,
                                               ended_by_signal,
                                               came_after_reload,
                                               seen_at_watchdog,
                                               failure_was_ignored,
                                               could_not_be_run,
                                               failed_by_itself,
                                               failed_in_stop,
                                               ended_unasked,
                                               command_failed,
                                               promise_not_kept,
                                               out_of_time,
                                               exec_stop_cut,
                                               exec_stop_failed,
                                               unstarted_command,
                                               shortened_by_shutdown,
                                               cpu_throttled,
                                               left_by_main,
                                               killed_unasked,
                                               limit_was_extended,
                                               nearly_out_of_time,
                                               left_by_command,
                                               held_by_core_dump,
                                               stop_job_given_up,
                                               before_shutdown});

constexpr Usec kPercent = 100;

Verdict verdict(std::string kind, std::string text, std::string mend) {
    return {0, "", std::move(kind), std::move(text), std::move(mend)};
}

/// When the command with this PID was started, or nullptr.
struct CommandRun {
    const StopEvent* end = nullptr;
    Usec took = 0;
};

/// A command of the stop (ExecStop, ExecStopPost) for which `is_it` holds.
template <typename Question>
std::optional<CommandRun> find_command(const StopRecord& record, Question&& is_it) {
    for (const StopEvent& event : record.events) {
        if (event.what != "exit" || event.role != "control") {
            continue;
        }
        const StopEvent* spawn = spawn_of(record, event.pid);
        if (spawn != nullptr && is_it(event)) {
            return CommandRun{&event, event.at - spawn->at};
        }
    }
    return std::nullopt;
}

/// The first signal that svcd sent to it by itself, at that time or before; or nullptr.
const StopEvent* first_signal_to(const StopRecord& record, ProcessId pid, Usec before) {
    const auto found = std::ranges::find_if(record.events, [&](const StopEvent& event) {
        return event.what == "signal" && event.cause != "user" && event.at <= before &&
               std::ranges::find(event.pids, pid) != event.pids.end();
    });
    return found == record.events.end() ? nullptr : &*found;
}

bool svcd_ended(const StopRecord& record, ProcessId pid, Usec before) {
    return first_signal_to(record, pid, before) != nullptr;
}

/// A process of the unit that has asked for the stop that goes on, as a command of it may; or
/// nullptr.
const StopEvent* stop_asked_by_itself(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [&](const StopEvent& event) {
        return event.what == "job" && event.unit == record.unit &&
               (event.type == "stop" || event.type == "restart");
    });
    return found == record.events.end() ? nullptr : &*found;
}

/// It did not act on the first signal.
bool ended_late(const CommandRun& run, Usec given) {
    constexpr Usec kAtOnce = 200'000;
    return run.took > given + kAtOnce;
}

/// A time limit that is less than what the command was given: "5", "0.4".
std::string less_than(Usec took) {
    constexpr Usec kTenth = 100'000;
    constexpr Usec kMost = 50;
    const Usec tenths = std::clamp<Usec>(took * 3 / 4 / kTenth, 1, kMost);
    return tenths % 10 == 0 ? std::to_string(tenths / 10)
                            : std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

/// Was it TimeoutStartSec that was over?
bool is_start_timeout(std::string_view kind) {
    return kind == "start-timeout" || kind == "ready-refused" || kind == "ready-missing" ||
           kind == "pid-file-wrong";
}

std::string start_timeout_mend(const StopRecord& record, const StopEvent& failure) {
    if (ignored_failure(record) != nullptr) {
        return "";  // there is nobody who could do what it waits for
    }
    if (failure.kind == "ready-refused") {
        return "NotifyAccess: all, if another process than the main one is to say it.";
    }
    if (failure.kind == "ready-missing" && !failure.unaddressed.empty()) {
        return mend_of_notify_socket();
    }
    if (failure.kind == "ready-missing") {
        return "TimeoutStartSec: more, if it needs that long; Type: exec, if the program never "
               "sends READY=1.";
    }
    if (failure.kind == "pid-file-wrong") {
        return mend_of_pid_file(failure.text);
    }
    // The first process of Type: forking; that of a oneshot is a main process.
    if (failure.setting == "ExecStart" && record.from == "start" && record.main_pid == 0) {
        return "Type: exec, if the program stays in the foreground; TimeoutStartSec: more, if it "
               "needs that long.";
    }
    return "TimeoutStartSec: more, if it needs that long.";
}

}  // namespace

std::string mend_of_command(const StopRecord& record, const std::string& setting) {
    const auto end = std::ranges::find_if(record.events, [&](const StopEvent& event) {
        return event.what == "exit" && (event.code != "exited" || event.status != 0) &&
               (event.role == "main" ? setting == "ExecStart" : event.setting == setting);
    });
    const bool was_signalled = end != record.events.end() && end->code != "exited";
    std::string see = "run it by hand to see why it failed";
    if (was_signalled && is_of_a_crash(end->status)) {
        see = "'dmesg' has a line with PID " + std::to_string(end->pid) +
              " for most faults, and none for a signal that was sent";
    } else if (was_signalled) {
        see = signal_name(end->status) +
              " is no fault of its own: find who sent it, if it is not said here";
    }
    return setting + ": " + see +
           (setting == "ExecStart" ? "."
                                   : "; if the service can do without it, a '-' before it has svcd "
                                     "ignore its failure.");
}

std::string mend_of_pid_file(std::string_view fault) {
    const bool is_there = fault.find("it names ") != std::string_view::npos ||
                          fault.find("hold a process number") != std::string_view::npos;
    return is_there ? "Have the program write the PID of its main process into that file, before "
                      "its first process ends; or leave PIDFile out."
                    : "PIDFile: the path that the program really writes; or leave it out.";
}

std::string look_at_log(const StopRecord& record) {
    return "See what it wrote last: 'svctl status " + record.unit + "'.";
}

const StopEvent* ignored_failure(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "exit" && event.ignored && event.setting == "ExecStart";
    });
    const bool came_to_nothing = ended_by_itself(record) && record.main_pid == 0;
    return found != record.events.end() && came_to_nothing ? &*found : nullptr;
}

std::string ignored_text(const StopEvent& event) {
    return event.setting + " (" + event.command + ") " + end_text(event.code, event.status) +
           " (ignored, since it begins with '-')";
}

std::string main_of(const StopRecord& record) {
    return "the main process, " + pid_text(record.main_pid, name_at_end(record)) + ",";
}

bool ended_by_itself(const StopRecord& record) {
    return !record.asked_by && !record.shutdown;
}

std::optional<Verdict> exec_stop_cut(const StopRecord& record) {
    const auto cut = find_command(record, [&](const StopEvent& end) {
        const bool ended_well = end.code == "exited" && end.status == 0;
        return !ended_well && svcd_ended(record, end.pid, end.at);
    });
    if (!cut) {
        return std::nullopt;
    }
    if (const StopEvent* own = stop_asked_by_itself(record)) {
        return verdict("exec-stop-hung",
                       command_text(*cut->end) + " had not ended after " + short_time(cut->took) +
                           ", and svcd ended it: it may wait for the stop that it is part of ('" +
                           without_folder(own->command) + "', PID " + std::to_string(own->pid) +
                           ", a process of it, had asked for that stop, too)",
                       cut->end->setting +
                           ": a command that stops the program itself; svctl stop of its own unit "
                           "waits for its own end (--no-block does not wait).");
    }
    // Not until it had ended: it may have ignored the first signal.
    const Usec given = first_signal_to(record, cut->end->pid, cut->end->at)->at -
                       spawn_of(record, cut->end->pid)->at;
    const std::string share =
        record.limit == kUsecInfinity || record.limit == 0
            ? ""
            : ", " + std::to_string(given * kPercent / record.limit) + " % of the limit";
    return verdict("exec-stop-hung",
                   command_text(*cut->end) + " had not ended after " + short_time(given) + share +
                       ", and svcd ended it",
                   cut->end->setting +
                       ": a command that ends by itself, for example below 'timeout " +
                       (ended_late(*cut, given) ? "-k 1 " : "") + less_than(given) +
                       "', which is less than it was given (exit status 124, which is timeout's "
                       "when the time is over, counts as a failure)" +
                       (cut->end->setting == "ExecStop"
                            ? "; or leave it out, if " + record.stop_signal + " is enough."
                            : "."));
}

std::optional<Verdict> exec_stop_failed(const StopRecord& record) {
    const auto failed = find_command(record, [&](const StopEvent& end) {
        return (end.code != "exited" || end.status != 0) && !svcd_ended(record, end.pid, end.at);
    });
    if (!failed) {
        return std::nullopt;
    }
    const StopEvent* told = first_stop_signal(record);
    if (const StopEvent* never = never_executed(record, failed->end->setting)) {
        const std::size_t cut = never->error.rfind("; ");
        return verdict("exec-stop-failed", never->error.substr(0, cut),
                       cut == std::string::npos ? "" : never->error.substr(cut + 2) + ".");
    }
    return verdict(
        "exec-stop-failed",
        command_text(*failed->end) + " " + end_text(failed->end->code, failed->end->status) +
            " after " + short_time(failed->took) +
            (told != nullptr && told->at >= failed->end->at ? "; svcd went on with " + told->signal
                                                            : ""),
        failure_of(record) == nullptr || ignored_failure(record) != nullptr
            ? ""
            : mend_of_command(record, failed->end->setting));
}

std::optional<Verdict> shortened_by_shutdown(const StopRecord& record) {
    if (!record.shutdown || record.limit >= record.timeout) {
        return std::nullopt;
    }
    const std::string given = "the shutdown gave it " + short_time(record.limit);
    return verdict(
        "shortened",
        given + (record.timeout == kUsecInfinity
                     ? ", though its TimeoutStopSec is infinity"
                     : " of the " + short_time(record.timeout) + " of its TimeoutStopSec: " +
                           short_time(record.timeout - record.limit) + " less"),
        "TimeoutStopSec: what it really needs; or a larger ShutdownBudgetSec in svcd.yaml.");
}

std::optional<Verdict> cpu_throttled(const StopRecord& record) {
    constexpr Usec kShare = 10;  // percent of the stop that is worth a word
    const Usec took = record.duration.value_or(0);
    if (!record.throttled || took == 0 || *record.throttled * kPercent < took * kShare) {
        return std::nullopt;
    }
    return verdict("throttled",
                   "the CPU quota held its processes back for " + short_time(*record.throttled) +
                       " of the " + short_time(took) +
                       " of the stop (of several processes at once the times add up)",
                   "CPUQuota: more, or a longer TimeoutStopSec.");
}

std::optional<Verdict> could_not_be_run(const StopRecord& record) {
    if (const StopEvent* failed = exec_failure(record);
        failed != nullptr && ended_by_itself(record)) {
        const std::size_t cut = failed->error.rfind("; ");
        const bool has_remedy = cut != std::string::npos;
        const std::string_view name =
            record.main_code == "exited" ? exit_status_name(record.main_status) : "";
        const std::string status = name.empty() ? ""
                                                : " (" + std::to_string(record.main_status) + "/" +
                                                      std::string{name} + ")";
        const std::string remedy = has_remedy ? failed->error.substr(cut + 2) : "";
        // A command is copied as it stands.
        const bool ends_in_path = remedy.find('/', remedy.rfind(' ') + 1) != std::string::npos;
        return verdict(
            "not-executed",
            "the program was not executed" + status + ": " + failed->error.substr(0, cut),
            remedy + (remedy.empty() || ends_in_path ? "" : "."));
    }
    constexpr int kFirst = 200;
    if (record.main_code != "exited" || record.main_status < kFirst || main_ran(record) ||
        !meaning_of_exit_status(record.main_status)) {
        return std::nullopt;
    }
    return verdict("not-executed",
                   "it " + end_text(record.main_code, record.main_status) +
                       ", unless the program itself ended with that status: what svcd knew of it "
                       "is lost; the command is '" +
                       record.command + "'",
                   record.main_status == 203
                       ? "ExecStart: a path that exists and may be run (its #! interpreter, too)."
                       : "Correct the setting that this names, and start it again: the reason is "
                         "said then.");
}

std::optional<Verdict> failed_by_itself(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (!ended_by_itself(record) || record.main_code != "exited" || record.main_status == 0 ||
        (failure != nullptr && failure->kind != "main-ended") || could_not_be_run(record)) {
        return std::nullopt;
    }
    if (record.result == "success") {
        return verdict("ended-clean",
                       main_of(record) + " " +
                           end_text(record.main_code, record.main_status, main_ran(record)) +
                           ", which counts as a clean end (SuccessExitStatus, or a '-' before the "
                           "command)",
                       "");
    }
    const std::string signal = signal_in_status(record);
    const StopEvent* kill = asked_kill(record);
    if (!signal.empty() && kill != nullptr && kill->signal == signal) {
        return verdict("failed-itself",
                       main_of(record) + " " +
                           end_text(record.main_code, record.main_status, main_ran(record)) +
                           signal_in_status_text(record) +
                           ", and svcd had sent that for svctl kill",
                       "SuccessExitStatus: " + std::to_string(record.main_status) +
                           " makes that a clean end.");
    }
    return verdict(
        "failed-itself",
        main_of(record) + " " + end_text(record.main_code, record.main_status, main_ran(record)) +
            ", which svcd had not asked it to" +
            (signal.empty()
                 ? ""
                 : signal_in_status_text(record) + ", and svcd had sent it no " + signal),
        look_at_log(record));
}

/// A process that catches a signal ends as one that has decided so itself.
std::optional<Verdict> ended_unasked(const StopRecord& record) {
    if (!ended_by_itself(record) || was_starting(record) || asked_kill(record) != nullptr ||
        record.main_code != "exited" || record.result != "success" ||
        exit_of(record, record.main_pid) == nullptr) {
        return std::nullopt;
    }
    return verdict("ended-unasked",
                   "svcd did not ask it to end: it did so of its own accord, or another process "
                   "told it to. A signal that a program catches leaves no trace",
                   "");
}

/// What svcd was told to ignore, and what the rest follows from.
std::optional<Verdict> failure_was_ignored(const StopRecord& record) {
    const StopEvent* ignored = ignored_failure(record);
    return ignored == nullptr
               ? std::nullopt
               : std::optional{verdict("ignored-failure", ignored_text(*ignored),
                                       mend_of_command(record, ignored->setting) +
                                           " Without the '-' the start fails with this reason.")};
}

/// Tells which limit was over, as svcd wrote it down, and what to do about that limit.
std::optional<Verdict> out_of_time(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (failure == nullptr) {
        return std::nullopt;
    }
    if (failure->kind.starts_with("watchdog")) {
        const bool is_own_time = failure->text.find("WATCHDOG_USEC") != std::string::npos;
        return verdict(
            "watchdog", failure->text + "; svcd ended it" + unaddressed_text(failure->unaddressed),
            failure->kind == "watchdog-trigger" || was_held_at_watchdog(record) ? ""
            : failure->kind == "watchdog-never" && !failure->unaddressed.empty()
                ? "Have NOTIFY_SOCKET reach the program, which sends WATCHDOG=1 by it ('env -i', "
                  "'su -' and sudo take it away); or leave WatchdogSec out."
            : failure->kind == "watchdog-never"
                ? "Have the program send WATCHDOG=1 (NotifyAccess has to allow the "
                  "process that does), or leave WatchdogSec out."
            : is_own_time ? "See what kept it from sending; or have it ask for more time."
                          : "See what kept it from sending; or WatchdogSec: more.");
    }
    if (is_start_timeout(failure->kind)) {
        return verdict("start-timeout", failure->text + unaddressed_text(failure->unaddressed),
                       start_timeout_mend(record, *failure));
    }
    if (failure->kind == "stop-timeout" && !record.sigkill && !record.left_over &&
        !end_was_told_late(record)) {
        const StopEvent* sent = sent_at_deadline(record);
        return verdict(
            "out-of-time",
            failure->text + (sent == nullptr ? ""
                                             : ", and svcd sent " + sent->signal + " (" +
                                                   (sent->cause == "failure-mode"
                                                        ? "TimeoutStopFailureMode: abort)"
                                                        : "FinalKillSignal)")),
            "TimeoutStopSec: longer than the service takes at worst; or have it end "
            "sooner on " +
                record.stop_signal + ".");
    }
    if (failure->kind == "runtime-max") {
        return verdict("runtime-max", failure->text, "RuntimeMaxSec: more, if it may run longer.");
    }
    return std::nullopt;
}

/// A command beside the main process; those of the stop have judgements of their own.
std::optional<Verdict> command_failed(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (failure == nullptr || failure->kind != "command-failed" ||
        failure->setting.starts_with("ExecStop") || record.result == "exec-condition") {
        return std::nullopt;
    }
    return verdict("command-failed", failure->text, mend_of_command(record, failure->setting));
}

/// Tells that it did not do what its Type promises.
std::optional<Verdict> promise_not_kept(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (failure == nullptr) {
        return std::nullopt;
    }
    if (failure->kind == "no-pid-file") {
        return verdict(failure->kind, failure->text,
                       ignored_failure(record) != nullptr
                           ? ""
                           : "If it goes into the background: PIDFile, the path that it really "
                             "writes. If it leaves no process: Type: oneshot.");
    }
    if (failure->kind == "not-ready") {
        return verdict(failure->kind, failure->text, look_at_log(record));
    }
    return failure->kind == "ended-before-ready"
               ? std::optional{verdict(
                     "not-ready", failure->text,
                     look_at_log(record) + " Type: exec, if the program never sends READY=1.")}
               : std::nullopt;
}

std::optional<Verdict> killed_unasked(const StopRecord& record) {
    const StopEvent* killed = first_sigkill(record);
    const StopEvent* told = first_stop_signal(record);
    if (killed == nullptr || told != nullptr || killed->cause == "main-exited" ||
        killed->cause == "user") {
        return std::nullopt;
    }
    const bool by_choice = killed->cause == "kill-signal-is-kill";
    return verdict(
        "killed-at-once",
        "svcd sent SIGKILL to " + pids_text(killed->pids) + " without asking " +
            (killed->pids.size() == 1 ? "it" : "them") + " to end first, " +
            cause_text(record, *killed),
        by_choice ? record.stop_signal_setting + ": SIGTERM lets the service end in order." : "");
}

/// Tells which processes the main process has left behind. If it left none, it tells which others
/// were there when it ended.
std::optional<Verdict> left_by_main(const StopRecord& record) {
    std::vector<ProcessFacts> left = lived_on_after_main(record);
    const StopEvent* failure = failure_of(record);
    if (left.empty() || !ended_by_itself(record) ||
        (failure != nullptr && is_start_timeout(failure->kind))) {
        return std::nullopt;
    }
    const std::string origin = std::ranges::find(left, "main", &ProcessFacts::origin) != left.end()
                                   ? "main"
                                   : left.front().origin;
    std::erase_if(left, [&](const ProcessFacts& one) { return one.origin != origin; });
    const std::vector<ProcessId> pids = pids_of(left);
    const std::string who =
        left.size() == 1 ? pid_text(pids.front(), left.front().name) : pids_text(pids);
    if (origin != "main") {
        return verdict("left-processes",
                       who + (left.size() == 1 ? " was" : " were") +
                           " there when the main process ended; " +
                           (origin == "before-main"
                                ? std::string{left.size() == 1 ? "it was" : "they were"} +
                                      " started before that, by an ExecStartPre or in an earlier "
                                      "life of the unit"
                                : std::string{"who had started "} +
                                      (left.size() == 1 ? "it" : "them") + " is not known"),
                       "");
    }
    const bool ended_well =
        record.main_code == "exited" && record.main_status == 0 && record.result == "success";
    return verdict(
        "left-processes",
        "the main process ended and left " + who + " behind, " +
            (record.left_over ? (left.size() == 1 ? "which lives on" : "which live on")
                              : (left.size() == 1 ? "which is gone, too" : "which are gone, too")),
        !ended_well
            ? ""
            : "If it puts itself into the background: have it stay in the foreground (an option "
              "like --foreground), or Type: forking with PIDFile. Else have the main process "
              "wait for its children.");
}

std::optional<Verdict> nearly_out_of_time(const StopRecord& record) {
    constexpr std::uint64_t kShare = 50;
    const std::uint64_t share = share_of_limit(record);
    // Where processes are left over, no SIGKILL would have come. A command that svcd has cut is not
    // the service, which got its signal in time.
    if (record.sigkill || record.left_over || share < kShare || exec_stop_cut(record)) {
        return std::nullopt;
    }
    // Where there is no SIGKILL, or its time was over, this is not what it came near to. And what
    // no svcd has measured is no measure.
    const bool was_away = std::ranges::any_of(record.events, [](const StopEvent& event) {
        return event.what == "manager" && event.how == "away";
    });
    if (!record.send_sigkill || record.result == "timeout" || was_away) {
        return std::nullopt;
    }
    if (share > kPercent) {
        if (end_was_told_late(record)) {
            return std::nullopt;
        }
        return verdict("svcd-was-late",
                       "the end of the stop was noticed after " + std::to_string(share) +
                           " % of its limit, and no SIGKILL was sent: svcd itself was held up, and "
                           "how long the service took is not known",
                       "");
    }
    if (exec_stop_is_near(record)) {
        return verdict("nearly-out-of-time",
                       "the stop took " + std::to_string(share) +
                           " % of its limit; a little more and svcd cuts ExecStop short",
                       "TimeoutStopSec: more; or an ExecStop that ends sooner.");
    }
    const bool aborts = record.failure_mode == "abort";
    return verdict("nearly-out-of-time",
                   "the stop took " + std::to_string(share) +
                       " % of its limit; a little more and " +
                       (aborts ? record.watchdog_signal : record.final_signal) + " comes" +
                       (aborts ? " (TimeoutStopFailureMode: abort)" : ""),
                   "TimeoutStopSec: more; or have the service end sooner.");
}

std::optional<Verdict> limit_was_extended(const StopRecord& record) {
    const auto asked = std::ranges::count_if(record.events, [](const StopEvent& event) {
        return event.what == "notify" && event.extend.has_value();
    });
    if (asked == 0 || record.limit == kUsecInfinity || record.limit <= record.timeout) {
        return std::nullopt;
    }
    return verdict("limit-extended",
                   "it asked for more time " + times_text(static_cast<std::uint64_t>(asked)) +
                       " (EXTEND_TIMEOUT_USEC), which made its limit " + short_time(record.limit) +
                       " instead of " + short_time(record.timeout),
                   "");
}

std::vector<Verdict> judge_unit(const StopRecord& record) {
    std::vector<Verdict> verdicts;
    if (record.from == "auto-restart") {
        return verdicts;  // nothing ran: the life before has a record of its own
    }
    for (const Judge judge : kJudges) {
        if (auto found = judge(record)) {
            verdicts.push_back(std::move(*found));
        }
    }
    return verdicts;
}

}  // namespace svcd
