// plan, and --dry-run of the verbs that make jobs or end everything.
#include <algorithm>
#include <array>
#include <string_view>

#include "explain_words.h"
#include "guard.h"
#include "named_units.h"
#include "print_plan.h"
#include "signals.h"
#include "stop_record.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

constexpr std::array<std::string_view, 13> kPlannable{"start",
                                                      "stop",
                                                      "restart",
                                                      "try-restart",
                                                      "reload",
                                                      "reload-or-restart",
                                                      "try-reload-or-restart",
                                                      "isolate",
                                                      "exit",
                                                      "poweroff",
                                                      "reboot",
                                                      "halt",
                                                      "kexec"};

struct PlanRequest {
    std::string verb;
    ChosenUnits chosen;
};

bool ends_everything(const std::string& verb) {
    return verb == "exit" || verb == "poweroff" || verb == "reboot" || verb == "halt" ||
           verb == "kexec";
}

/// Of `plan VERB UNITS` or of `VERB --dry-run UNITS`.
PlanRequest request_of(Session& session) {
    const Options& options = session.options();
    if (options.verb != Verb::plan) {
        if (const auto target = target_of(options.verb)) {
            check_is_init(session);
            return {"isolate", {{std::string{*target}}, ExitStatus::done}};
        }
        return {options.verb_name, chosen_units(session, options.arguments, options.verb_name)};
    }
    PlanRequest request;
    request.verb = options.arguments.front();
    if (std::ranges::find(kPlannable, request.verb) == kPlannable.end()) {
        std::string verbs;
        for (const std::string_view verb : kPlannable) {
            verbs += (verbs.empty() ? "" : ", ") + std::string{verb};
        }
        throw Trouble{ExitStatus::usage,
                      "org.svcd1.InvalidArgs",
                      "'" + request.verb + "' can't be planned",
                      "",
                      "svctl plan VERB UNITS, where VERB is one of " + verbs,
                      ""};
    }
    const std::vector<std::string> named{options.arguments.begin() + 1, options.arguments.end()};
    if (named.empty() != ends_everything(request.verb)) {
        throw Trouble{
            ExitStatus::usage,
            "org.svcd1.InvalidArgs",
            ends_everything(request.verb) ? request.verb + " takes no units" : "no unit is given",
            "",
            "svctl plan " + request.verb + (ends_everything(request.verb) ? "" : " UNIT..."),
            ""};
    }
    request.chosen = chosen_units(session, named, request.verb);
    return request;
}

}  // namespace

namespace {

/// The units that can be loaded; the others are reported, as the verb itself would.
std::vector<std::string> loadable(Session& session,
                                  const std::vector<std::string>& units,
                                  ExitStatus& worst) {
    std::vector<std::string> good;
    for (const std::string& unit : units) {
        worst = worse(worst, guarded(session, unit, [&] {
                          session.daemon().manager().LoadUnit(unit);
                          if (session.daemon().unit_property(unit, "org.svcd1.Unit", "LoadState") ==
                                  "not-found" &&
                              session.daemon().active_state(unit) == "inactive") {
                              throw_no_such_unit(unit);
                          }
                          good.push_back(unit);
                          return ExitStatus::done;
                      }));
    }
    return good;
}

/// Those that the others would go on without.
ExitStatus report_refused(Session& session, const Json& plan) {
    ExitStatus worst = ExitStatus::done;
    for (const Json& each : plan.value("refused_units", Json::array())) {
        worst = worse(worst, guarded(session, text_of(each, "unit"), [&]() -> ExitStatus {
                          throw sdbus::Error(text_of(each, "error"), text_of(each, "message"));
                      }));
    }
    return worst;
}

/// Who has asked for more time than its setting gives may do so again.
void note_extensions(Session& session, Plan& plan) {
    constexpr std::size_t kUnitsMax = 100;
    const std::size_t looked_at = std::min(plan.jobs.size(), kUnitsMax);
    for (std::size_t index = 0; index < looked_at; ++index) {
        const PlannedJob& job = plan.jobs[index];
        if (job.type != "stop" || job.limit == 0 || !job.unit.ends_with(".service")) {
            continue;
        }
        const std::vector<Json> newest = session.daemon().stop_records(job.unit, 1);
        if (newest.empty()) {
            continue;
        }
        const StopRecord record = read_record(newest.front());
        const Usec length = length_of(record, monotonic_now());
        if (asked_for_more(record)) {
            plan.notes.push_back(
                job.unit + " asked for more time (EXTEND_TIMEOUT_USEC) in its last stop, which " +
                (goes_on(record) ? "goes on" : "took " + short_time(length)) +
                ": with that it may take longer than its limit here");
        }
    }
}

ExitStatus print_plan(Session& session, const PlanRequest& request) {
    ExitStatus worst = ExitStatus::done;
    const bool isolates = request.verb == "isolate";
    const std::string verb = isolates ? "start" : request.verb;
    const std::string mode = isolates ? "isolate" : session.options().job_mode;
    ManagerProxy& manager = session.daemon().manager();
    const std::string text =
        session.options().force
            ? manager.PlanJobs(verb, request.chosen.units, mode, {{"force", sdbus::Variant{true}}})
            : manager.Plan(verb, request.chosen.units, mode);
    const Json json = Json::parse(text);
    Plan plan = read_plan(json);
    note_extensions(session, plan);
    if (!plan.refused) {
        worst = worse(worst, report_refused(session, json));
    }
    if (plan.refused) {
        worst = worse(worst, ExitStatus::failed);
    }
    if (session.options().json) {
        session.print(text + "\n");
        return worst;
    }
    std::string words = request.verb;
    for (const std::string& unit : request.chosen.units) {
        words += " " + unit;
    }
    session.print(plan_text(plan, words, session.out()));
    return worst;
}

}  // namespace

ExitStatus plan(Session& session) {
    PlanRequest request = request_of(session);
    ExitStatus worst = request.chosen.status;
    if (request.chosen.units.size() > 1) {
        request.chosen.units = loadable(session, request.chosen.units, worst);
    }
    if (request.chosen.units.empty() && !ends_everything(request.verb)) {
        return worst;
    }
    const std::string named =
        request.chosen.units.size() == 1 ? request.chosen.units.front() : std::string{};
    return worse(worst, guarded(session, named, [&] { return print_plan(session, request); }));
}

}  // namespace svcd
