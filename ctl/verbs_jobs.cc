// start, stop, restart, ...: asks for the jobs, waits for all of them, and says how each went.
#include <algorithm>
#include <optional>

#include "culprits.h"
#include "earlier_life.h"
#include "exec_wait.h"
#include "file_change.h"
#include "given_up_job.h"
#include "guard.h"
#include "job_wait.h"
#include "log_lines.h"
#include "messages.h"
#include "named_units.h"
#include "reasons.h"
#include "signals.h"
#include "stale_files.h"
#include "stop_outcome.h"
#include "verbs.h"
#include "wanted_down.h"

namespace svcd {
namespace {

constexpr std::size_t kLogLinesOfFailure = 10;

std::string already_text(Verb verb, const std::string& unit) {
    if (verb == Verb::start || verb == Verb::isolate || target_of(verb)) {
        return unit + " is already active";
    }
    if (verb == Verb::stop) {
        return unit + " is already inactive";
    }
    if (verb == Verb::try_restart || verb == Verb::try_reload_or_restart) {
        return unit + " is not active, so there is nothing to do";
    }
    return "there is nothing to do for " + unit;
}

/// What the job was in the end: of a reload-or-restart a "reload", or a "start" of what was down or
/// has been stopped for it. "" where svcd does not know it any more.
std::string type_of(const WatchedJob& job, const Json& properties) {
    const auto last = properties.find("LastJob");
    const bool is_it = last != properties.end() && last->is_array() && last->size() == 2 &&
                       (*last)[0] == job.number() && (*last)[1].is_string();
    return is_it ? (*last)[1].get<std::string>() : "";
}

bool is_reload(Verb verb, const WatchedJob& job, const Json& properties) {
    return verb == Verb::reload || type_of(job, properties) == "reload";
}

/// A reload that the service has ended of, or during which it has.
std::string end_of_reload(Verb verb, const WatchedJob& job, const Json& properties) {
    const std::string state = text_of(properties, "ActiveState");
    if (!is_reload(verb, job, properties) || state.empty() || state == "active" ||
        state == "reloading") {
        return "";
    }
    const std::string end = describe_end(static_cast<int>(number_of(properties, "ExecMainCode")),
                                         static_cast<int>(number_of(properties, "ExecMainStatus")));
    return "the service ended during the reload" +
           (end.empty() ? std::string{} : ": its main process " + end);
}

/// Why a job failed: its unit's own failure, or that of one it depends on, or what the job says.
std::string why_failed(Session& session,
                       const WatchedJob& job,
                       const Json& properties,
                       const Culprits& found) {
    if (job.result == "dependency") {
        const bool is_given_up = found.is_given_up && found.units.size() == 1;
        const bool is_skipped = found.units.size() == 1 &&
                                text_of(found.first, "ActiveState") == "inactive" &&
                                !unmet_condition(found.first).empty();
        const bool is_over = found.units.size() == 1 && found.has_ended;
        return (is_over                     ? "a unit that it is bound to is not up"
                : is_given_up || is_skipped ? "a unit that it depends on was not started"
                                            : describe_job_result(job.result)) +
               (found.text.empty() ? "" : " (" + found.text + ")");
    }
    if (const auto given_up = read_given_up_job(properties);
        given_up && given_up->id == job.number()) {
        return give_up_text(*given_up, properties) + what_goes_on(*given_up, properties);
    }
    if (const std::string unmet = unmet_condition(properties);
        job.result == "assert" && !unmet.empty()) {
        return unmet + " does not hold";
    }
    if (const std::string end = end_of_reload(session.options().verb, job, properties);
        job.result == "failed" && !end.empty()) {
        return end;
    }
    const std::string reason = reason_text(properties);
    if (job.result == "invalid" && is_reload(session.options().verb, job, properties) &&
        text_of(properties, "ActiveState") != "active") {
        return "it is " + text_of(properties, "ActiveState") +
               (reason.empty() ? "" : ": " + reason);
    }
    if (const std::string reload = reload_reason_text(properties);
        reason.empty() && job.result == "failed" && !reload.empty()) {
        return reload;
    }
    const bool is_units_own = job.result == "failed" || job.result == "done";
    return is_units_own && !reason.empty() ? reason : describe_job_result(job.result);
}

/// "web.service failed to start", or what else a failed job comes to.
std::string what_failed(const WatchedJob& job, Verb verb, const Json& properties) {
    // Its requirement failed after the start was done.
    if (job.result == "dependency" && text_of(properties, "ActiveState") == "active") {
        return job.unit + " is active, but ";
    }
    const std::string type = verb == Verb::reload_or_restart || verb == Verb::try_reload_or_restart
                                 ? type_of(job, properties)
                                 : "";
    return job.unit + " failed to " + std::string{infinitive_of(type.empty() ? job.verb : type)} +
           ": ";
}

/// A reload whose job is done, and the service has ended since, unasked.
bool has_ended_with_reload(Session& session, const WatchedJob& job, const Json& properties) {
    if (end_of_reload(session.options().verb, job, properties).empty()) {
        return false;
    }
    const std::optional<StopRecord> stop = stop_of(session, job);
    return !stop || (!stop->asked_by && !stop->shutdown);
}

/// Reports it; `entry` is the job's row of the JSON list.
ExitStatus explain_failure(Session& session, const WatchedJob& job, Json& entry) {
    const Options& options = session.options();
    Json properties = Json::object();
    Culprits found;
    Trouble trouble;
    trouble.status = ExitStatus::failed;
    trouble.name = "org.svcd1.JobFailed";
    trouble.unit = job.unit;
    try {
        properties = session.daemon().unit_properties(job.unit);
        if (job.result == "dependency") {
            found = find_culprits(session, properties);
        }
        trouble.message = why_failed(session, job, properties, found);
        trouble.exec_error = exec_error_json(found.units.empty() ? properties : found.first);
    } catch (const sdbus::Error&) {
        trouble.message = describe_job_result(job.result);  // the unit is gone since
    }
    trouble.message = what_failed(job, options.verb, properties) +
                      (options.json ? trouble.message : harmless(trouble.message));
    if (!trouble.exec_error.is_null()) {
        entry["exec_error"] = trouble.exec_error;
    }
    // What a failed dependency said tells more than the silence of the unit that never ran.
    const std::string log_path = log_path_of(found.units.empty() ? properties : found.first);
    const auto log = last_lines(log_path, kLogLinesOfFailure,
                                log_begin_of(found.units.empty() ? properties : found.first));
    if (!options.json && !options.quiet) {
        const std::string result = text_of(properties, "Result");  // a target has none
        trouble.message += "\n  state: " + text_of(properties, "ActiveState") + " (" +
                           text_of(properties, "SubState") + ")" +
                           (result.empty() ? "" : ", Result=" + result) + ", after " +
                           seconds(job.ended - job.begun);
        if (!log.empty()) {
            trouble.message += "\n  " +
                               std::string{found.units.empty() ? "its" : "the dependency's"} +
                               " last log lines (" + log_path + "):";
        }
        for (const std::string& line : log) {
            trouble.message += "\n    " + line;
        }
    }
    // What has failed may be mended in the file, and not in what is loaded.
    const auto change = file_change(found.units.empty() ? properties : found.first);
    if (change && !options.json) {
        trouble.message += "\n  " + change->text + " ('svctl daemon-reload' reads it)";
    }
    trouble.hint =
        "'svctl status " + (found.units.empty() ? job.unit : found.units.front()) + "' shows more";
    session.report(trouble);
    return ExitStatus::failed;
}

/// A start that its conditions forbid is done, and yet not what was asked for.
bool was_kept_from_starting(Session& session, const WatchedJob& job, const Json& properties) {
    const std::string unmet = unmet_condition(properties);
    if (text_of(properties, "Result") == "exec-condition") {
        const bool was_run = recorded_failure(properties, "Failure").kind != "not-executed";
        session.warn(job.unit +
                     (was_run ? " was not started, since its ExecCondition said no: "
                              : " was not started: ") +
                     reason_text(properties));
        return true;
    }
    if (unmet.empty() || text_of(properties, "ActiveState") != "inactive") {
        return false;
    }
    session.warn(job.unit + " was not started, since " + unmet + " does not hold");
    return true;
}

bool starts_something(const WatchedJob& job) {
    return job.verb != "stop" && job.verb != "reload";
}

/// Has a unit that this one requires turned out to have no program, after its start was done?
bool lacks_a_requirement(Session& session, const Json& properties) {
    for (const char* relation : {"Requires", "BindsTo"}) {
        for (const Json& name : properties.value(relation, Json::array())) {
            const std::string unit = name.get<std::string>();
            Json required = session.daemon().unit_properties(unit);
            if (!has_become_its_program(session, unit, required)) {
                return true;
            }
        }
    }
    return false;
}

/// An earlier stop may have left processes over, where its settings say so.
void say_what_runs_beside_it(Session& session, const Json& properties) {
    const std::string mode = text_of(properties, "KillMode");
    const bool leaves_some =
        mode == "process" || mode == "none" ||
        (properties.contains("SendSIGKILL") && !truth_of(properties, "SendSIGKILL"));
    if (!leaves_some) {
        return;
    }
    const std::string unit = text_of(properties, "Id");
    const EarlierLife earlier =
        find_earlier_life(session, properties, session.daemon().processes(unit));
    if (!earlier.text.empty()) {
        session.note(unit + " runs beside what was there already: " + earlier.text);
    }
}

/// Of a job that is done, and yet has failed.
ExitStatus fail_as(Session& session, const WatchedJob& job, const char* result, Json& entry) {
    WatchedJob failed = job;
    failed.result = result;
    entry["result"] = result;
    return explain_failure(session, failed, entry);
}

/// What a start or a reload comes to whose job is done. Nothing: it is well.
std::optional<ExitStatus> check_start(Session& session,
                                      const WatchedJob& job,
                                      Json& properties,
                                      Json& entry) {
    if (has_ended_with_reload(session, job, properties)) {
        return fail_as(session, job, "failed", entry);
    }
    if (!starts_something(job)) {
        return std::nullopt;
    }
    if (was_kept_from_starting(session, job, properties)) {
        return ExitStatus::done;
    }
    say_what_runs_beside_it(session, properties);
    if (!has_become_its_program(session, job.unit, properties)) {
        entry["result"] = "failed";
        return explain_failure(session, job, entry);
    }
    if (lacks_a_requirement(session, properties)) {
        return fail_as(session, job, "dependency", entry);
    }
    return std::nullopt;
}

/// What was started is up, and what it wants is not.
ExitStatus say_what_is_down(Session& session,
                            const WatchedJob& job,
                            const Json& properties,
                            Json& entry) {
    ExitStatus status = ExitStatus::done;
    for (const WantedUnit& each : wanted_and_down(session, properties, job.begun)) {
        session.warn(each.by + " goes on without " + each.unit +
                     ", which it wants: " + harmless_lines(each.why));
        entry["down"].push_back({{"unit", each.unit}, {"by", each.by}, {"why", each.why}});
        status = session.options().strict ? ExitStatus::failed : ExitStatus::done;
    }
    return status;
}

ExitStatus say_outcome(Session& session, const WatchedJob& job, Json& entry) {
    const Usec took = job.ended - job.begun;
    // Skipped by a condition is no failure: the unit was not meant to run.
    if (job.result == "done" || job.result == "skipped") {
        ExitStatus status = check_stop(session, job);
        if (job.result == "done" && job.verb != "stop") {
            Json properties = session.daemon().unit_properties(job.unit);
            if (const auto start = check_start(session, job, properties, entry)) {
                return worse(status, *start);
            }
            if (starts_something(job)) {
                status = worse(status, say_what_is_down(session, job, properties, entry));
            }
        }
        session.remark(job.result == "done"
                           ? std::string{past_of(job.verb)} + " " + job.unit + " in " +
                                 seconds(took) + "\n"
                           : job.unit + " was skipped: " + describe_job_result(job.result) + "\n");
        return status;
    }
    return explain_failure(session, job, entry);
}

ExitStatus say_it_goes_on(Session& session, const WatchedJob& job, Signals::End end) {
    const std::string number = std::to_string(job.number());
    Trouble trouble;
    trouble.status =
        end == Signals::End::interrupted ? ExitStatus::interrupted : ExitStatus::timed_out;
    trouble.name =
        end == Signals::End::interrupted ? "org.svcd1.Interrupted" : "org.svcd1.TimedOut";
    trouble.unit = job.unit;
    trouble.message = end == Signals::End::interrupted
                          ? "no longer watching job " + number + " of " + job.unit + "; it goes on"
                          : job.unit + " has not finished to " +
                                std::string{infinitive_of(job.verb)} + " in the time given; job " +
                                number + " goes on";
    trouble.hint = "'svctl list-jobs' shows the job, 'svctl cancel " + number + "' ends it";
    session.report(trouble);
    return trouble.status;
}

bool isolates(const Options& options) {
    return options.verb == Verb::isolate || target_of(options.verb);
}

struct Request {
    std::string verb;
    std::string mode;
};

Request request_of(const Options& options) {
    if (isolates(options)) {
        return {"start", "isolate"};
    }
    return {options.verb_name, options.job_mode};
}

/// The same, of a svcd that may have ended together with the unit (of a container, say). Whether
/// the stop needed SIGKILL nobody can tell any more.
ExitStatus say_outcome_or_end(Session& session, const WatchedJob& job, Json& entry) {
    try {
        return asked(session, [&] { return say_outcome(session, job, entry); });
    } catch (const Trouble& trouble) {
        const bool has_stopped = job.verb == "stop" && job.result == "done";
        if (!has_stopped || trouble.status != ExitStatus::unreachable) {
            throw;
        }
        session.note(job.unit + " is stopped, and svcd has ended with it");
        return ExitStatus::done;
    }
}

ExitStatus report_all(Session& session, JobWait& jobs, Signals::End end, Json& list) {
    ExitStatus worst = ExitStatus::done;
    for (const WatchedJob& job : jobs.ledger().jobs()) {
        const ExitStatus status = guarded(session, job.unit, [&] {
            Json entry = {{"unit", job.unit},
                          {"verb", job.verb},
                          {"job", job.number()},
                          {"result", job.result}};
            if (!job.result.empty()) {
                entry["took_usec"] = job.ended - job.begun;
                list.push_back(std::move(entry));
                if (job.in_passing && job.result == "done") {
                    return ExitStatus::done;
                }
                Json& told = list.back();
                return say_outcome_or_end(session, job, told);
            }
            if (session.options().no_block) {
                entry["result"] = nullptr;
                list.push_back(std::move(entry));
                if (job.in_passing) {
                    return ExitStatus::done;
                }
                session.remark("job " + std::to_string(job.number()) + ": " + job.verb + " " +
                               job.unit + "\n");
                return ExitStatus::done;
            }
            return say_it_goes_on(session, job, end);
        });
        worst = worse(worst, status);
    }
    return worst;
}

ExitStatus say_end(Session& session, const std::string& unit) {
    if (session.daemon().active_state(unit) != "failed") {
        return ExitStatus::done;
    }
    const Json properties = session.daemon().unit_properties(unit);
    session.report({ExitStatus::failed, "org.svcd1.UnitFailed",
                    unit + " failed: " + reason_text(properties), unit,
                    "'svctl status " + unit + "' shows more", ""});
    return ExitStatus::failed;
}

/// --wait: after the start, until the units have ended again.
ExitStatus wait_for_end(Session& session, JobWait& jobs, const std::vector<std::string>& units) {
    const Signals::End end = jobs.wait_until_inactive(units);
    if (end == Signals::End::interrupted) {
        return ExitStatus::interrupted;
    }
    if (end == Signals::End::timed_out) {
        session.report({ExitStatus::timed_out, "org.svcd1.TimedOut",
                        "not all of the units have ended in the time given; they go on", "", "",
                        ""});
        return ExitStatus::timed_out;
    }
    ExitStatus worst = ExitStatus::done;
    for (const std::string& unit : units) {
        worst = worse(worst, asked(session, [&] { return say_end(session, unit); }));
    }
    return worst;
}

/// What svcd says to the units that were named, before any job has ended.
ExitStatus say_row(Session& session, const RequestedJobs::Row& row, Json& list) {
    if (row.outcome == "refused") {
        throw sdbus::Error(row.error, row.message);
    }
    if (row.outcome == "already") {
        if (!session.options().quiet && !session.options().json) {
            session.print(already_text(session.options().verb, row.unit) + "\n");
        }
        list.push_back({{"unit", row.unit},
                        {"verb", session.options().verb_name},
                        {"job", nullptr},
                        {"result", "already"}});
    }
    return ExitStatus::done;
}

/// What is wanted and can't be had: a start goes on without it.
ExitStatus say_what_is_left_out(Session& session, const RequestedJobs& requested, Json& list) {
    for (const RequestedJobs::LeftOut& each : requested.left_out) {
        session.warn(each.by + " goes on without " + each.unit + ": " + harmless_lines(each.why));
        list.push_back({{"unit", each.unit},
                        {"verb", session.options().verb_name},
                        {"job", nullptr},
                        {"result", "left-out"},
                        {"by", each.by},
                        {"why", each.why}});
    }
    const bool is_failure = !requested.left_out.empty() && session.options().strict;
    return is_failure ? ExitStatus::failed : ExitStatus::done;
}

/// One transaction for all of these units.
ExitStatus request_together(Session& session,
                            JobWait& jobs,
                            const std::vector<std::string>& units,
                            std::vector<std::string>& accepted,
                            Json& list) {
    const Request request = request_of(session.options());
    const std::string only = units.size() == 1 ? units.front() : "";
    return guarded(session, only, [&] {
        const RequestedJobs requested = jobs.request(request.verb, units, request.mode);
        ExitStatus worst = ExitStatus::done;
        for (const RequestedJobs::Row& row : requested.rows) {
            worst = worse(worst,
                          guarded(session, row.unit, [&] { return say_row(session, row, list); }));
            if (row.outcome != "refused") {
                accepted.push_back(row.unit);
            }
        }
        return worse(worst, say_what_is_left_out(session, requested, list));
    });
}

/// Is a target or a slice stopped, whose members go down after it?
bool stops_members(const Options& options, const std::vector<std::string>& units) {
    return options.verb == Verb::stop && !options.no_block &&
           std::ranges::any_of(units, [](const std::string& unit) {
               return unit.ends_with(".target") || unit.ends_with(".slice");
           });
}

}  // namespace

ExitStatus run_jobs(Session& session) {
    const Options& options = session.options();
    Json list = Json::array();
    const ChosenUnits chosen = asked(session, [&] {
        const auto target = target_of(options.verb);
        check_is_init(session);
        ChosenUnits found = target ? ChosenUnits{{std::string{*target}}, ExitStatus::done}
                                   : chosen_units(session, options.arguments, options.verb_name);
        settle_stale_files(session, found.units);
        return found;
    });
    ExitStatus worst = chosen.status;
    JobWait jobs{session};
    std::vector<std::string> accepted;
    const std::vector<std::string>& units = chosen.units;
    Signals::End end = Signals::End::satisfied;
    const std::size_t at_once = options.each ? 1 : units.size();
    for (std::size_t next = 0; next < units.size(); next += at_once) {
        const std::vector<std::string> together{
            units.begin() + static_cast<std::ptrdiff_t>(next),
            units.begin() + static_cast<std::ptrdiff_t>(next + at_once)};
        worst = worse(worst, request_together(session, jobs, together, accepted, list));
        if (stops_members(options, together)) {
            jobs.expect_stops_along();
        }
        if (options.each) {
            end = jobs.wait();
            if (end != Signals::End::satisfied) {
                break;
            }
        }
    }
    if (!options.each) {
        end = jobs.wait();
    }
    worst = worse(worst, report_all(session, jobs, end, list));
    if (end == Signals::End::satisfied) {
        worst = worse(worst, check_stops_along(session, jobs.ledger().jobs()));
    }
    if (options.wait && end == Signals::End::satisfied) {
        worst = worse(worst, wait_for_end(session, jobs, accepted));
    }
    if (options.json) {
        session.print(json_text(list));
    }
    return worst;
}

ExitStatus cancel_jobs(Session& session) {
    if (session.options().arguments.empty()) {
        session.daemon().manager().ClearJobs();
        return ExitStatus::done;
    }
    ExitStatus worst = ExitStatus::done;
    for (const std::string& argument : session.options().arguments) {
        const ExitStatus status = guarded(session, "", [&] {
            session.daemon().manager().CancelJob(static_cast<std::uint32_t>(std::stoul(argument)));
            session.remark("cancelled job " + argument + "\n");
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    return worst;
}

}  // namespace svcd
