// Verdicts about what came in between: a command that left a process behind, a core dump, a word of
// the service that was not taken.
#include <algorithm>
#include <csignal>

#include "explain_state.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "messages.h"

namespace svcd {

namespace {

/// The process has ended, and nobody had sent it a signal by then.
bool has_ended_by_itself(const StopRecord& record, ProcessId pid) {
    const StopEvent* end = exit_of(record, pid);
    return end != nullptr && std::ranges::none_of(record.events, [&](const StopEvent& event) {
               return event.what == "signal" && event.at <= end->at &&
                      std::ranges::find(event.pids, pid) != event.pids.end();
           });
}

}  // namespace

/// Each command of a unit is the first process of a session: what it has started stays in that, but
/// for what makes one of its own.
std::optional<Verdict> left_by_command(const StopRecord& record) {
    std::vector<ProcessId> left;
    const StopEvent* command = nullptr;
    for (const ProcessFacts& process : left_processes(record)) {
        const StopEvent* spawn = starter_of(record, process);
        const bool has_ended = spawn != nullptr && has_ended_by_itself(record, spawn->pid);
        if (has_ended && (command == nullptr || command == spawn)) {
            command = spawn;
            left.push_back(process.pid);
        }
    }
    if (command == nullptr) {
        return std::nullopt;
    }
    return Verdict{0, "", "left-by-command",
                   command->setting + " (" + command->command + ", PID " +
                       std::to_string(command->pid) + ") had started " + pids_text(left) +
                       " and ended without waiting for " + (left.size() == 1 ? "it" : "them"),
                   command->setting + ": a command that waits for what it starts."};
}

std::optional<Verdict> held_by_core_dump(const StopRecord& record) {
    const auto found = std::ranges::find(record.events, "core-dump", &StopEvent::what);
    if (found == record.events.end()) {
        return std::nullopt;
    }
    return Verdict{0, "", "core-dump",
                   "when its time was nearly over, after " + short_time(found->at) +
                       ", the kernel was writing a core dump of one of its processes, and svcd "
                       "waited for that with SIGKILL",
                   "LimitCORE: less, or 0, if the core dump is not needed; else TimeoutAbortSec: "
                   "what it takes."};
}

std::optional<Verdict> before_shutdown(const StopRecord& record) {
    if (!record.came_before_shutdown) {
        return std::nullopt;
    }
    return Verdict{0, "", "before-shutdown",
                   "it went down first, and the shutdown of everything began before it was down: "
                   "where its FailureAction or SuccessAction asks for one, this was why",
                   ""};
}

std::optional<Verdict> main_pid_refused(const StateFacts& facts) {
    const auto refused = facts.properties.find("RefusedMainPID");
    if (refused == facts.properties.end() || !refused->is_array() || refused->size() != 2 ||
        (*refused)[0] == 0) {
        return std::nullopt;
    }
    const std::string pid = std::to_string((*refused)[0].get<ProcessId>());
    return Verdict{0, "", "main-pid-refused",
                   "it said MAINPID=" + pid +
                       ", and svcd did not take that process for its main "
                       "process: " +
                       (*refused)[1].get<std::string>(),
                   ""};
}

std::string signal_in_status(const StopRecord& record) {
    constexpr int kOfSignals = 128;
    const int signal = record.main_code == "exited" ? record.main_status - kOfSignals : 0;
    return signal == SIGTERM || signal == SIGINT || signal == SIGHUP ? signal_name(signal) : "";
}

std::string signal_in_status_text(const StopRecord& record) {
    const std::string signal = signal_in_status(record);
    return signal.empty() ? "" : "; a shell or a JVM, say, reports an end by " + signal + " so";
}

/// It ended in a stop, as it was to, and with a status that says failure.
std::optional<Verdict> failed_in_stop(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    const bool is_of_main = failure == nullptr || failure->kind == "main-ended";
    if (ended_by_itself(record) || record.result != "exit-code" || !is_of_main ||
        record.main_code != "exited" || record.main_status == 0 || !main_ran(record)) {
        return std::nullopt;
    }
    const std::string status = std::to_string(record.main_status);
    return Verdict{0, "", "failed-in-stop",
                   main_of(record) + " exited with status " + status +
                       " in the stop, which counts as a failure" + signal_in_status_text(record),
                   "SuccessExitStatus: " + status + ", if that is how it ends in order."};
}

bool exec_stop_is_near(const StopRecord& record) {
    const std::vector<StopEvent>& events = record.events;
    const auto is_state = [](const StopEvent& event) { return event.what == "state"; };
    const auto begin =
        std::ranges::find_if(events, [](const StopEvent& event) { return event.state == "stop"; });
    if (begin == events.end() || record.limit == kUsecInfinity) {
        return false;
    }
    const auto next = std::find_if(begin + 1, events.end(), is_state);
    const auto post = std::find_if(begin + 1, events.end(), [](const StopEvent& event) {
        return event.state == "stop-post" || event.state.starts_with("final-");
    });
    const Usec whole = length_of(record, 0);
    const Usec until = next == events.end() ? whole : next->at;
    const Usec end = post == events.end() ? whole : post->at;
    // As svcd has it: so much of the limit is kept for the stop signal.
    const Usec kept = std::min<Usec>(record.limit / 3, 10'000'000);
    const auto percent = [](Usec used, Usec limit) { return limit == 0 ? 0 : used * 100 / limit; };
    return percent(until, record.limit - kept) > percent(end, record.limit);
}

}  // namespace svcd
