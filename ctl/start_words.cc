#include "start_words.h"

#include <algorithm>
#include <array>

#include "explain_words.h"
#include "given_up_job.h"
#include "stop_record.h"

namespace svcd {
namespace {

struct StartedBy {
    std::string cause;
    std::uint32_t uid = UINT32_MAX;
    std::uint32_t pid = 0;
    std::string command;
    std::string reason;
    std::string unit;
    std::string relation;
};

StartedBy read_started_by(const Json& properties) {
    constexpr std::size_t kFields = 7;
    const auto found = properties.find("StartedBy");
    if (found == properties.end() || !found->is_array() || found->size() != kFields) {
        return {};
    }
    const Json& list = *found;
    return {list[0], list[1], list[2], list[3], list[4], list[5], list[6]};
}

std::string unit_text(const StartedBy& by) {
    return by.unit.empty() ? "a unit that is not loaded any more" : by.unit;
}

std::string reason_part(const StartedBy& by) {
    return by.reason.empty() ? "" : "; reason: \"" + by.reason + "\"";
}

/// The person or the program that asked, where it is known.
std::string person_text(const StartedBy& by) {
    if (by.pid == 0) {
        return "";
    }
    return user_text(by.uid) +
           (by.command.empty() ? "" : " with '" + without_folder(by.command) + "'") + ", PID " +
           std::to_string(by.pid);
}

/// "web.service, which Requires it": the relation is the other unit's.
std::string pulled_in_text(const StartedBy& by) {
    struct Relation {
        std::string_view name;
        std::string_view words;
    };
    static constexpr auto kRelations = std::to_array<Relation>({
        {"Requires", "pulled in by X, which Requires it"},
        {"Requisite", "pulled in by X, which has it as Requisite"},
        {"Wants", "pulled in by X, which Wants it"},
        {"BindsTo", "pulled in by X, which BindsTo it"},
        {"Upholds", "pulled in by X, which Upholds it"},
        {"RequiredBy", "restarted with X, which it Requires"},
        {"RequisiteOf", "restarted with X, which it has as Requisite"},
        {"BoundBy", "restarted with X, which it BindsTo"},
        {"ConsistsOf", "restarted with X, of which it is PartOf"},
    });
    const auto* row = std::ranges::find(kRelations, by.relation, &Relation::name);
    std::string text{row == kRelations.end() ? "pulled in by X" : row->words};
    text.replace(text.find('X'), 1, unit_text(by));
    const std::string person = person_text(by);
    text += person.empty() ? "" : "; asked for by " + person;
    // svcd's own words, where the request gave no reason: for which unit all of it was.
    constexpr std::string_view kFor = "pulled in by ";
    if (!by.reason.starts_with(kFor)) {
        return text + reason_part(by);
    }
    const std::string whole = by.reason.substr(kFor.size());
    return whole == by.unit ? text : text + "; all of it for " + whole;
}

std::string asked_text(const StartedBy& by) {
    const std::string person = person_text(by);
    if (!person.empty()) {
        return person + (by.unit.empty() ? "" : ", a process of " + by.unit) + reason_part(by);
    }
    return by.uid == UINT32_MAX
               ? "somebody who is not known any more: svcd's manager ended while a job of the unit "
                 "went on, and its record has room for one of the two"
               : "svcd itself" + reason_part(by);
}

}  // namespace

std::string started_by_text(const Json& properties) {
    const StartedBy by = read_started_by(properties);
    if (by.cause == "asked") {
        return "by " + asked_text(by);
    }
    if (by.cause == "boot") {
        return "by svcd: it is the unit that the boot starts";
    }
    if (by.cause == "pulled-in") {
        return pulled_in_text(by);
    }
    if (by.cause == "on-failure") {
        return "by svcd: OnFailure of " + unit_text(by) + ", which failed, or whose start did";
    }
    if (by.cause == "on-success") {
        return "by svcd: OnSuccess of " + unit_text(by) + ", which ended as it was meant to";
    }
    if (by.cause == "upholds") {
        return "by svcd: Upholds of " + unit_text(by) + ", which was up while this was not";
    }
    if (by.cause == "comeback") {
        return "by svcd: it was down for the failure of " + unit_text(by) + reason_part(by);
    }
    if (by.cause == "svcd") {
        return "by svcd itself" + reason_part(by);
    }
    return by.cause.empty() ? "" : "by whom is not known any more";
}

std::string untried_start_text(const Json& properties) {
    const auto job = read_given_up_job(properties);
    const bool is_untried = job && job->type == "start" && job->result == "dependency" &&
                            job->id == last_job_of(properties) &&
                            text_of(properties, "ActiveState") == "inactive";
    return is_untried ? asked_text({"asked", job->by.uid, static_cast<std::uint32_t>(job->by.pid),
                                    job->by.command, job->by.reason, "", ""})
                      : "";
}

std::string restart_rule(const Json& properties) {
    return text_of(properties, "RestartRule");
}

}  // namespace svcd
