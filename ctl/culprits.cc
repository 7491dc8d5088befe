#include "culprits.h"

#include <algorithm>
#include <set>

#include "explain_words.h"
#include "given_up_job.h"
#include "messages.h"
#include "reasons.h"
#include "stop_record.h"

namespace svcd {
namespace {

constexpr std::size_t kCulpritsMax = 10;
constexpr std::size_t kDepthMax = 10;
constexpr std::uint32_t kRecordsMax = 10;

/// "waiting for its restart": of what is about to be up again, or is so by now.
std::string state_text(const Json& properties) {
    const std::string active = text_of(properties, "ActiveState");
    if (text_of(properties, "SubState") == "auto-restart") {
        return "waiting for its restart";
    }
    return active == "activating" ? "being started again"
           : active == "active"   ? "up by now"
                                  : active;
}

bool is_down(const Json& properties) {
    const std::string active = text_of(properties, "ActiveState");
    return active == "failed" || active == "inactive" ||
           text_of(properties, "SubState") == "auto-restart" ||
           (active == "deactivating" && !reason_text(properties).empty());
}

bool has_ended_well(const Json& properties) {
    constexpr std::uint64_t kExited = 1;
    return text_of(properties, "ActiveState") == "inactive" &&
           text_of(properties, "Result") == "success" &&
           number_of(properties, "ExecMainCode") == kExited &&
           number_of(properties, "ExecMainStatus") == 0 &&
           number_of(properties, "ExecMainExitTimestampMonotonic") != 0;
}

class Search {
public:
    explicit Search(Session& session) : session_(session) {}

    /// Begins with the unit that svcd itself holds to be at fault: it may be up again by now.
    void look_at_the_blamed(const Json& properties) {
        const auto job = read_given_up_job(properties);
        if (!job || job->result != "dependency" || job->id != last_job_of(properties)) {
            return;
        }
        if (job->by.unit.empty()) {
            return;  // it is not loaded any more
        }
        const std::string& unit = job->by.unit;
        const Json blamed = session_.daemon().unit_properties(unit);
        const auto own = read_given_up_job(blamed);
        if (own && own->type == "start" && own->result != "dependency" && own->at == job->at) {
            seen_.insert(unit);
            found_.is_given_up = true;
            found_.may_be_up = true;
            add(unit, blamed,
                unit + ": " + give_up_text(*own, blamed) + what_goes_on(*own, blamed));
            return;
        }
        const std::string active = text_of(blamed, "ActiveState");
        if (active == "failed" || active == "inactive") {
            return;  // it stays so: it is found below, with the units in between
        }
        const std::string reason = reason_text(blamed);
        const std::string then = reason.empty() ? failure_before(unit, job->at) : "";
        if (!reason.empty() || !then.empty()) {
            seen_.insert(unit);
            found_.may_be_up = true;
            add(unit, blamed,
                reason.empty() ? unit + " had failed: " + then + "; it is " + state_text(blamed)
                               : unit + " is " + state_text(blamed) + ": " + reason);
        }
    }

    /// `because`: the units in between, "web.service is inactive, since ".
    void look_below(const Json& properties, const std::string& because, std::size_t depth) {
        for (const char* relation : {"Requires", "BindsTo", "Requisite"}) {
            const auto list = properties.find(relation);
            if (list == properties.end() || !list->is_array()) {
                continue;
            }
            for (const Json& name : *list) {
                if (found_.units.size() < kCulpritsMax &&
                    seen_.insert(name.get<std::string>()).second) {
                    look_at(name.get<std::string>(), relation, because, depth);
                }
            }
        }
    }

    Culprits take() { return std::move(found_); }

private:
    void look_at(const std::string& unit,
                 const std::string& relation,
                 const std::string& because,
                 std::size_t depth) {
        const Json properties = session_.daemon().unit_properties(unit);
        if (!is_down(properties)) {
            return;
        }
        const bool is_missing = text_of(properties, "LoadState") != "loaded";
        const std::string state =
            is_missing ? text_of(properties, "LoadState") : state_text(properties);
        std::string reason = reason_text(properties);
        if (const std::string unmet = unmet_condition(properties);
            reason.empty() && !unmet.empty()) {
            reason = unmet + " does not hold";
        }
        if (reason.empty() && !is_missing && relation == "Requisite") {
            reason = "a Requisite has to be active already";
        }
        if (reason.empty() && relation == "BindsTo" && has_ended_well(properties)) {
            found_.has_ended = found_.units.empty();
            reason = "it has ended by itself, with success, and has to be up";
            if (text_of(properties, "Type") == "oneshot") {
                reason += " (RemainAfterExit: yes keeps it up)";
            }
        }
        if (reason.empty() && !is_missing && depth < kDepthMax) {
            look_below(properties, because + unit + " is " + state + ", since ", depth + 1);
            return;  // what is only not started yet is nobody's fault: a start would start it
        }
        add(unit, properties,
            because + unit + " is " + state + (reason.empty() ? "" : ": " + reason));
    }

    void add(const std::string& unit, const Json& properties, const std::string& text) {
        found_.text += (found_.text.empty() ? "" : "; ") + text;
        if (found_.units.empty()) {
            found_.first = properties;
        }
        found_.units.push_back(unit);
    }

    /// How its life ended that was over at that time (µs of CLOCK_MONOTONIC), where it failed.
    std::string failure_before(const std::string& unit, Usec at) {
        for (const Json& json : session_.daemon().stop_records(unit, kRecordsMax)) {
            const StopRecord record = read_record(json);
            if (record.began <= at) {
                return failure_text(record);
            }
        }
        return "";
    }

    static std::string failure_text(const StopRecord& record) {
        const StopEvent* failure = failure_of(record);
        if (failure == nullptr) {
            return "";
        }
        return failure->text.empty() ? describe_result(record.result, code_number(record.main_code),
                                                       record.main_status)
                                     : failure->text;
    }

    Session& session_;
    Culprits found_;
    std::set<std::string> seen_;
};

}  // namespace

Culprits find_culprits(Session& session, const Json& properties) {
    Search search{session};
    search.look_at_the_blamed(properties);
    search.look_below(properties, "", 0);
    return search.take();
}

}  // namespace svcd
