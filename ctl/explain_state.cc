#include "explain_state.h"

#include <algorithm>
#include <array>

#include "counted.h"
#include "explain_hold.h"
#include "explain_stop.h"
#include "explain_words.h"
#include "file_change.h"
#include "given_up_job.h"
#include "reasons.h"
#include "restart_words.h"
#include "start_words.h"

namespace svcd {
namespace {

using Judge = std::optional<Verdict> (*)(const StateFacts&);

constexpr auto kJudges = std::to_array<Judge>(
    {not_loaded, dependency_down, condition_unmet, start_limit_hit, flaps, restarts_by_itself,
     is_kept_down, goes_without, job_waits, start_job_given_up, is_not_ready, main_pid_refused,
     is_held, left_over, has_earlier_life, is_in_cycle, waits_for_own_job, file_has_changed});

Verdict verdict(std::string kind, std::string text, std::string mend) {
    return {0, "", std::move(kind), std::move(text), std::move(mend)};
}

/// Several faults of a file stand in several lines.
std::string in_one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        line += c == '\n' ? std::string{"; "} : std::string{c};
    }
    return line;
}

std::string unit_of(const StateFacts& facts) {
    return text_of(facts.properties, "Id");
}

bool is_down(const StateFacts& facts) {
    const std::string active = text_of(facts.properties, "ActiveState");
    return active == "inactive" || active == "failed";
}

std::string since(const StateFacts& facts, const char* property) {
    const Usec at = number_of(facts.properties, property);
    if (!is_moment(at)) {
        return "";
    }
    return " since " + timestamp(at) +
           (facts.now > at ? ", " + rough_timespan(facts.now - at) + " ago" : "");
}

/// "3.2 s", or "" without a deadline.
std::string time_left(const StateFacts& facts) {
    const Usec deadline = number_of(facts.properties, "StateDeadlineUSec");
    if (!is_moment(deadline)) {
        return "";
    }
    return short_time(deadline > facts.now_monotonic ? deadline - facts.now_monotonic : 0);
}

std::string starting_headline(const StateFacts& facts) {
    const std::string sub = text_of(facts.properties, "SubState");
    if (sub == "auto-restart") {
        return " is down and is started again in " + time_left(facts);
    }
    const Usec began = number_of(facts.properties, "InactiveExitTimestamp");
    const std::string left = time_left(facts);
    return " is starting (" + sub + ")" +
           (facts.now > began ? ", for " + short_time(facts.now - began) + " now" : "") +
           (left.empty() ? "" : "; " + left + " left of its time");
}

std::string down_headline(const StateFacts& facts) {
    const Json& properties = facts.properties;
    const std::string reason = reason_text(properties);
    if (text_of(properties, "ActiveState") == "failed") {
        return " has failed" + (reason.empty() ? "" : ": " + reason);
    }
    if (!is_moment(number_of(properties, "InactiveExitTimestamp"))) {
        return " is not running, and has not been started since svcd began";
    }
    return " is not running" + since(facts, "InactiveEnterTimestamp");
}

std::string state_headline(const StateFacts& facts) {
    const std::string active = text_of(facts.properties, "ActiveState");
    if (active == "active") {
        const std::string sub = text_of(facts.properties, "SubState");
        const std::string up =
            sub == "running" || sub == "active" ? " is up" : " is up (" + sub + ")";
        return up + since(facts, "ActiveEnterTimestamp");
    }
    if (active == "activating") {
        return starting_headline(facts);
    }
    if (active == "reloading") {
        return " is being reloaded (" + text_of(facts.properties, "SubState") + ")";
    }
    return active == "deactivating" ? " is being stopped" : down_headline(facts);
}

/// The units that pull it in: "multi-user.target".
std::string pulled_in_by(const Json& properties) {
    constexpr std::size_t kShown = 4;
    std::vector<std::string> names;
    for (const char* relation : {"RequiredBy", "BoundBy", "RequisiteOf", "UpheldBy", "WantedBy"}) {
        const auto list = properties.find(relation);
        if (list == properties.end() || !list->is_array()) {
            continue;
        }
        for (const Json& name : *list) {
            if (std::ranges::find(names, name.get<std::string>()) == names.end()) {
                names.push_back(name.get<std::string>());
            }
        }
    }
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
        text += (i == 0 ? "" : ", ") + names[i];
    }
    return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more"
                                 : text;
}

std::string job_text(const StateFacts& facts) {
    if (!facts.job.is_object()) {
        return "";
    }
    const Usec at = number_of(facts.job, "InstalledTimestampMonotonic");
    std::string text = text_of(facts.job, "JobType") + " (job " +
                       std::to_string(number_of(facts.job, "Id")) + "), " +
                       text_of(facts.job, "State");
    text += facts.now_monotonic > at ? " for " + short_time(facts.now_monotonic - at) : "";
    if (number_of(facts.job, "RequesterPID") != 0) {
        const std::string command = text_of(facts.job, "RequesterCommand");
        text += "; asked for by " +
                user_text(static_cast<std::uint32_t>(number_of(facts.job, "RequesterUID"))) +
                (command.empty() ? "" : " with '" + without_folder(command) + "'");
    }
    const std::string reason = text_of(facts.job, "Reason");
    return reason.empty() ? text : text + "; reason: \"" + reason + "\"";
}

std::string main_process_text(const StateFacts& facts) {
    const auto pid = static_cast<ProcessId>(number_of(facts.properties, "MainPID"));
    if (pid == 0) {
        return "";
    }
    const auto known = std::ranges::find(facts.processes, pid, &ProcessFacts::pid);
    if (known == facts.processes.end()) {
        return pid_text(pid, "");
    }
    const std::string doing = doing_text(*known);
    return pid_text(pid, known->name) + (doing.empty() ? "" : "; it " + doing);
}

}  // namespace

std::optional<Verdict> not_loaded(const StateFacts& facts) {
    const std::string load = text_of(facts.properties, "LoadState");
    const std::string text = load_error_text(facts.properties);
    if (load == "loaded" && !text.empty()) {
        return verdict("load-error",
                       "its files are not in force as they are now: " + in_one_line(text),
                       "Mend the file, then 'svctl daemon-reload'.");
    }
    if (load.empty() || load == "loaded") {
        return std::nullopt;
    }
    return verdict("load-error",
                   "its unit file can't be used (" + load + ")" +
                       (text.empty() ? "" : ": " + in_one_line(text)),
                   load == "masked"
                       ? "Remove the link to /dev/null, if the unit is to be there; then 'svctl "
                         "daemon-reload'."
                   : load == "not-found" ? ""
                                         : "Mend the file, then 'svctl daemon-reload'.");
}

std::optional<Verdict> file_has_changed(const StateFacts& facts) {
    // Files with a fault have changed, too. Svcd refuses them until that is mended.
    const auto change = not_loaded(facts) ? std::nullopt : file_change(facts.properties);
    return change ? std::optional{verdict("file-changed", change->text, change->mend)}
                  : std::nullopt;
}

std::optional<Verdict> job_waits(const StateFacts& facts) {
    if (!facts.job.is_object() || facts.waits_for.empty()) {
        return std::nullopt;
    }
    std::string names;
    for (const std::string& name : facts.waits_for) {
        names += (names.empty() ? "" : ", ") + name;
    }
    return verdict(
        "job-waits",
        "its " + text_of(facts.job, "JobType") + " job waits until these are through: " + names,
        "'svctl explain' of what it waits for says more; 'svctl cancel " +
            std::to_string(number_of(facts.job, "Id")) + "' gives the job up.");
}

std::optional<Verdict> condition_unmet(const StateFacts& facts) {
    const std::string unmet = unmet_condition(facts.properties);
    if (unmet.empty() || !is_down(facts)) {
        return std::nullopt;
    }
    return verdict("condition", "it was not started, since " + unmet + " does not hold",
                   unmet.substr(0, unmet.find('=')) +
                       ": see that it holds, or remove it; then "
                       "'svctl start " +
                       unit_of(facts) + "'.");
}

std::optional<Verdict> dependency_down(const StateFacts& facts) {
    // A unit that has failed has a cause of its own: what it needs may be down for its sake.
    const std::string failure = recorded_failure(facts.properties, "Failure").kind;
    if (facts.culprits.empty() || text_of(facts.properties, "ActiveState") == "active" ||
        (text_of(facts.properties, "ActiveState") == "failed" && !failure.empty())) {
        return std::nullopt;
    }
    if (facts.culprit_may_be_up) {
        return verdict(
            "dependency", "a unit that it needs did not start: " + facts.culprits,
            "'svctl explain' of that one says more; then 'svctl start " + unit_of(facts) + "'.");
    }
    return verdict(
        "dependency", "a unit that it needs is down: " + facts.culprits,
        facts.culprits.find("a Requisite has to be active") != std::string::npos
            ? "Start that one first: a Requisite does not start it."
        : facts.culprits.find(" is not-found") != std::string::npos
            ? "Correct the name in Requires (BindsTo, Requisite), or add that unit's "
              "file: there is none of that name" +
                  (facts.near_name.empty() ? "." : "; did you mean " + facts.near_name + "?")
            : "Mend that one first; 'svctl explain' of it says more.");
}

std::optional<Verdict> start_limit_hit(const StateFacts& facts) {
    const std::string given_up = given_up_text(facts.properties);
    if (given_up.empty() && text_of(facts.properties, "Result") != "start-limit-hit") {
        return std::nullopt;
    }
    const std::uint64_t burst = number_of(facts.properties, "StartLimitBurst");
    const Usec interval = number_of(facts.properties, "StartLimitIntervalUSec");
    return verdict(
        "start-limit",
        (given_up.empty() ? "it was started " + times_text(burst) + " in " + short_time(interval) +
                                " and is not started again by itself"
                          : "it is " + given_up) +
            " (StartLimitBurst, StartLimitIntervalSec)",
        "Mend why it ended each time ('svctl explain --all " + unit_of(facts) +
            "'), then 'svctl start " + unit_of(facts) + "', which clears the count.");
}

std::optional<Verdict> flaps(const StateFacts& facts) {
    const std::string text = flapping_text(facts.properties, facts.now_monotonic);
    if (text.empty()) {
        return std::nullopt;
    }
    return verdict("flapping", "it is " + text + " (FlappingBurst, FlappingIntervalSec)",
                   "Mend why it ends each time ('svctl explain --all " + unit_of(facts) + "').");
}

std::optional<Verdict> goes_without(const StateFacts& facts) {
    std::string text;
    for (const LeftOutUnit& each : left_out_of(facts.properties)) {
        text += (text.empty() ? "" : "; ") + each.unit + ": " + each.why;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    return verdict("left-out", "it goes on without what it wants: " + text,
                   "Mend that, then 'svctl start' of what was left out.");
}

std::optional<Verdict> restarts_by_itself(const StateFacts& facts) {
    constexpr std::uint64_t kOften = 3;
    const std::uint64_t restarts = number_of(facts.properties, "NRestarts");
    const bool waits = text_of(facts.properties, "SubState") == "auto-restart";
    // A unit that somebody has stopped is not down because it was restarted.
    const bool is_down = text_of(facts.properties, "ActiveState") == "inactive";
    if (is_down || (restarts < kOften && !waits)) {
        return std::nullopt;
    }
    const std::string rule = restart_rule(facts.properties);
    return verdict("restarts",
                   (restarts == 0 ? std::string{"svcd restarts it"}
                                  : "svcd has restarted it " + counted(restarts, "time")) +
                       " by itself" + (rule.empty() ? "" : " (" + rule + ")") +
                       (waits ? "; the next time is in " + time_left(facts) : ""),
                   "");
}

/// Tells why there is no restart, though Restart or RestartForceExitStatus would have one.
std::optional<Verdict> is_kept_down(const StateFacts& facts) {
    const std::string rule = restart_rule(facts.properties);
    if (rule != "RestartPreventExitStatus" || !is_down(facts)) {
        return std::nullopt;
    }
    return verdict(
        "restart-prevented",
        "svcd does not restart it, since its main process ended in a way that " + rule + " names",
        "");
}

/// Tells what the start waits for, as svcd says it, and what to do when that never comes.
std::optional<Verdict> is_not_ready(const StateFacts& facts) {
    const std::string waits_for = text_of(facts.properties, "StartWaitsFor");
    if (waits_for.empty()) {
        return std::nullopt;
    }
    const std::string type = text_of(facts.properties, "Type");
    const std::string main = main_process_text(facts);
    const std::string kind = text_of(facts.properties, "StartWaitsForKind");
    const bool waits_for_parent =
        type == "forking" && number_of(facts.properties, "ControlPID") != 0;
    return verdict("not-ready",
                   "Type: " + type + ": " + waits_for + unaddressed_text(facts.unaddressed) +
                       (main.empty() ? "" : ". The main process is " + main),
                   kind == "ready-refused"
                       ? "NotifyAccess: all, if another process than the main one is to say it."
                   : !facts.unaddressed.empty() ? mend_of_notify_socket()
                   : kind == "ready-missing"    ? "If the program never sends READY=1: Type: exec."
                   : waits_for_parent ? "If the program stays in the foreground: Type: exec."
                   : kind == "pid-file-wrong" ? mend_of_pid_file(waits_for)
                                              : "");
}

/// Up, and yet it does nothing.
std::optional<Verdict> is_held(const StateFacts& facts) {
    const auto pid = static_cast<ProcessId>(number_of(facts.properties, "MainPID"));
    const auto main = std::ranges::find(facts.processes, pid, &ProcessFacts::pid);
    if (pid == 0 || main == facts.processes.end()) {
        return std::nullopt;
    }
    const std::string who = "its main process, " + pid_text(pid, main->name) + ",";
    if (main->state == 'T') {
        const std::string by = hold_text(facts.held_by, facts.now, facts.now_monotonic);
        return verdict("stopped",
                       who + " is stopped (SIGSTOP or SIGTSTP): it does nothing until SIGCONT" + by,
                       mend_of_hold(unit_of(facts), !by.empty()));
    }
    if (main->state == 't') {
        return verdict("traced",
                       who + " is held by a debugger or tracer" +
                           (main->tracer == 0 ? "" : ", PID " + std::to_string(main->tracer)),
                       "End that gdb or strace, or let it detach.");
    }
    if (is_frozen_by_v1(*main)) {
        return verdict("frozen",
                       who + " is frozen by the freezer of cgroup v1: it does nothing until thawed",
                       mend_of_v1_freezer(*main));
    }
    if (facts.frozen || is_frozen(*main)) {
        return verdict("frozen", who + " is frozen with its cgroup: it does nothing until thawed",
                       mend_of_frozen_cgroup(facts.frozen_cgroup));
    }
    return std::nullopt;
}

std::optional<Verdict> left_over(const StateFacts& facts) {
    if (!truth_of(facts.properties, "LeftOver")) {
        return std::nullopt;
    }
    const std::string mode = text_of(facts.properties, "KillMode");
    const bool by_mode = mode == "process" || mode == "none";
    const bool by_sigkill =
        facts.properties.contains("SendSIGKILL") && !truth_of(facts.properties, "SendSIGKILL");
    const std::string whom = by_mode      ? ", which KillMode: " + mode + " left alone"
                             : by_sigkill ? ", which got no SIGKILL (SendSIGKILL: no)"
                                          : "";
    return verdict("left-over", "processes of an earlier run are there still" + whom,
                   (by_mode      ? std::string{"KillMode: control-group; "}
                    : by_sigkill ? std::string{"SendSIGKILL: yes; "}
                                 : "") +
                       "'svctl kill -9 " + unit_of(facts) + "' ends them now.");
}

std::optional<Verdict> has_earlier_life(const StateFacts& facts) {
    if (facts.earlier_life.empty()) {
        return std::nullopt;
    }
    return verdict("earlier-life", facts.earlier_life, "");
}

std::optional<Verdict> is_in_cycle(const StateFacts& facts) {
    if (facts.ordering_cycle.empty()) {
        return std::nullopt;
    }
    return verdict("ordering-cycle", facts.ordering_cycle,
                   "Take one of these After or Before away, then 'svctl daemon-reload'.");
}

/// A command of it (an ExecStop, say) may wait for what it has asked svcd for.
std::optional<Verdict> waits_for_own_job(const StateFacts& facts) {
    if (facts.own_jobs.empty()) {
        return std::nullopt;
    }
    std::string jobs;
    for (const std::string& job : facts.own_jobs) {
        jobs += (jobs.empty() ? "" : "; ") + job;
    }
    return verdict("own-job",
                   "a process of it has asked svcd for what has not ended yet, and may wait for "
                   "it: " +
                       jobs,
                   "A command that asks for a job with --no-block does not wait for it.");
}

Explanation explain_state(const StateFacts& facts) {
    Explanation result;
    const Json& properties = facts.properties;
    result.headline = unit_of(facts) + state_headline(facts);
    result.active = text_of(properties, "ActiveState");
    const auto fact = [&](const char* label, const std::string& text) {
        if (!text.empty()) {
            result.facts.push_back({label, text});
        }
    };
    fact("Job", job_text(facts));
    fact("Main", main_process_text(facts));
    const std::string reload = reload_reason_text(properties);
    fact("Reload", reload.empty() ? "" : "the last one has failed: " + reload);
    const std::string said = text_of(properties, "StatusText");
    if (!is_down(facts)) {  // else it is long past
        fact("Status", said.empty() ? "" : "\"" + said + "\"");
        fact("Ready", truth_of(properties, "ReadinessUnknown")
                          ? "readiness unknown: svcd was away when it started"
                          : "");
        fact("Started", truth_of(properties, "Perpetual") ? "" : started_by_text(properties));
        const std::string rule = restart_rule(properties);
        fact("Restarted", rule.empty() || text_of(properties, "SubState") == "auto-restart"
                              ? ""
                              : "by svcd itself (" + rule + ")");
        fact("For", pulled_in_by(properties));
    }
    for (const Judge judge : kJudges) {
        if (auto found = judge(facts)) {
            result.verdicts.push_back(std::move(*found));
        }
    }
    return result;
}

}  // namespace svcd
