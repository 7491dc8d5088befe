#include "explain_stop.h"

#include <algorithm>
#include <array>
#include <csignal>

#include "counted.h"
#include "explain_words.h"
#include "messages.h"

namespace svcd {
namespace {

std::size_t without_commands(const StopRecord& record, const std::set<ProcessId>& pids) {
    return static_cast<std::size_t>(std::ranges::count_if(
        pids, [&](ProcessId pid) { return spawn_of(record, pid) == nullptr; }));
}

std::string processes_text(std::size_t count) {
    return counted(count, "process");
}

/// Has the main process a part in this stop? It may have ended long before.
bool had_main(const StopRecord& record) {
    return exit_of(record, record.main_pid) != nullptr ||
           std::ranges::any_of(record.events, [&](const StopEvent& event) {
               return std::ranges::find(event.pids, record.main_pid) != event.pids.end();
           });
}

/// Has it started processes after the stop signal, so that nobody knows how many it had?
bool has_grown(const StopRecord& record) {
    const StopEvent* told = first_stop_signal(record);
    const std::set<ProcessId> killed = killed_pids(record);
    return told != nullptr && told->more == 0 && record.kill_mode == "control-group" &&
           !record.main_first && std::ranges::any_of(killed, [&](ProcessId pid) {
               return spawn_of(record, pid) == nullptr &&
                      std::ranges::find(told->pids, pid) == told->pids.end();
           });
}

/// How many processes it had, as far as the record tells: it names only so many.
std::size_t processes_of(const StopRecord& record) {
    std::size_t most = 0;
    for (const StopEvent& event : record.events) {
        most = event.more == 0 || event.what != "signal"
                   ? most
                   : std::max<std::size_t>(most, event.pids.size() + event.more);
    }
    std::set<ProcessId> pids = known_pids(record);
    if (!had_main(record)) {
        pids.erase(record.main_pid);
    }
    return most != 0 ? most : without_commands(record, pids);
}

/// "; SIGKILL was needed for 2 of 3 processes", or how else it ended.
std::string kill_part(const StopRecord& record) {
    const StopEvent* first = first_sigkill(record);
    // A command that got it too is one of them.
    const std::size_t killed = killed_pids(record).size() + unnamed_pids(record, "SIGKILL");
    const std::size_t commands =
        killed_pids(record).size() - without_commands(record, killed_pids(record));
    if (end_was_told_late(record)) {
        return "; its end was told late";
    }
    if (record.result == "stop-wedged") {
        return "; processes outlived SIGKILL";
    }
    if (record.left_over) {
        return "; processes of it were left over, since " + why_left_over(record);
    }
    if (!record.sigkill || first == nullptr || killed == 0) {
        return "";
    }
    if (first->cause == "main-exited") {
        const std::string left = has_event(record, "spawn")  // by which of them is not known
                                     ? std::string{killed == 1 ? "was" : "were"} +
                                           " there when the main process had ended"
                                     : "the main process left";
        return "; the " + (killed == 1 ? std::string{"process"} : processes_text(killed)) +
               " that " + left + " got SIGKILL";
    }
    if (first->cause == "kill-signal-is-kill") {
        return " with SIGKILL, which is its " + record.stop_signal_setting;
    }
    if (first->cause == "failure-mode" && first_stop_signal(record) == nullptr) {
        return "; SIGKILL ended it, " + cause_text(record, *first);
    }
    const std::size_t all = std::max(killed, processes_of(record) + commands);
    if (has_grown(record)) {
        return "; SIGKILL was needed for " + processes_text(killed);
    }
    if (killed == all) {
        return all == 1   ? "; SIGKILL was needed"
               : all == 2 ? "; SIGKILL was needed for both processes"
                          : "; SIGKILL was needed for all " + processes_text(all);
    }
    return "; SIGKILL was needed for " + std::to_string(killed) + " of " + processes_text(all);
}

/// How the main process ended. A signal of which the sender is known means nothing else.
std::string end_of_main(const StopRecord& record) {
    const StopEvent* kill = asked_kill(record);
    const std::string signal = record.main_code == "exited" ? "" : signal_name(record.main_status);
    const bool is_sent = (kill != nullptr && kill->signal == signal) ||
                         own_signal(record, record.main_pid, signal) != nullptr;
    return is_sent ? describe_end(code_number(record.main_code), record.main_status)
                   : end_text(record.main_code, record.main_status, main_ran(record));
}

std::string own_end(const StopRecord& record) {
    constexpr Usec kLongBefore = 100'000;
    const std::string end = end_of_main(record);
    const auto earlier = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "exit" && event.role == "main" && event.before > kLongBefore;
    });
    if (earlier != record.events.end() && !end.empty()) {  // ExitType: cgroup
        return "its last process has ended (the main process " + end + " " +
               short_time(earlier->before) + " before)";
    }
    return end.empty() ? "its processes are gone" : "its main process " + end;
}

/// What it was that ended the unit when nobody asked, without its name.
std::string own_reason(const StopRecord& record) {
    if (const StopEvent* ignored = ignored_failure(record)) {
        return ignored_text(*ignored);  // the rest follows from it
    }
    if (record.result == "success") {
        const bool said_so = std::ranges::any_of(record.events, [](const StopEvent& event) {
            return event.what == "notify" && event.stopping && event.at < 1'000;
        });
        return (said_so ? "it said STOPPING=1, and " : "") + own_end(record);
    }
    const StopEvent* failure = failure_of(record);
    if (failure != nullptr && failure->kind == "not-executed") {
        const StopEvent* failed = never_executed(record);
        const StopEvent* unstarted = command_not_started(record);
        return failed != nullptr      ? failed->error
               : unstarted != nullptr ? not_started_text(*unstarted)
                                      : "a command of it could not be executed";
    }
    if (failure != nullptr && !failure->text.empty()) {
        return failure->text;
    }
    return failure != nullptr && failure->kind == "main-ended"
               ? own_end(record)
               : describe_result(record.result, code_number(record.main_code), record.main_status);
}

std::string time_part(const StopRecord& record) {
    constexpr Usec kWorthMentioning = 100'000;
    const Usec took = record.duration.value_or(0);
    return took < kWorthMentioning ? "" : "; it took " + short_time(took) + " until it was down";
}

std::string ongoing_headline(const StopRecord& record, Usec now) {
    const Usec since = now > record.began ? now - record.began : 0;
    std::string text = record.unit + " is being stopped, for " + short_time(since) + " now";
    const StopEvent* killed = first_sigkill(record);
    if (killed != nullptr && killed->cause != "kill-control") {
        return text + "; SIGKILL was sent " +
               short_time(since > killed->at ? since - killed->at : 0) + " ago";
    }
    return text;
}

/// How it ended nobody saw; what svcd had done by then is known.
std::string lost_headline(const StopRecord& record) {
    return record.unit +
           (record.asked_by || record.shutdown ? " was being stopped" : " was going down") +
           (record.shutdown ? " at the shutdown" : "") + kill_part(record) +
           "; svcd left before it was down, after " + short_time(length_of(record, 0));
}

bool names_unit(std::string_view command, const std::string& unit) {
    const std::string stem = unit.substr(0, unit.rfind('.'));
    std::size_t begin = 0;
    while (begin < command.size()) {
        const std::size_t end = std::min(command.find(' ', begin), command.size());
        const std::string_view word = command.substr(begin, end - begin);
        if (word == unit || word == stem) {
            return true;
        }
        begin = end + 1;
    }
    return false;
}

/// How a unit is tied to another one, as the settings of each call it, and in words.
struct Relation {
    const char* property;
    std::string_view of_other;
    std::string_view words;
};
constexpr auto kRelations = std::to_array<Relation>({
    {"Requires", "RequiredBy", "it Requires "},
    {"BindsTo", "BoundBy", "it BindsTo "},
    {"Requisite", "RequisiteOf", "it has as Requisite "},
    {"PartOf", "ConsistsOf", "it is PartOf "},
    {"StopPropagatedFrom", "PropagatesStopTo", "stops are propagated to it from "},
    {"Conflicts", "ConflictedBy", "it Conflicts with "},
    {"ConflictedBy", "Conflicts", "this Conflicts with it: "},
});

/// "it Requires db.service", for the first of these units that it has something to do with.
template <typename IsIt>
std::string relation_text(const Json& properties, IsIt&& is_it) {
    for (const Relation& relation : kRelations) {
        const auto list = properties.find(relation.property);
        if (list == properties.end() || !list->is_array()) {
            continue;
        }
        for (const Json& name : *list) {
            if (name.is_string() && is_it(name.get<std::string>())) {
                return std::string{relation.words} + name.get<std::string>();
            }
        }
    }
    return "";
}

/// "it Requires old.service", as svcd wrote it down when it put the request together; or "".
std::string recorded_relation_text(const Requester& requester) {
    const auto* row = std::ranges::find(kRelations, requester.relation, &Relation::of_other);
    return row == kRelations.end() || requester.other.empty()
               ? ""
               : std::string{row->words} + requester.other;
}

std::string sender_text(const StopRecord& record) {
    const ProcessId main = record.main_pid;
    switch (killed_by(record)) {
        case KilledBy::svcd:
            return ", which svcd sent " + cause_text(record, *first_sigkill(record, main));
        case KilledBy::oom:
            return ", which the kernel's OOM killer sent";
        case KilledBy::person:
            return ", which " + user_text(asked_kill(record)->uid) + " sent with svctl kill";
        case KilledBy::cpu_limit:
            return ", which the kernel sent, since LimitCPU was used up";
        case KilledBy::outside:
            return command_at_end(record) != nullptr
                       ? ", while " + command_at_end(record)->setting + " ran"
                       : ", by nobody svcd can name";
        case KilledBy::nobody:
            break;
    }
    return "";
}

}  // namespace

bool was_starting(const StopRecord& record) {
    static constexpr auto kStarting =
        std::to_array<std::string_view>({"condition", "start-pre", "start", "start-post"});
    return std::ranges::find(kStarting, record.from) != kStarting.end();
}

std::string requester_text(const Requester& requester) {
    std::string text = user_text(requester.uid);
    text += requester.command.empty() ? "" : " with '" + without_folder(requester.command) + "'";
    text += ", PID " + std::to_string(requester.pid);
    return requester.unit.empty() ? text : text + ", a process of " + requester.unit;
}

std::string why_asked_text(const Requester& requester,
                           const std::string& unit,
                           const Json& properties) {
    constexpr std::string_view kPulledIn = "pulled in by ";
    const bool is_pulled_in = requester.reason.starts_with(kPulledIn);
    const std::string by = is_pulled_in ? requester.reason.substr(kPulledIn.size()) : "";
    const std::string reason =
        is_pulled_in || requester.reason.empty() ? "" : "; reason: \"" + requester.reason + "\"";
    if (const std::string known = recorded_relation_text(requester); !known.empty()) {
        const bool is_further = is_pulled_in && by != requester.other;
        return reason + "; " + unit + " went along, since " + known +
               (is_further ? "; what was asked for concerns " + by : "");
    }
    const std::string relation = relation_text(properties, [&](const std::string& other) {
        return is_pulled_in
                   ? other == by
                   : !names_unit(requester.command, unit) && names_unit(requester.command, other);
    });
    if (relation.empty()) {
        return is_pulled_in ? "; " + unit + " went along with " + by : reason;
    }
    return reason + "; " + unit + " went along, since " + relation;
}

namespace {

/// Can this svctl kill have ended the main process? A process may take long to shut down after a
/// signal that asks for it; what other signals have it do, it does at once.
bool may_have_ended_main(const StopRecord& record, const StopEvent& kill) {
    constexpr Usec kAtOnce = 200'000;
    static constexpr auto kAskToEnd =
        std::to_array<std::string_view>({"SIGTERM", "SIGINT", "SIGQUIT"});
    const StopEvent* end = exit_of(record, record.main_pid);
    if (end == nullptr) {
        return true;
    }
    if (kill.signal == "SIGSTOP") {
        return false;
    }
    const bool is_by_signal = record.main_code == "killed" || record.main_code == "dumped";
    const bool is_this_one = is_by_signal && kill.signal == signal_name(record.main_status);
    if (is_this_one || (is_by_signal && record.main_status == SIGKILL)) {
        return is_this_one;  // nothing that a process does of its own is a SIGKILL
    }
    const Usec after = end->at + kill.before - std::min(kill.at, end->at + kill.before);
    const bool asks_to_end = kill.signal == record.stop_signal ||
                             std::ranges::find(kAskToEnd, kill.signal) != kAskToEnd.end();
    return after <= kAtOnce || (asks_to_end && !is_by_signal);
}

}  // namespace

const StopEvent* asked_kill(const StopRecord& record) {
    const StopEvent* found = nullptr;
    for (const StopEvent& event : record.events) {
        if (event.what == "asked-kill" && may_have_ended_main(record, event)) {
            found = &event;
        }
    }
    return found;
}

KilledBy killed_by(const StopRecord& record) {
    if (record.main_code != "killed" || record.main_status != SIGKILL) {
        return KilledBy::nobody;
    }
    const StopEvent* ours = first_sigkill(record, record.main_pid);
    const StopEvent* end = exit_of(record, record.main_pid);
    if (ours != nullptr && (end == nullptr || ours->at <= end->at)) {
        return ours->cause == "user" ? KilledBy::person : KilledBy::svcd;
    }
    const StopEvent* person = asked_kill(record);
    if (person != nullptr && person->signal == "SIGKILL") {
        return KilledBy::person;
    }
    const bool is_oom =
        record.result == "oom-kill" ||
        std::ranges::find(record.events, "oom", &StopEvent::what) != record.events.end();
    return is_oom                           ? KilledBy::oom
           : has_reached_hard_limit(record) ? KilledBy::cpu_limit
                                            : KilledBy::outside;
}

/// It ran, and svcd has ended it, for what the unit's file says.
bool was_ended_by_svcd(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    return failure != nullptr &&
           (failure->kind == "runtime-max" || failure->kind.starts_with("watchdog"));
}

bool is_bad(const StopRecord& record) {
    if (record.result == "exec-condition") {
        return false;  // it was not meant to run
    }
    const StopEvent* killed = first_sigkill(record);
    const bool as_configured =
        killed != nullptr && !record.sigkill_at_deadline &&
        (killed->cause == "main-exited" || killed->cause == "kill-signal-is-kill");
    return (record.sigkill && !as_configured) ||
           (!record.result.empty() && record.result != "success");
}

std::string headline(const StopRecord& record, Usec now) {
    if (goes_on(record)) {
        return ongoing_headline(record, now);
    }
    if (record.lost) {
        return lost_headline(record);
    }
    if (record.result == "exec-condition") {
        return record.unit +
               (never_executed(record) != nullptr
                    ? " was not started: "
                    : " was not started: its ExecCondition said no; ") +
               own_reason(record);
    }
    if (!record.asked_by && !record.shutdown) {
        const bool unready = was_starting(record) && record.result != "success";
        const bool by_signal = record.main_code == "killed" || record.main_code == "dumped";
        const StopEvent* kill = asked_kill(record);
        const bool by_a_person = kill != nullptr && kill->at == 0 && !unready;
        const char* what = unready || failed_by(record, "not-executed") ? " failed to start: "
                           : was_ended_by_svcd(record)                  ? " was ended by svcd: "
                           : by_signal || by_a_person                   ? " went down: "
                                                      : " ended without being asked by svcd: ";
        const bool says_sender = by_signal && record.result == "signal";
        return record.unit + what + own_reason(record) +
               (says_sender   ? sender_text(record)
                : by_a_person ? ", after " + user_text(kill->uid) + " sent it " + kill->signal
                              : "") +
               kill_part(record) + time_part(record);
    }
    if (record.from == "auto-restart") {
        return record.unit + " was waiting for its restart when it was stopped";
    }
    const bool restart =
        record.asked_by && record.asked_by->type.find("restart") != std::string::npos;
    std::string text = record.unit + " was stopped in " + short_time(record.duration.value_or(0));
    text += record.shutdown ? " at the shutdown" : restart ? " to be restarted" : "";
    text += kill_part(record);
    if (!is_bad(record)) {
        return record.sigkill ? text : text + ", cleanly";
    }
    if (record.result == "timeout" && !record.sigkill && !record.left_over) {
        const StopEvent* failure = failure_of(record);
        return text + "; " +
               (failure == nullptr || failure->text.empty() ? "it took too long" : failure->text);
    }
    const bool says_why = record.sigkill || record.result == "timeout" ||
                          record.result == "success" || record.result == "stop-wedged";
    return says_why ? text : text + "; it failed: " + own_reason(record);
}

std::string asked_text(const StopRecord& record, const Json& properties) {
    if (!record.asked_by) {
        if (record.shutdown) {
            return "the shutdown of everything";
        }
        const StopEvent* kill = asked_kill(record);
        return kill == nullptr || was_starting(record)
                   ? ""
                   : "nobody; " + user_text(kill->uid) + " sent " + kill->signal + " with '" +
                         without_folder(kill->command) + "'" +
                         (kill->unit.empty() ? "" : ", a process of " + kill->unit);
    }
    const Requester& requester = *record.asked_by;
    const std::string reason =
        requester.reason.empty() ? "" : "; reason: \"" + requester.reason + "\"";
    if (record.shutdown) {
        return "the shutdown of everything" +
               (requester.pid == 0 ? "" : ", by " + requester_text(requester)) + reason;
    }
    constexpr std::string_view kRestart = "Restart= of ";
    if (requester.pid == 0 && requester.reason.starts_with(kRestart)) {
        const std::string other = requester.reason.substr(kRestart.size());
        const std::string relation =
            relation_text(properties, [&](const std::string& name) { return name == other; });
        return "svcd itself: " + record.unit + " went along with " + other +
               ", which Restart= restarts" + (relation.empty() ? "" : ", since " + relation);
    }
    if (requester.pid == 0) {
        const std::string along = recorded_relation_text(requester);
        const std::string text = "svcd itself (a " + requester.type + " job)";
        if (!along.empty()) {
            return text + ": " + record.unit + " went along, since " + along +
                   (requester.reason.empty() ? "" : "; " + requester.reason);
        }
        return text + (requester.reason.empty() ? ", for another unit's sake"
                                                : ", since: " + requester.reason);
    }
    return requester_text(requester) + why_asked_text(requester, record.unit, properties);
}

std::string main_end_text(const StopRecord& record) {
    const StopEvent* told = first_stop_signal(record);
    const bool was_told = told != nullptr && was_asked_to_end(record, record.main_pid);
    const StopEvent* sent =
        record.main_code == "exited"
            ? nullptr
            : own_signal(record, record.main_pid, signal_name(record.main_status));
    const bool reports_it = record.main_code == "exited" && was_told && record.main_status > 128 &&
                            signal_name(record.main_status - 128) == told->signal;
    const std::string end = end_of_main(record);
    if (end.empty() || failed_by(record, "not-executed")) {
        return "";
    }
    const std::string who = (record.from == "auto-restart" ? "before: " : "") +
                            pid_text(record.main_pid, name_at_end(record));
    const std::string text = who + " " + end + sender_text(record);
    if (sent != nullptr && sent->signal != "SIGKILL") {
        return text + ", which svcd sent " + cause_text(record, *sent) +
               (sent->cause == "stop" && record.result == "success" ? ": a clean stop" : "");
    }
    return reports_it ? text + ": many programs report the signal so, as a clean stop" : text;
}

std::string limit_text(const StopRecord& record) {
    if (record.limit == kUsecInfinity) {
        return "none (TimeoutStopSec: infinity)";
    }
    const StopEvent* told = first_stop_signal(record);
    const bool is_abort = told != nullptr && told->cause == "watchdog";
    if (record.limit != record.timeout && is_abort && !asked_for_more(record) &&
        !has_event(record, "core-dump")) {
        return short_time(record.limit) + " (TimeoutAbortSec)";
    }
    if (record.limit < record.timeout && !record.shutdown) {
        return short_time(record.limit) + " (TimeoutAbortSec)";
    }
    if (record.limit < record.timeout) {
        return short_time(record.limit) + ", of " +
               (record.timeout == kUsecInfinity ? "no limit at all" : short_time(record.timeout)) +
               " (TimeoutStopSec): the shutdown had no more time";
    }
    if (record.limit > record.timeout) {
        return short_time(record.limit) + " (TimeoutStopSec: " + short_time(record.timeout) +
               (asked_for_more(record)           ? ", and more, since it asked for it)"
                : has_event(record, "core-dump") ? ", and more, for a core dump)"
                                                 : ")");
    }
    return short_time(record.limit) + " (TimeoutStopSec)";
}

}  // namespace svcd
