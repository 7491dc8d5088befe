#include "manager/plan_text.h"

#include "bus/error_names.h"
#include "unitfile/json_writer.h"

namespace svcd {
namespace {

/// One answer has no more bytes, whatever the number of units.
constexpr std::size_t kPlanTextMax = 4 * 1024 * 1024;

void append_time(JsonWriter& json, std::string_view name, Duration time) {
    json.key(name);
    if (time == kInfinity) {
        json.null();
    } else {
        json.value(time.count());
    }
}

std::string_view name_of(Because::Kind kind) {
    switch (kind) {
        case Because::Kind::asked:
            return "asked";
        case Because::Kind::pulled_in:
            return "pulled-in";
        case Because::Kind::isolated:
            return "isolated";
        case Because::Kind::shutdown:
            return "shutdown";
        case Because::Kind::unneeded:
            return "unneeded";
    }
    return "";
}

void append_because(JsonWriter& json, const Because& because, const Supervisor& supervisor) {
    json.key("because").open_object().field("kind", name_of(because.kind));
    if (because.kind == Because::Kind::pulled_in) {
        json.field("relation", svcd::name_of(because.relation));
    }
    if (because.kind == Because::Kind::pulled_in || because.kind == Because::Kind::unneeded) {
        json.field("by", supervisor.name(because.by));
    }
    json.close_object();
}

void append_job(JsonWriter& json, const PlannedJob& job, const Supervisor& supervisor) {
    json.open_object()
        .field("unit", supervisor.name(job.unit))
        .field("type", svcd::name_of(job.type))
        .field("restart", job.is_restart)
        .field("wave", job.wave)
        .field("waits_for", job.waits_for);
    append_because(json, job.because, supervisor);
    append_time(json, "wanted_usec", job.wanted);
    append_time(json, "limit_usec", job.limit);
    append_time(json, "begins_usec", job.begins);
    append_time(json, "ends_usec", job.ends);
    append_time(json, "slack_usec", job.slack);
    json.field("critical", job.is_critical).close_object();
}

}  // namespace

std::string plan_text(const Plan& plan, const Supervisor& supervisor) {
    std::string text;
    JsonWriter json{text};
    json.open_object().key("refused");
    if (plan.refusal) {
        json.value(plan.refusal->message);
    } else {
        json.null();
    }
    std::size_t more = 0;
    json.key("jobs").open_array();
    for (const PlannedJob& job : plan.jobs) {
        if (text.size() < kPlanTextMax) {
            append_job(json, job, supervisor);
        } else {
            ++more;
        }
    }
    json.close_array().field("more", more);
    json.key("refused_units").open_array();
    for (const UnitReply& each : plan.refused) {
        json.open_object()
            .field("unit", supervisor.name(each.unit))
            .field("error", error_name(each.refusal->kind))
            .field("message", each.refusal->message)
            .close_object();
    }
    json.close_array();
    append_time(json, "longest_usec", plan.longest);
    append_time(json, "budget_usec", plan.budget);
    json.field("notes", plan.notes).close_object();
    return text;
}

}  // namespace svcd
