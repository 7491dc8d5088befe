#include "explain_timeline.h"

#include <algorithm>

#include "counted.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "given_up_job.h"
#include "messages.h"

namespace svcd {
namespace {

/// Names that stand in a row of the timeline; of more processes there are only the PIDs.
constexpr std::size_t kNamedMax = 3;

std::string whom(const StopRecord& record, const StopEvent& event) {
    const std::vector<ProcessId>& pids = event.pids;
    if (pids.size() > kNamedMax) {
        return std::to_string(pids.size() + event.more) + " processes, " + pids_text(pids) +
               (event.more == 0
                    ? ""
                    : " (the record names " + std::to_string(pids.size()) + " of them)");
    }
    std::string text;
    for (const ProcessId pid : pids) {
        const StopEvent* spawn = spawn_of(record, pid);
        text += text.empty() ? "" : ", ";
        text += spawn == nullptr ? pid_text(pid, name_of(record, pid))
                                 : spawn->setting + " (PID " + std::to_string(pid) + ")";
    }
    return text.empty() ? "no process" : text;
}

/// Of the process that has asked: ", of janitor.service".
std::string unit_part(const StopEvent& event) {
    return event.unit.empty() ? "" : ", of " + event.unit;
}

/// How a process ended that has, or has not, become its program.
std::string own_end(const StopRecord& record, const StopEvent& event) {
    const bool never_ran = failed_by(record, "not-executed") && !event.ran &&
                           event.code == "exited" && event.status >= kFirstOfSvcd;
    return never_ran ? before_executed(event.status)
                     : describe_end(code_number(event.code), event.status, event.ran);
}

std::string exit_row(const StopRecord& record, const StopEvent& event) {
    const std::string end = own_end(record, event);
    if (event.role == "control") {
        return event.setting + ", PID " + std::to_string(event.pid) + ", " + end;
    }
    const bool was_program = event.ran || !failed_by(record, "not-executed");
    return "the main process, " + pid_text(event.pid, was_program ? name_at_end(record) : "") +
           ", " + end;
}

std::string notify_row(const StopRecord& record, const StopEvent& event) {
    std::string said = event.stopping ? "STOPPING=1" : "";
    if (!event.status_text.empty()) {
        said += (said.empty() ? "" : ", ") + ("STATUS=" + event.status_text);
    }
    if (event.extend) {
        said +=
            (said.empty() ? "" : ", ") + ("EXTEND_TIMEOUT_USEC for " + short_time(*event.extend));
    }
    return pid_text(event.from, name_of(record, event.from)) + " said " +
           (said.empty() ? "something" : said) +
           (event.what == "notify" ? "" : ", which was refused: NotifyAccess does not allow it to");
}

/// Another manager has taken over.
std::string manager_row(const StopEvent& event) {
    if (event.how == "away") {
        return "svcd goes on: none had run for a while, and what happened meanwhile is told late";
    }
    return event.how == "left" ? "svcd's manager had made room for another one, which goes on"
                               : "svcd's manager had died, and another one goes on";
}

std::string job_row(const StopEvent& event) {
    if (event.pid == 0) {
        return "svcd itself wants a " + event.type + ", too" +
               (event.reason.empty() ? "" : ": " + event.reason);
    }
    return user_text(event.uid) + " asked for a " + event.type + ", too ('" +
           without_folder(event.command) + "', PID " + std::to_string(event.pid) +
           unit_part(event) + ")" +
           (event.reason.empty() ? "" : "; reason: \"" + event.reason + "\"");
}

std::string processes_row(const StopEvent& event) {
    std::vector<ProcessId> pids;
    for (const ProcessFacts& process : event.processes) {
        pids.push_back(process.pid);
    }
    if (event.why == "watchdog" || pids.empty()) {
        return "";
    }
    const std::size_t all = pids.size() + event.more;
    return counted(all, "process") + " " +
           (event.why == "wedged" ? (all == 1 ? "outlives SIGKILL" : "outlive SIGKILL")
            : all == 1            ? "is left"
                                  : "are left") +
           ": " + pids_text(pids);
}

/// A row for what happened; "" for what isn't told.
std::string row_text(const StopRecord& record, const StopEvent& event) {
    if (event.what == "spawn" && !event.error.empty()) {
        return not_started_text(event);
    }
    if (event.what == "job") {
        return job_row(event);
    }
    if (event.what == "reload") {
        return "a reload began, " + reload_asker_text(event);
    }
    if (event.what == "job-given-up") {
        return give_up_text(event);
    }
    if (event.what == "manager") {
        return manager_row(event);
    }
    if (event.what == "core-dump") {
        return "the kernel is writing a core dump of one of its processes: SIGKILL waits for it";
    }
    if (event.what == "spawn") {
        return event.setting + ": " + event.command + " (PID " + std::to_string(event.pid) + ")";
    }
    if (event.what == "exec-failed") {
        return event.error;
    }
    if (event.what == "exit") {
        return exit_row(record, event);
    }
    if (event.what == "signal") {
        return event.signal + " to " + whom(record, event) + ", " + cause_text(record, event);
    }
    if (event.what == "asked-kill") {
        return user_text(event.uid) + " asked for " + event.signal + " ('" +
               without_folder(event.command) + "', PID " + std::to_string(event.pid) +
               unit_part(event) + ")";
    }
    if (event.what.starts_with("notify")) {
        return notify_row(record, event);
    }
    if (event.what == "left") {
        return event.pids.empty() ? ""
                                  : "when the main process had ended, " + pids_text(event.pids) +
                                        (event.pids.size() == 1 ? " was" : " were") + " there";
    }
    if (event.what == "processes") {
        return processes_row(event);
    }
    if (event.what == "failure") {
        return event.kind == "command-failed" ? "" : event.text;  // the exit stands before it
    }
    if (event.what == "oom") {
        return "the kernel's OOM killer took a process";
    }
    return event.what == "empty" ? "all processes are gone" : "";
}

std::string share_text(Usec took, Usec limit) {
    std::string text = short_time(took);
    if (limit != kUsecInfinity && limit != 0 && took * 100 >= limit) {
        text += ", " + std::to_string(took * 100 / limit) + " % of the limit";
    }
    return text;
}

bool is_end(std::string_view state) {
    return state == "dead" || state == "failed" || state == "stop-wedged" ||
           state == "auto-restart";
}

/// Has svcd sent the signal from then on?
bool was_sent(const StopRecord& record, const std::string& signal, Usec from) {
    return std::ranges::any_of(record.events, [&](const StopEvent& event) {
        return event.what == "signal" && event.signal == signal && event.at >= from;
    });
}

TimelineRow phase_row(const StopRecord& record, const StopEvent& event, Usec until) {
    TimelineRow row{event.at, 0, true, phase_name(event.state, record), ""};
    if (is_end(event.state)) {
        const bool tells = !record.result.empty() && record.result != "success";
        row.text = event.state + (tells ? " (" + record.result + ")" : "");
        return row;
    }
    // ExecStopPost and what comes after it have a limit of their own.
    const bool in_limit = event.state == "stop" || event.state == "pre-stop" ||
                          event.state == "stop-sigterm" || event.state == "stop-watchdog";
    const bool waits_for_nothing_sent =
        (event.state.ends_with("-sigterm") && !was_sent(record, record.stop_signal, event.at)) ||
        (event.state.ends_with("-sigkill") && !record.sigkill &&
         !was_sent(record, record.final_signal, event.at));
    if (waits_for_nothing_sent) {
        row.text = "waits for the processes to be gone";
    }
    row.share = share_text(until - event.at, in_limit ? record.limit : kUsecInfinity);
    return row;
}

/// What the main process left is told with the SIGKILL to it.
bool is_told_by_others(const std::vector<StopEvent>& events, std::size_t index) {
    return std::ranges::any_of(events, [&](const StopEvent& event) {
        return event.what == "processes" &&
               (&event < &events[index] || event.at == events[index].at);
    });
}

bool says_the_same(const StopEvent& one, const StopEvent& other) {
    return one.what.starts_with("notify") && other.what == one.what && one.from == other.from &&
           one.stopping == other.stopping && one.extend == other.extend &&
           one.status_text.empty() == other.status_text.empty();
}

}  // namespace

std::vector<TimelineRow> timeline(const StopRecord& record, Usec now) {
    const std::vector<StopEvent>& events = record.events;
    const Usec end = length_of(record, now);
    std::vector<TimelineRow> rows;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const StopEvent& event = events[i];
        if (event.what == "state") {
            const auto next =
                std::find_if(events.begin() + static_cast<std::ptrdiff_t>(i) + 1, events.end(),
                             [](const StopEvent& later) { return later.what == "state"; });
            rows.push_back(phase_row(record, event,
                                     std::max(event.at, next == events.end() ? end : next->at)));
            continue;
        }
        // Of a row of messages alike the first and the last are enough.
        const bool repeats = i > 0 && i + 1 < events.size() &&
                             says_the_same(event, events[i - 1]) &&
                             says_the_same(event, events[i + 1]);
        const bool is_known = event.what == "left" && is_told_by_others(events, i);
        const std::string text = repeats || is_known ? "" : row_text(record, event);
        if (!text.empty()) {
            rows.push_back({event.at, event.before, false, text, ""});
        }
    }
    if (record.events_dropped > 0) {
        rows.push_back({end, 0, false,
                        "(" + std::to_string(record.events_dropped) +
                            " more events were not kept: a record has a limit)",
                        ""});
    }
    return rows;
}

}  // namespace svcd
