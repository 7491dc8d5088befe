#include "manager/plan_text.h"

#include <algorithm>
#include <memory>

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

class PlanText {
public:
    PlanText(std::function<Plan()> make, const Supervisor& supervisor)
        : make_(std::move(make)), supervisor_(supervisor) {}

    bool append_piece(std::string& text) {
        constexpr std::size_t kJobsAPiece = 32;
        JsonWriter json{text};
        if (text.empty()) {
            plan_ = make_();
            append_begin(json);
            return false;
        }
        const std::size_t end = std::min(next_ + kJobsAPiece, plan_.jobs.size());
        for (; next_ < end; ++next_) {
            if (text.size() < kPlanTextMax) {
                append_job(json, plan_.jobs[next_]);
            } else {
                ++more_;
            }
        }
        if (next_ < plan_.jobs.size()) {
            return false;
        }
        append_end(json);
        return true;
    }

private:
    /// Empty: it was forgotten since the plan was made.
    std::string_view name(UnitId unit) const {
        return supervisor_.is_known(unit) ? supervisor_.name(unit) : std::string_view{};
    }

    void append_begin(JsonWriter& json) const {
        json.open_object().key("refused");
        if (plan_.refusal) {
            json.value(plan_.refusal->message);
        } else {
            json.null();
        }
        json.key("jobs").open_array();
    }

    void append_because(JsonWriter& json, const Because& because) const {
        json.key("because").open_object().field("kind", name_of(because.kind));
        if (because.kind == Because::Kind::pulled_in) {
            json.field("relation", svcd::name_of(because.relation));
        }
        if (because.kind == Because::Kind::pulled_in || because.kind == Because::Kind::unneeded) {
            json.field("by", name(because.by));
        }
        json.close_object();
    }

    void append_job(JsonWriter& json, const PlannedJob& job) const {
        json.open_object()
            .field("unit", name(job.unit))
            .field("type", svcd::name_of(job.type))
            .field("restart", job.is_restart)
            .field("wave", job.wave)
            .field("waits_for", job.waits_for);
        append_because(json, job.because);
        append_time(json, "wanted_usec", job.wanted);
        append_time(json, "limit_usec", job.limit);
        append_time(json, "begins_usec", job.begins);
        append_time(json, "ends_usec", job.ends);
        append_time(json, "slack_usec", job.slack);
        json.field("critical", job.is_critical).close_object();
    }

    void append_end(JsonWriter& json) const {
        json.close_array().field("more", more_);
        json.key("refused_units").open_array();
        for (const UnitReply& each : plan_.refused) {
            json.open_object()
                .field("unit", name(each.unit))
                .field("error", error_name(each.refusal->kind))
                .field("message", each.refusal->message)
                .close_object();
        }
        json.close_array();
        append_time(json, "longest_usec", plan_.longest);
        append_time(json, "budget_usec", plan_.budget);
        json.field("notes", plan_.notes).close_object();
    }

    std::function<Plan()> make_;
    const Supervisor& supervisor_;
    Plan plan_;
    std::size_t next_ = 0;
    std::size_t more_ = 0;
};

}  // namespace

TextPieces plan_text(const std::function<Plan()>& make, const Supervisor& supervisor) {
    return [plan = std::make_shared<PlanText>(make, supervisor)](std::string& text) {
        return plan->append_piece(text);
    };
}

}  // namespace svcd
