#include "stop_outcome.h"

#include <unistd.h>

#include <algorithm>

#include "earlier_life.h"
#include "phase_text.h"

namespace svcd {
namespace {

bool stops_something(Verb verb) {
    return verb == Verb::stop || verb == Verb::restart || verb == Verb::try_restart ||
           verb == Verb::reload_or_restart || verb == Verb::try_reload_or_restart ||
           verb == Verb::isolate || target_of(verb).has_value();
}

/// Which command of the stop has failed, and how; "" for none.
std::string failure_of_stop(const StopRecord& record) {
    const StopEvent* failure = failure_of(record);
    if (failure != nullptr && failure->kind == "not-executed") {
        const StopEvent* failed = never_executed(record);
        return failed != nullptr && failed->setting.starts_with("ExecStop") ? failed->error : "";
    }
    return failure != nullptr && failure->setting.starts_with("ExecStop") ? failure->text : "";
}

/// "PID 812 (web)", those that are there now.
std::string who_is_left(Session& session, const std::string& unit) {
    const std::vector<ProcessRow> processes = session.daemon().processes(unit);
    const std::vector<ProcessId> pids = pids_of(processes);
    return processes.size() == 1 ? pid_text(pids[0], program_of(processes[0].command))
                                 : pids_text(pids);
}

/// Processes live on that are none of those that KillMode=process leaves on purpose.
ExitStatus say_what_is_left(Session& session, const StopRecord& record) {
    const std::string who = who_is_left(session, record.unit);
    const std::string text = record.unit +
                             ": processes of it are left over: " + why_left_over(record) + "; " +
                             who + " ('svctl status " + record.unit + "' shows them)";
    // Of KillMode=process that is what is wanted: sessions outlive their daemon.
    if (record.kill_mode == "process") {
        session.remark(text + "\n");
        return ExitStatus::done;
    }
    session.warn(text);
    const bool counts = session.options().strict && record.kill_mode != "none";
    return counts ? ExitStatus::failed : ExitStatus::done;
}

}  // namespace

std::optional<StopRecord> stop_of(Session& session, const WatchedJob& job) {
    const std::vector<Json> newest = session.daemon().stop_records(job.unit, 1);
    if (newest.empty()) {
        return std::nullopt;
    }
    const Json& json = newest.front();
    const auto asked = json.find("asked_by");
    const bool is_its_job =
        asked != json.end() && asked->is_object() && number_of(*asked, "job") == job.number();
    StopRecord record = read_record(json);
    // One that went on when the job came was not asked for by it.
    const bool is_since = record.began + record.duration.value_or(0) >= job.begun;
    return is_its_job || is_since ? std::optional{std::move(record)} : std::nullopt;
}

namespace {

/// A stop that needed SIGKILL is done, and yet something is wrong with the service.
ExitStatus judge_stop(Session& session, const StopRecord& record) {
    const std::string more = "'svctl explain " + record.unit + "' shows more";
    const ExitStatus left = record.left_over ? say_what_is_left(session, record) : ExitStatus::done;
    if (const std::string failure = failure_of_stop(record); !failure.empty()) {
        session.warn((session.options().verb == Verb::stop
                          ? record.unit + " is down, and its stop has failed: "
                          : "the stop of " + record.unit + " has failed: ") +
                     failure + " (" + more + ")");
    }
    if (record.sigkill_at_deadline) {
        session.warn(record.unit + " did not end within TimeoutStopSec: SIGKILL was needed (" +
                     more + ")");
        return session.options().strict ? ExitStatus::sigkill_used : ExitStatus::done;
    }
    if (const StopEvent* sent = sent_at_deadline(record);
        sent != nullptr && failed_by(record, "stop-timeout") && !record.left_over) {
        session.warn(record.unit + " did not end within TimeoutStopSec: " + sent->signal +
                     " was needed (" + more + ")");
        return session.options().strict ? ExitStatus::failed : ExitStatus::done;
    }
    return left;
}

Json records_of_latest_request(Session& session) {
    const Json answer = Json::parse(session.daemon().manager().GetStopTimeline(), nullptr, false);
    return answer.is_object() ? answer.value("records", Json::array()) : Json::array();
}

/// Has this svctl asked for the stop?
bool is_asked_by_us(const StopRecord& record, const std::vector<WatchedJob>& jobs) {
    constexpr Usec kEarlier = 1'000'000;  // than the answer to the request
    const auto asked = [&](const WatchedJob& job) {
        return record.asked_by && record.asked_by->at + kEarlier >= job.begun;
    };
    return record.asked_by && record.asked_by->pid == static_cast<ProcessId>(::getpid()) &&
           std::ranges::any_of(jobs, asked);
}

}  // namespace

/// SIGKILL that was meant (KillMode=mixed) is nothing wrong, but said.
ExitStatus check_stop(Session& session, const WatchedJob& job) {
    if (!stops_something(session.options().verb) || !job.unit.ends_with(".service")) {
        return ExitStatus::done;
    }
    const std::optional<StopRecord> record = stop_of(session, job);
    if (!record) {
        return ExitStatus::done;
    }
    const ExitStatus status = judge_stop(session, *record);
    const StopEvent* kill = first_sigkill(*record);
    if (kill != nullptr && kill->cause == "main-exited" && !record->sigkill_at_deadline) {
        session.note("what the main process of " + job.unit +
                     " had left got SIGKILL, as KillMode=mixed says");
    }
    return status;
}

ExitStatus check_stops_along(Session& session, const std::vector<WatchedJob>& jobs) {
    if (!stops_something(session.options().verb) || session.options().no_block || jobs.empty()) {
        return ExitStatus::done;
    }
    Json records = Json::array();
    ExitStatus worst = ExitStatus::done;
    try {
        records = records_of_latest_request(session);
    } catch (const sdbus::Error&) {
        return worst;  // svcd has ended with what it stopped
    } catch (const Trouble& trouble) {
        if (trouble.status != ExitStatus::unreachable) {
            throw;
        }
        return worst;
    }
    for (auto json = records.rbegin(); json != records.rend(); ++json) {  // the oldest first
        const StopRecord record = read_record(*json);
        const bool is_told = std::ranges::any_of(jobs, [&](const WatchedJob& job) {
            return job.unit == record.unit && !job.in_passing;
        });
        if (!is_told && record.unit.ends_with(".service") && is_asked_by_us(record, jobs)) {
            worst = worse(worst, judge_stop(session, record));
        }
    }
    return worst;
}

}  // namespace svcd
