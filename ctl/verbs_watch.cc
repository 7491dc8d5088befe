// wait and events: what the daemon tells as it happens.
#include <algorithm>
#include <map>

#include "guard.h"
#include "named_units.h"
#include "signals.h"
#include "unit_names.h"
#include "verbs.h"
#include "watch.h"

namespace svcd {
namespace {

class EventPrinter {
public:
    explicit EventPrinter(Session& session) : session_(session) {}

    void listen(Signals& signals) {
        units_ = own_names(session_);
        signals.on_job_new([this](std::uint32_t job, const std::string& unit) {
            tell(unit, {{"kind", "job-new"}, {"unit", unit}, {"job", job}},
                 unit + ": job " + std::to_string(job) + " begins");
        });
        signals.on_job_removed(
            [this](const std::string& path, const std::string& unit, const std::string& result) {
                const std::string job = path.substr(path.rfind('/') + 1);
                tell(unit,
                     {{"kind", "job-removed"},
                      {"unit", unit},
                      {"job", std::stoul(job)},
                      {"result", result}},
                     unit + ": job " + job + " ends: " + result);
            });
        signals.on_unit_changed(
            "", [this](const std::string& unit, const Json& changed) { on_change(unit, changed); });
        signals.subscribe();
        // Whoever starts something after this line sees all of it.
        tell("", {{"kind", "watching"}}, "");
    }

private:
    void on_change(const std::string& unit, const Json& changed) {
        const std::string active = text_of(changed, "ActiveState");
        const std::string sub = text_of(changed, "SubState");
        if (active.empty() && sub.empty()) {
            return;
        }
        std::string& last = last_[unit];
        const std::string now = active + "/" + sub;
        if (std::exchange(last, now) == now) {
            return;
        }
        tell(unit, {{"kind", "state"}, {"unit", unit}, {"active", active}, {"sub", sub}},
             unit + ": " + active + " (" + sub + ")");
    }

    void tell(const std::string& unit, const Json& event, const std::string& line) {
        const auto& patterns = session_.options().arguments;
        if (!unit.empty() && !patterns.empty() && std::ranges::find(units_, unit) == units_.end() &&
            std::ranges::none_of(patterns, [&](const std::string& pattern) {
                return glob_matches(pattern, unit);
            })) {
            return;
        }
        if (session_.options().json) {
            Json stamped = {{"time_usec", realtime_now()}};
            stamped.update(event);
            session_.print_now(json_text(stamped));
            return;
        }
        if (!line.empty()) {
            session_.print_now(timestamp(realtime_now()) + "  " + line + "\n");
        }
    }

    Session& session_;
    std::vector<std::string> units_;  ///< those named, by their own names
    std::map<std::string, std::string> last_;
};

/// A name that no unit has would be watched for ever; a glob may be for units to come.
ExitStatus check_names(Session& session) {
    ExitStatus worst = ExitStatus::done;
    for (const std::string& argument : session.options().arguments) {
        if (!is_glob(argument)) {
            const std::string unit = complete_unit_name(argument);
            worst = worse(worst, guarded(session, unit, [&] {
                              session.daemon().active_state(unit);
                              return ExitStatus::done;
                          }));
        }
    }
    return worst;
}

}  // namespace

ExitStatus wait_for_units(Session& session) {
    const std::string& wanted = session.options().wait_for;
    if (const ExitStatus status = check_names(session); status != ExitStatus::done) {
        return status;
    }
    const auto [units, unknown] =
        asked(session, [&] { return chosen_units(session, session.options().arguments, "wait"); });
    if (unknown != ExitStatus::done) {
        return unknown;
    }
    StateWait state{session, units, wanted};
    const Signals::End end = state.wait(deadline_of(session.options()));
    if (end == Signals::End::satisfied) {
        return ExitStatus::done;
    }
    if (end == Signals::End::interrupted) {
        return ExitStatus::interrupted;
    }
    for (const std::string& unit : state.missing()) {
        const std::string now = asked(session, [&] { return session.daemon().active_state(unit); });
        session.report({ExitStatus::timed_out, "org.svcd1.TimedOut",
                        unit + " is not " + wanted + " but " + now, unit, "", ""});
    }
    return ExitStatus::timed_out;
}

ExitStatus watch_events(Session& session) {
    if (const ExitStatus status = check_names(session); status != ExitStatus::done) {
        return status;
    }
    EventPrinter printer{session};
    watch(
        session, [&](Signals& signals) { printer.listen(signals); }, [] { return false; },
        deadline_of(session.options()));
    return ExitStatus::done;
}

}  // namespace svcd
