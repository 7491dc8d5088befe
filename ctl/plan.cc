#include "plan.h"

#include <array>
#include <string_view>

namespace svcd {
namespace {

/// Where null is no limit.
Usec time_of(const Json& object, const char* name) {
    return number_of(object, name, kUsecInfinity);
}

struct RelationWords {
    std::string_view relation;
    std::string_view words;  ///< after the name of the unit that stands in it
};

// What pulls a unit in, from the other unit's side: "app.service" + " requires it".
constexpr std::array<RelationWords, 14> kRelations{{
    {"Requires", "requires it"},
    {"Requisite", "needs it to be active"},
    {"Wants", "wants it"},
    {"BindsTo", "is bound to it"},
    {"Upholds", "upholds it"},
    {"Conflicts", "conflicts with it"},
    {"ConflictedBy", "is in conflict with it"},
    {"RequiredBy", "is required by it"},
    {"RequisiteOf", "has to be active for it"},
    {"BoundBy", "is what it is bound to"},
    {"ConsistsOf", "is what it is part of"},
    {"PropagatesStopTo", "takes it along when it stops"},
    {"PropagatesReloadTo", "passes reloads on to it"},
    {"WantedBy", "is wanted by it"},
}};

std::string reason_of(const Json& because) {
    const std::string kind = text_of(because, "kind");
    const std::string by = text_of(because, "by");
    if (kind == "pulled-in") {
        const std::string relation = text_of(because, "relation");
        for (const RelationWords& row : kRelations) {
            if (row.relation == relation) {
                return by + " " + std::string{row.words};
            }
        }
        return by + ": " + relation;
    }
    if (kind == "unneeded") {
        return "nobody needs it after " + by + " (StopWhenUnneeded)";
    }
    return kind == "isolated"   ? "not needed by what is isolated"
           : kind == "shutdown" ? "everything ends"
                                : "asked for";
}

}  // namespace

Plan read_plan(const Json& json) {
    Plan plan;
    if (json.contains("refused") && json.at("refused").is_string()) {
        plan.refused = json.at("refused").get<std::string>();
    }
    for (const Json& each : json.at("jobs")) {
        PlannedJob job;
        job.unit = text_of(each, "unit");
        job.type = text_of(each, "type");
        job.is_restart = truth_of(each, "restart");
        job.wave = number_of(each, "wave", 1);
        for (const Json& other : each.value("waits_for", Json::array())) {
            if (other.is_number_unsigned()) {
                job.waits_for.push_back(other.get<std::size_t>());
            }
        }
        job.reason = reason_of(each.value("because", Json::object()));
        job.wanted = time_of(each, "wanted_usec");
        job.limit = time_of(each, "limit_usec");
        job.begins = time_of(each, "begins_usec");
        job.ends = time_of(each, "ends_usec");
        job.slack = time_of(each, "slack_usec");
        job.is_critical = truth_of(each, "critical");
        plan.jobs.push_back(std::move(job));
    }
    plan.longest = time_of(json, "longest_usec");
    if (json.contains("budget_usec") && json.at("budget_usec").is_number_integer()) {
        plan.budget = json.at("budget_usec").get<Usec>();
    }
    plan.notes = json.value("notes", std::vector<std::string>{});
    return plan;
}

}  // namespace svcd
