// explain: why a unit is as it is, and how its stops went.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "culprits.h"
#include "earlier_life.h"
#include "explain_state.h"
#include "explain_wait.h"
#include "explanation.h"
#include "file_look.h"
#include "given_up_job.h"
#include "guard.h"
#include "log_lines.h"
#include "named_units.h"
#include "reasons.h"
#include "signals.h"
#include "start_words.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

/// The daemon keeps no more records of a unit.
constexpr std::uint32_t kRecordsMax = 10;

/// Everything that is asked of the daemon about a unit.
struct Asked {
    Json properties;
    std::vector<Json> records;             ///< newest first
    std::vector<StopRecord> stops_before;  ///< of what has to be down before it stops
    Json examined;                         ///< null: nothing of it runs
    Json job;
    std::vector<std::string> waits_for;
    Culprits culprits;
    std::string near_name;  ///< of what a missing unit may have meant
    std::string ordering_cycle;
    std::vector<std::string> own_jobs;  ///< that its processes have asked for
};

bool is_among(const Json& properties, const char* list, const std::string& name) {
    const auto names = properties.find(list);
    return names != properties.end() && names->is_array() &&
           std::ranges::find(*names, Json(name)) != names->end();
}

/// The jobs that a job of the unit waits for: starts wait for what it is After, stops for what is
/// After it. A stop is always waited for.
std::vector<std::string> jobs_before(const std::vector<JobRow>& jobs,
                                     const Json& properties,
                                     const std::string& type) {
    std::vector<std::string> names;
    const bool stops = type == "stop";
    for (const JobRow& job : jobs) {
        const bool is_first = is_among(properties, "After", job.unit) && !stops;
        const bool is_last = is_among(properties, "Before", job.unit) &&
                             (stops || job.type == "stop" || job.type == "restart");
        if (job.unit != text_of(properties, "Id") && (is_first || is_last)) {
            names.push_back(job.unit + " (" + job.type + ", " + job.state + ")");
        }
    }
    return names;
}

/// What the commands of the unit have asked svcd for, and may wait for.
std::vector<std::string> jobs_asked_for_by(Session& session, const Json& properties) {
    constexpr std::size_t kJobsLookedAt = 64;
    std::vector<std::string> texts;
    if (number_of(properties, "ControlPID") == 0) {
        return texts;
    }
    const std::vector<JobRow> jobs = session.daemon().jobs();
    for (std::size_t i = 0; i < std::min(jobs.size(), kJobsLookedAt); ++i) {
        const JobRow& job = jobs[i];
        try {
            if (text_of(session.daemon().job_properties(job.id), "RequesterUnit") !=
                text_of(properties, "Id")) {
                continue;
            }
            std::string text = job.type + " of " + job.unit + " (job " + std::to_string(job.id) +
                               ", " + job.state + ")";
            std::string before;
            if (job.state == "waiting") {
                const Json of_job = session.daemon().unit_properties(job.unit);
                for (const std::string& name : jobs_before(jobs, of_job, job.type)) {
                    before += (before.empty() ? ", which waits for " : ", ") + name;
                }
            }
            texts.push_back(text + before);
        } catch (const sdbus::Error&) {
            continue;  // it ended in the meantime
        }
    }
    return texts;
}

/// What svcd says of a cycle that the unit is in. Its files and units stand in the text.
std::string ordering_cycle_of(Session& session, const std::string& unit) {
    constexpr std::string_view kInNames =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@/";
    const Json properties = session.daemon().manager_properties();
    for (const DegradedReason& reason :
         read_degraded_reasons(properties.value("DegradedReasons", Json::array()))) {
        if (reason.kind != "ordering-cycle") {
            continue;
        }
        if (reason.unit == unit) {
            return "it " + reason.text;
        }
        std::string_view rest = reason.text;
        while (!rest.empty()) {
            rest.remove_prefix(std::min(rest.find_first_of(kInNames), rest.size()));
            const std::string_view word = rest.substr(0, rest.find_first_not_of(kInNames));
            if (word == unit) {
                return reason.unit + " " + reason.text;
            }
            rest.remove_prefix(word.size());
        }
    }
    return "";
}

void ask_about_job(Session& session, Asked& asked) {
    const auto job = asked.properties.find("Job");
    if (job == asked.properties.end() || !job->is_array() || job->empty() || (*job)[0] == 0) {
        return;
    }
    try {
        asked.job = session.daemon().job_properties((*job)[0].get<std::uint32_t>());
        if (text_of(asked.job, "State") == "waiting") {
            asked.waits_for = jobs_before(session.daemon().jobs(), asked.properties,
                                          text_of(asked.job, "JobType"));
        }
    } catch (const sdbus::Error&) {
        asked.job = nullptr;  // it ended in the meantime
    }
}

/// The unit that is probably meant by the name of one that is needed and has no file.
std::string near_name_of_missing(Session& session,
                                 const Json& properties,
                                 const std::string& culprits) {
    std::vector<std::string> known;
    if (culprits.find(" is not-found") == std::string::npos) {
        return "";
    }
    for (const UnitRow& row : session.daemon().units()) {
        if (row.load == "loaded") {
            known.push_back(row.name);
        }
    }
    for (const char* relation : {"Requires", "BindsTo", "Requisite"}) {
        const auto list = properties.find(relation);
        for (const Json& name : list == properties.end() ? Json::array() : *list) {
            const auto needed = name.get<std::string>();
            if (culprits.find(needed + " is not-found") != std::string::npos) {
                return nearest_unit(needed, known).value_or("");
            }
        }
    }
    return "";
}

/// What stopped for the same request before the unit did, or while it waited: for each unit that
/// is ordered after it the newest records.
std::vector<StopRecord> stops_before(Session& session, const Json& properties) {
    constexpr std::size_t kUnitsLookedAt = 64;
    constexpr std::uint32_t kRecordsOfEach = 3;
    std::vector<StopRecord> stops;
    const Json names = properties.value("Before", Json::array());
    for (std::size_t i = 0; i < std::min(names.size(), kUnitsLookedAt); ++i) {
        for (const Json& json :
             session.daemon().stop_records(names[i].get<std::string>(), kRecordsOfEach)) {
            stops.push_back(read_record(json));
        }
    }
    return stops;
}

Asked ask(Session& session, const std::string& unit, std::uint32_t records) {
    Asked asked;
    asked.properties = session.daemon().unit_properties(unit);
    const std::string active = text_of(asked.properties, "ActiveState");
    if (text_of(asked.properties, "LoadState") == "not-found" && active == "inactive") {
        throw_no_such_unit(unit);
    }
    asked.records = session.daemon().stop_records(unit, records);
    const auto waited = [](const Json& json) { return wait_of_stop(read_record(json)) != 0; };
    if (std::ranges::any_of(asked.records, waited)) {
        asked.stops_before = stops_before(session, asked.properties);
    }
    if (unit.ends_with(".service")) {
        asked.examined = session.daemon().examine(unit);
    }
    ask_about_job(session, asked);
    asked.own_jobs = jobs_asked_for_by(session, asked.properties);
    asked.ordering_cycle = ordering_cycle_of(session, text_of(asked.properties, "Id"));
    if (active != "active" && active != "deactivating") {
        asked.culprits = find_culprits(session, asked.properties);
        asked.near_name = near_name_of_missing(session, asked.properties, asked.culprits.text);
    }
    return asked;
}

/// The last lines of the log that are of the unit's last life for sure.
std::vector<std::string> last_words(const std::string& log_path, const Json& properties) {
    constexpr std::size_t kLooked = 10;
    constexpr std::size_t kShown = 3;
    constexpr std::size_t kLineMax = 400;
    std::vector<std::string> words;
    if (number_of(properties, "LogBegin", UINT64_MAX) == UINT64_MAX) {
        return words;
    }
    for (std::string& line : last_lines(log_path, kLooked, log_begin_of(properties))) {
        if (line.find_first_not_of(" \t\r") != std::string::npos) {
            words.push_back(line.size() > kLineMax ? line.substr(0, kLineMax) + " ..."
                                                   : std::move(line));
        }
    }
    const std::size_t more = words.size() - std::min(words.size(), kShown);
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(more));
    return words;
}

Surroundings surroundings_of(const Asked& asked) {
    Surroundings around;
    around.properties = asked.properties;
    if (asked.examined.is_object()) {
        const auto list = asked.examined.find("processes");
        around.processes =
            list == asked.examined.end() ? std::vector<ProcessFacts>{} : read_processes(*list);
        around.frozen = truth_of(asked.examined, "frozen");
        around.frozen_cgroup = text_of(asked.examined, "frozen_cgroup");
        around.unaddressed =
            read_processes(asked.examined.value("no_notify_socket", Json::array()));
        around.held_by = asked.examined.value("held_by", Json{});
    }
    const std::string log_path = log_path_of(asked.properties);
    struct stat log {};
    around.log_is_void =
        ::stat(log_path.c_str(), &log) == 0 && S_ISREG(log.st_mode) && log.st_size == 0;
    const std::string active = text_of(asked.properties, "ActiveState");
    const bool ended_last = active == "inactive" || active == "failed" ||
                            text_of(asked.properties, "SubState") == "auto-restart";
    if (!asked.records.empty() && ended_last) {
        around.last_stop = read_record(asked.records.front()).id;
        around.last_words = last_words(log_path, asked.properties);
        const auto lines = last_lines(log_path, 1, log_begin_of(asked.properties));
        around.log_is_empty = lines.empty() && !text_of(asked.properties, "LogPath").empty() &&
                              (::access(log_path.c_str(), R_OK) == 0 || errno == ENOENT);
    }
    if (around.log_is_void || around.log_is_empty) {
        const auto fault = log_without_room(asked.properties);
        around.log_fault = fault ? fault->text : "";
    }
    around.stops_before = asked.stops_before;
    around.now = realtime_now();
    around.now_monotonic = monotonic_now();
    return around;
}

/// It was up, somebody stopped it, and nobody has asked for a start since.
bool was_stopped_while_up(const Json& properties, const StopRecord& last) {
    const auto job = read_given_up_job(properties);
    const Usec end = last.began + last.duration.value_or(0);
    const bool was_up = last.from == "active" || last.from == "running" || last.from == "exited";
    return was_up && last.asked_by && last.asked_by->pid != 0 && last.result == "success" &&
           text_of(properties, "ActiveState") == "inactive" && (!job || job->at <= end);
}

StateFacts facts_of(const Asked& asked, const Surroundings& around) {
    StateFacts facts;
    facts.properties = asked.properties;
    facts.job = asked.job;
    facts.waits_for = asked.waits_for;
    facts.culprits = asked.culprits.text;
    facts.culprit_may_be_up = asked.culprits.may_be_up;
    facts.near_name = asked.near_name;
    facts.processes = around.processes;
    facts.unaddressed = around.unaddressed;
    facts.held_by = around.held_by;
    facts.frozen = around.frozen;
    facts.frozen_cgroup = around.frozen_cgroup;
    facts.now = around.now;
    facts.now_monotonic = around.now_monotonic;
    facts.ordering_cycle = asked.ordering_cycle;
    facts.own_jobs = asked.own_jobs;
    if (asked.records.empty()) {
        return facts;
    }
    const StopRecord last = read_record(asked.records.front());
    if (was_stopped_while_up(asked.properties, last)) {
        facts.culprits.clear();  // it is down for that, whatever else is
    }
    if (were_left_over(asked.properties, last)) {
        const auto older = older_than_this_life(asked.properties, pids_of(around.processes));
        facts.earlier_life = older.empty() ? "" : earlier_life_text(older, last);
    }
    return facts;
}

Json explained_json(const std::string& unit,
                    const Asked& asked,
                    const Explanation& state,
                    const Surroundings& around,
                    const std::vector<Json>& records) {
    Json stops = Json::array();
    for (const Json& json : records) {
        const Explanation stop = explain_stop(read_record(json), around);
        stops.push_back({{"headline", stop.headline},
                         {"verdicts", verdicts_json(stop.verdicts)},
                         {"mends", mends_of(stop.verdicts)},
                         {"last_words", stop.last_words},
                         {"record", json}});
    }
    Json object = {{"unit", unit},
                   {"active", text_of(asked.properties, "ActiveState")},
                   {"sub", text_of(asked.properties, "SubState")},
                   {"result", text_of(asked.properties, "Result")},
                   {"headline", state.headline},
                   {"verdicts", verdicts_json(state.verdicts)},
                   {"mends", mends_of(state.verdicts)}};
    object["started_by"] = started_by_text(asked.properties);
    object["exec_error"] = exec_error_json(asked.properties);
    object["examined"] = asked.examined;
    object["stops"] = std::move(stops);
    return object;
}

/// Who asked for a start that failed, or was not even tried.
void add_failed_start(Explanation& explanation, const Json& properties) {
    const bool has_failed = text_of(properties, "ActiveState") == "failed" &&
                            number_of(properties, "ActiveEnterTimestampMonotonic") <
                                number_of(properties, "InactiveExitTimestampMonotonic");
    const bool shows_starter = has_failed || truth_of(properties, "GivenUp");
    const std::string started = shows_starter ? started_by_text(properties) : "";
    const std::string untried = untried_start_text(properties);
    if (!started.empty() || !untried.empty()) {
        const LabelledText fact =
            untried.empty() ? LabelledText{"Started", started} : LabelledText{"Asked by", untried};
        explanation.facts.insert(explanation.facts.begin(), fact);
    }
}

/// The state, where the last stop doesn't say it all, and that stop.
std::string explained_text(const StateFacts& facts,
                           const Asked& asked,
                           const Surroundings& around,
                           const Screen& screen) {
    Explanation state = explain_state(facts);
    const std::string active = text_of(asked.properties, "ActiveState");
    const bool is_down = active == "inactive" || active == "failed" || active == "deactivating";
    const bool says_it_all = is_down && state.verdicts.empty() && state.facts.empty();
    if (asked.records.empty()) {
        add_failed_start(state, asked.properties);
        return explanation_text(state, screen) +
               (is_down ? "" : "\nIt has not been stopped since svcd keeps records.\n");
    }
    const StopRecord last = read_record(asked.records.front());
    Explanation explained = explain_stop(last, around);
    if (const auto own = goes_on(last) ? waits_for_own_job(facts) : std::nullopt) {
        explained.verdicts.insert(explained.verdicts.begin(), *own);
    }
    add_failed_start(says_it_all ? explained : state, asked.properties);
    const std::string stop = explanation_text(explained, screen);
    if (says_it_all || goes_on(last)) {
        return stop;
    }
    return explanation_text(state, screen) + "\n" +
           coloured(screen, Colour::strong,
                    is_down ? "The last stop" : "The last time it was down") +
           "\n" + stop;
}

ExitStatus explain_unit(Session& session, const std::string& unit, bool first, Json& list) {
    const Options& options = session.options();
    const auto wanted = static_cast<std::uint32_t>(options.nth);
    const Asked asked = ask(session, unit, options.all ? kRecordsMax : std::max(1U, wanted));
    const Surroundings around = surroundings_of(asked);
    const StateFacts facts = facts_of(asked, around);
    if (wanted > asked.records.size()) {
        const std::string count = std::to_string(asked.records.size());
        throw Trouble{ExitStatus::failed,
                      "org.svcd1.NoSuchRecord",
                      "there is no stop number " + std::to_string(wanted) + ", only " + count,
                      unit,
                      "'svctl explain --all " + unit + "' lists what there is",
                      ""};
    }
    std::vector<Json> records = asked.records;
    if (wanted > 0) {
        records = {asked.records[wanted - 1]};
    }
    if (options.json) {
        list.push_back(explained_json(unit, asked, explain_state(facts), around, records));
        return ExitStatus::done;
    }
    session.print(first ? "" : "\n");
    if (options.all) {
        std::vector<StopRecord> read;
        for (const Json& json : records) {
            read.push_back(read_record(json));
        }
        session.print(read.empty() ? unit + " has not been stopped since svcd keeps records\n"
                                   : records_text(read, around.now, session.out()));
    } else if (wanted > 0) {
        session.print(
            explanation_text(explain_stop(read_record(records[0]), around), session.out()));
    } else {
        session.print(explained_text(facts, asked, around, session.out()));
    }
    return ExitStatus::done;
}

}  // namespace

ExitStatus explain_units(Session& session) {
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    bool first = true;
    for (const std::string& unit : named_units(session)) {
        const ExitStatus status =
            guarded(session, unit, [&] { return explain_unit(session, unit, first, list); });
        first = first && status != ExitStatus::done;
        worst = worse(worst, status);
    }
    if (session.options().json && !list.empty()) {
        session.print(json_text(list.size() == 1 ? list[0] : list));
    }
    return worst;
}

}  // namespace svcd
