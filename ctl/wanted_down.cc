#include "wanted_down.h"

#include <map>
#include <set>

#include "culprits.h"
#include "given_up_job.h"
#include "reasons.h"

namespace svcd {
namespace {

constexpr std::size_t kUnitsMax = 20;
/// Each look at an inactive unit costs a call.
constexpr std::size_t kLooksMax = 500;

class Search {
public:
    Search(Session& session, Usec begun) : session_(session), begun_(begun) {
        // What can't be loaded, and does nothing, is told with the start's answer.
        const std::vector<std::string> states{"loaded", "active", "reloading", "failed"};
        for (const auto& row : session.daemon().manager().ListUnitsByPatterns(states, {})) {
            states_[row.get<0>()] = row.get<3>();
        }
    }

    void look_below(const Json& properties) {
        const std::string by = text_of(properties, "Id");
        for (const char* relation : {"Wants", "Upholds", "Requires", "BindsTo"}) {
            for (const Json& each : properties.value(relation, Json::array())) {
                const std::string name = each.get<std::string>();
                const auto state = states_.find(name);
                if (state != states_.end() && seen_.insert(name).second) {
                    look_at(by, name, state->second);
                }
            }
        }
    }

    std::vector<WantedUnit> take() { return std::move(found_); }

private:
    void look_at(const std::string& by, const std::string& name, const std::string& state) {
        if (found_.size() >= kUnitsMax) {
            return;
        }
        const bool is_up = state == "active" || state == "reloading";
        if (is_up && name.ends_with(".target")) {
            look_below(session_.daemon().unit_properties(name));
        } else if (state == "failed") {
            found_.push_back({by, name, reason_text(session_.daemon().unit_properties(name))});
        } else if (state == "inactive" && ++looks_ <= kLooksMax) {
            look_at_inactive(by, name);
        }
    }

    /// One that was not even tried, for what it needs did not start.
    void look_at_inactive(const std::string& by, const std::string& name) {
        const Json properties = session_.daemon().unit_properties(name);
        const auto job = read_given_up_job(properties);
        if (job && job->result == "dependency" && job->at >= begun_ &&
            job->id == last_job_of(properties)) {
            const std::string culprits = find_culprits(session_, properties).text;
            found_.push_back({by, name,
                              "a unit that it depends on was not started" +
                                  (culprits.empty() ? "" : " (" + culprits + ")")});
        }
    }

    Session& session_;
    Usec begun_;
    std::map<std::string, std::string> states_;
    std::set<std::string> seen_;
    std::vector<WantedUnit> found_;
    std::size_t looks_ = 0;
};

bool wants_something(const Json& properties) {
    return !properties.value("Wants", Json::array()).empty() ||
           !properties.value("Upholds", Json::array()).empty();
}

}  // namespace

std::vector<WantedUnit> wanted_and_down(Session& session, const Json& properties, Usec begun) {
    if (!wants_something(properties)) {
        return {};
    }
    Search search{session, begun};
    search.look_below(properties);
    return search.take();
}

}  // namespace svcd
