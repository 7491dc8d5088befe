#include "given_up_job.h"

#include <algorithm>

#include "explain_stop.h"

namespace svcd {
namespace {

bool is_of_a_stop(const std::string& type) {
    return type == "stop" || type.ends_with("restart");
}

/// Svcd itself, or who it was, as the subject of a sentence.
std::string asker_text(const Requester& by) {
    return by.pid == 0 ? "svcd itself" : requester_text(by) + ",";
}

std::string how_it_came(const GivenUpJob& job, const Json& properties) {
    if (job.result == "timeout") {
        return "was given up, since " + job.asked + " was over" +
               (job.by.reason.empty() ? "" : ": " + job.by.reason);
    }
    if (job.result == "dependency") {
        return "came to nothing, since " +
               (job.by.unit.empty() ? "a unit that it needs" : job.by.unit + ", which it needs,") +
               " did not start";
    }
    if (job.asked == "cancel") {
        return "was cancelled by " + (job.by.pid == 0 ? "svcd itself" : requester_text(job.by));
    }
    if (job.asked == "isolate" || job.asked == "flush") {
        return "was cancelled: " + asker_text(job.by) +
               " asked for another unit with the job mode " + job.asked;
    }
    return "was cancelled: " + asker_text(job.by) + " asked for a " + job.asked +
           why_asked_text(job.by, text_of(properties, "Id"), properties);
}

std::string mend_of(const std::string& result, const std::string& setting) {
    return result == "timeout" ? setting + ": more, if it may take so long." : "";
}

}  // namespace

std::optional<GivenUpJob> read_given_up_job(const Json& properties) {
    constexpr std::size_t kFields = 10;
    const auto row = properties.find("GivenUpJob");
    if (row == properties.end() || !row->is_array() || row->size() != kFields || (*row)[0] == 0) {
        return std::nullopt;
    }
    const Json& fields = *row;
    GivenUpJob job;
    job.id = fields[0].get<std::uint32_t>();
    job.at = fields[1].get<Usec>();
    job.type = fields[2].get<std::string>();
    job.result = fields[3].get<std::string>();
    job.asked = fields[4].get<std::string>();
    job.by.uid = fields[5].get<std::uint32_t>();
    job.by.pid = fields[6].get<ProcessId>();
    job.by.command = fields[7].get<std::string>();
    job.by.reason = fields[8].get<std::string>();
    job.by.unit = fields[9].get<std::string>();
    return job;
}

std::uint32_t last_job_of(const Json& properties) {
    const auto last = properties.find("LastJob");
    const bool is_there = last != properties.end() && last->is_array() && last->size() == 2 &&
                          (*last)[0].is_number_unsigned();
    return is_there ? (*last)[0].get<std::uint32_t>() : 0;
}

std::string give_up_text(const GivenUpJob& job, const Json& properties) {
    return "its " + job.type + " job " + how_it_came(job, properties);
}

std::string give_up_text(const StopEvent& event) {
    GivenUpJob job;
    job.type = event.type;
    job.result = event.result;
    job.asked = event.asked;
    job.by = asker_of(event);
    return give_up_text(job, Json::object());
}

std::string what_goes_on(const GivenUpJob& job, const Json& properties) {
    const std::string active = text_of(properties, "ActiveState");
    if (is_of_a_stop(job.type)) {
        return active == "deactivating" ? "; the stop goes on" : "";
    }
    return active == "activating" ? "; the start goes on" : "";
}

std::optional<Verdict> stop_job_given_up(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "job-given-up" && is_of_a_stop(event.type);
    });
    if (found == record.events.end()) {
        return std::nullopt;
    }
    return Verdict{0, "", "job-given-up",
                   give_up_text(*found) +
                       (goes_on(record) ? "; the stop goes on" : "; the stop went on without it"),
                   mend_of(found->result, found->asked)};
}

std::optional<Verdict> start_job_given_up(const StateFacts& facts) {
    const auto job = read_given_up_job(facts.properties);
    const std::string active = text_of(facts.properties, "ActiveState");
    // Of a unit that is down it is one that was not even begun.
    const bool is_of_this_start =
        job && !is_of_a_stop(job->type) &&
        job->at >= number_of(facts.properties, "InactiveExitTimestampMonotonic") &&
        (active == "activating" ||
         (active == "inactive" &&
          job->at >= number_of(facts.properties, "InactiveEnterTimestampMonotonic")));
    // A stop that never began.
    if (job && is_of_a_stop(job->type) && active == "active" &&
        job->at >= number_of(facts.properties, "ActiveEnterTimestampMonotonic")) {
        return Verdict{0, "", "job-given-up",
                       give_up_text(*job, facts.properties) + "; the unit stayed up",
                       mend_of(job->result, job->asked)};
    }
    const bool is_told = job && job->result == "dependency" && !facts.culprits.empty();
    if (!is_of_this_start || is_told) {
        return std::nullopt;
    }
    return Verdict{0, "", "job-given-up",
                   give_up_text(*job, facts.properties) + what_goes_on(*job, facts.properties),
                   mend_of(job->result, job->asked)};
}

}  // namespace svcd
