// wait and events: what the daemon tells as it happens.
#include <algorithm>
#include <map>
#include <set>

#include "guard.h"
#include "signals.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

bool is_reached(const std::string& wanted, const std::string& state) {
    if (wanted == "active") {
        return state == "active" || state == "reloading";
    }
    if (wanted == "inactive") {
        return state == "inactive" || state == "failed";
    }
    return state == wanted;
}

Usec deadline_of(const Options& options) {
    return options.timeout && *options.timeout != kUsecInfinity ? monotonic_now() + *options.timeout
                                                                : kUsecInfinity;
}

/// Units whose state is not as it is waited for; each is asked again when it changed.
class StateWait {
public:
    StateWait(Session& session, std::vector<std::string> units)
        : session_(session), missing_(units.begin(), units.end()), changed_(missing_) {}

    void note(const std::string& unit) {
        if (missing_.contains(unit)) {
            changed_.insert(unit);
        }
    }
    void note_all() { changed_ = missing_; }

    bool all_reached() {
        for (const std::string& unit : std::exchange(changed_, {})) {
            if (is_reached(session_.options().wait_for, session_.daemon().active_state(unit))) {
                missing_.erase(unit);
            }
        }
        return missing_.empty();
    }

    const std::set<std::string>& missing() const { return missing_; }

private:
    Session& session_;
    std::set<std::string> missing_;
    std::set<std::string> changed_;
};

class EventPrinter {
public:
    explicit EventPrinter(Session& session) : session_(session) {}

    void listen(Signals& signals) {
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
        if (!unit.empty() && !patterns.empty() &&
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
    std::map<std::string, std::string> last_;
};

}  // namespace

ExitStatus wait_for_units(Session& session) {
    const InterruptGuard interrupts;
    StateWait state{session, named_units(session, true)};
    const Usec deadline = deadline_of(session.options());
    while (true) {
        Signals signals{session.connection()};
        signals.on_unit_changed("",
                                [&](const std::string& unit, const Json&) { state.note(unit); });
        signals.subscribe();
        state.note_all();
        const Signals::End end = signals.wait([&] { return state.all_reached(); }, deadline);
        if (end == Signals::End::satisfied) {
            return ExitStatus::done;
        }
        if (end == Signals::End::interrupted) {
            return ExitStatus::interrupted;
        }
        if (end == Signals::End::timed_out) {
            for (const std::string& unit : state.missing()) {
                session.report({ExitStatus::timed_out, "org.svcd1.TimedOut",
                                unit + " is not " + session.options().wait_for + " but " +
                                    session.daemon().active_state(unit),
                                unit, "", ""});
            }
            return ExitStatus::timed_out;
        }
        session.reconnect();
    }
}

ExitStatus watch_events(Session& session) {
    const InterruptGuard interrupts;
    EventPrinter printer{session};
    const Usec deadline = deadline_of(session.options());
    while (true) {
        Signals signals{session.connection()};
        printer.listen(signals);
        const Signals::End end = signals.wait([] { return false; }, deadline);
        if (end != Signals::End::connection_lost) {
            return ExitStatus::done;
        }
        session.reconnect();
    }
}

}  // namespace svcd
