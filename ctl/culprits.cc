#include "culprits.h"

#include <algorithm>
#include <set>

#include "explain_words.h"
#include "reasons.h"
#include "stop_record.h"

namespace svcd {
namespace {

constexpr std::size_t kCulpritsMax = 10;
constexpr std::size_t kDepthMax = 10;

class Search {
public:
    explicit Search(Session& session) : session_(session) {}

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
        const std::string active = text_of(properties, "ActiveState");
        if (active != "failed" && active != "inactive") {
            return;
        }
        const bool is_missing = text_of(properties, "LoadState") != "loaded";
        const std::string state = is_missing ? text_of(properties, "LoadState") : active;
        std::string reason = reason_text(properties);
        if (const std::string unmet = unmet_condition(properties);
            reason.empty() && !unmet.empty()) {
            reason = unmet + " does not hold";
        }
        if (reason.empty() && !is_missing && relation == "Requisite") {
            reason = "a Requisite has to be active already";
        }
        if (reason.empty() && !is_missing && depth < kDepthMax) {
            look_below(properties, because + unit + " is " + state + ", since ", depth + 1);
            return;  // what is only not started yet is nobody's fault: a start would start it
        }
        found_.text += (found_.text.empty() ? "" : "; ") + because + unit + " is " + state +
                       (reason.empty() ? "" : ": " + reason);
        if (found_.units.empty()) {
            found_.first = properties;
        }
        found_.units.push_back(unit);
    }

    Session& session_;
    Culprits found_;
    std::set<std::string> seen_;
};

}  // namespace

Culprits find_culprits(Session& session, const Json& properties) {
    Search search{session};
    search.look_below(properties, "", 0);
    return search.take();
}

}  // namespace svcd
