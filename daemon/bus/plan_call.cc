// Manager.Plan and PlanJobs, which takes options as RequestJobs does: what a request would do.
#include <algorithm>

#include "bus/api_table.h"
#include "bus/arguments.h"

namespace svcd {
namespace {

bool ends_everything(const std::string& verb) {
    return verb == "exit" || verb == "poweroff" || verb == "reboot" || verb == "halt" ||
           verb == "kexec";
}

Outcome answer_plan(const Call& call, Subject& subject, Writer& reply, bool has_options) {
    Api& api = subject.api();
    const std::string verb_name = read_string(call.message);
    const std::vector<std::string> names = read_strings(call.message);
    const std::string mode_name = read_string(call.message);
    bool is_forced = false;
    if (has_options) {
        const auto options = read_options(call.message, kForce);
        if (!options) {
            return tl::unexpected(options.error());
        }
        is_forced = options->force;
    }
    if (ends_everything(verb_name)) {
        const auto allowed = check_shutdown(api, verb_name);
        return answer_text(call, api, reply,
                           api.manager.plan_shutdown(allowed ? "" : allowed.error().message));
    }
    const auto verb = verb_named(verb_name);
    if (!verb) {
        return tl::unexpected(verb.error());
    }
    const auto mode = job_mode_named(mode_name);
    if (!mode) {
        return tl::unexpected(mode.error());
    }
    std::vector<UnitId> units;
    for (const std::string& name : names) {
        const FoundUnit unit = unit_named(call, api, name);
        if (!unit) {
            return tl::unexpected(unit.error());
        }
        if (std::find(units.begin(), units.end(), *unit) == units.end()) {
            units.push_back(*unit);
        }
    }
    return answer_text(call, api, reply, api.manager.plan(*verb, units, *mode, is_forced));
}

}  // namespace

Outcome plan_request(const Call& call, Subject& subject, Writer& reply) {
    return answer_plan(call, subject, reply, false);
}

Outcome plan_jobs(const Call& call, Subject& subject, Writer& reply) {
    return answer_plan(call, subject, reply, true);
}

}  // namespace svcd
