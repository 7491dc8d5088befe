// The end of everything: a latch, and one transaction that stops each unit in reverse order.
#include <algorithm>
#include <unordered_map>

#include "core/machine.h"
#include "core/service.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// What a unit's way down consists of, as stages of a budget.
class StopStages {
public:
    explicit StopStages(const Machine& machine) : machine_(machine) {}

    /// The unit whose `wanted` begins now, and all that waits for it, directly or not.
    std::vector<StopStage> from(const Unit& unit, Duration wanted, Machine::StopClock clock) {
        add_stage(wanted, kStopReserve);
        std::uint32_t last = 0;
        if (clock == Machine::StopClock::stop) {
            last = add_stop_post(unit, last);
        }
        last_stage_.emplace(unit.id, last);
        to_follow_.push_back(unit.id);
        while (!to_follow_.empty()) {
            const UnitId next = to_follow_.back();
            to_follow_.pop_back();
            follow(next);
        }
        return std::move(stages_);
    }

private:
    std::uint32_t add_stage(Duration wanted, Duration reserve) {
        stages_.push_back(StopStage{wanted, reserve, {}});
        return static_cast<std::uint32_t>(stages_.size() - 1);
    }

    std::uint32_t add_after(std::uint32_t stage, Duration wanted) {
        const std::uint32_t next = add_stage(wanted, kStopReserve);
        stages_[stage].next.push_back(next);
        return next;
    }

    /// The last stage of a unit whose stop is `stage`: ExecStopPost, and those that are left over.
    std::uint32_t add_stop_post(const Unit& unit, std::uint32_t stage) {
        const ServiceSettings& settings = *unit.definition.service;
        if (first_command(settings, CommandRole::stop_post)) {
            stage = add_after(stage, settings.timeout_stop);
        }
        if (const auto rest = settings.rarely().leftover_timeout) {
            stage = add_after(stage, *rest);
        }
        return stage;
    }

    /// Those that wait for the unit: it is ordered after them, and their stop is still to begin.
    void follow(UnitId id) {
        const std::uint32_t last = last_stage_.at(id);
        for (const auto edge : machine_.graph.related(id, Relation::after)) {
            const Unit& waiting = machine_.unit(edge.unit());
            const Job* job = machine_.job_of(waiting);
            if (job != nullptr && job->type == JobType::stop && job->state == JobState::waiting &&
                !job->ignore_order) {
                const std::uint32_t first = first_stage(waiting);
                stages_[last].next.push_back(first);
            }
        }
    }

    std::uint32_t first_stage(const Unit& unit) {
        if (const auto known = first_stage_.find(unit.id); known != first_stage_.end()) {
            return known->second;
        }
        const bool is_service = unit.definition.service != nullptr;
        const std::uint32_t first =
            add_stage(is_service ? unit.definition.service->timeout_stop : Duration{0},
                      is_service ? kStopReserve : Duration{0});
        first_stage_.emplace(unit.id, first);
        last_stage_.emplace(unit.id, is_service ? add_stop_post(unit, first) : first);
        to_follow_.push_back(unit.id);
        return first;
    }

    const Machine& machine_;
    std::vector<StopStage> stages_;
    std::unordered_map<UnitId, std::uint32_t> first_stage_;
    std::unordered_map<UnitId, std::uint32_t> last_stage_;
    std::vector<UnitId> to_follow_;
};

Duration time_until(Time end, Time now) {
    return std::max(end - now, Duration{0});
}

}  // namespace

Duration Machine::granted(const Unit& unit, Duration wanted, StopClock clock) const {
    if (shutdown_end == kNever) {
        return wanted;
    }
    return svcd::granted(StopStages{*this}.from(unit, wanted, clock), 0,
                         time_until(shutdown_end, now));
}

Duration Machine::budget_for_stops() const {
    return options.shutdown_budget == kInfinity
               ? kInfinity
               : std::max(options.shutdown_budget - options.shutdown_margin, Duration{0});
}

Duration Machine::slack(const Unit& unit, StopClock clock) const {
    if (shutdown_end == kNever) {
        return kInfinity;
    }
    const Duration rest = longest_way(StopStages{*this}.from(unit, Duration{0}, clock), 0);
    const Duration left = time_until(shutdown_end, now);
    return rest >= left ? Duration{0} : left - rest;
}

void Machine::request_shutdown(const ShutdownRequested& event) {
    reply(event.request, JobId::none);
    if (shutting_down) {
        // Asking again neither restarts nor hurries it, unless that is what is asked for.
        if (event.hurry && !has_exited) {
            say(Severity::notice, "the shutdown is to hurry: what is left gets ShutdownMarginSec");
            set_shutdown_end(after(now, options.shutdown_margin));
        }
        return;
    }
    shutting_down = true;
    shutdown_kind = event.kind;
    shutdown_signal = event.signal;
    exit_status = event.exit_status >= 0 ? event.exit_status : exit_status;
    say(event.is_quiet ? Severity::debug : Severity::notice,
        "shutting down (" + std::string(name_of(event.kind)) + ")" +
            (event.requester.reason.empty() ? "" : ": " + event.requester.reason));
    Requester requester = event.requester;
    if (requester.reason.empty()) {
        requester.reason = "shutdown";
    }
    stop_all(requester);
    set_shutdown_end(after(now, event.hurry ? options.shutdown_margin : budget_for_stops()));
}

/// Stops that begin later reckon with it (Service::begin_stop_clock), those that go on do now.
void Machine::set_shutdown_end(Time end) {
    effects->supervisor_dirty = true;
    if (end >= shutdown_end) {
        return;
    }
    shutdown_end = end;
    for (const auto& unit : units) {
        if (unit->run != nullptr) {
            Service{*this, *unit}.fit_into_budget();
        }
    }
}

void Machine::stop_all(const Requester& requester) {
    Transaction transaction{*this};
    transaction.build_shutdown();
    transaction.apply(requester);
}

void Machine::continue_shutdown() {
    if (!shutting_down || has_exited || !jobs.empty()) {
        return;
    }
    bool something_stayed = something_was_killed;
    bool is_over = true;
    for (const auto& unit : units) {
        if (!unit->is_known || is_perpetual(unit->name())) {
            continue;
        }
        is_over = is_over && is_down(unit->active_state());
        something_stayed = something_stayed || unit->sub_state == SubState::stop_wedged;
    }
    if (!is_over) {
        // Something came up, or stayed up, beside the transaction; or its jobs were cancelled.
        stop_all(Requester{0, 0, {}, "shutdown"});
        return;
    }
    has_exited = true;
    // A command that the stop signal came before has never run.
    const bool came_first = !options.command_unit.empty() && shutdown_signal != 0;
    const int status = exit_status >= 0 ? exit_status
                       : came_first     ? kSignalStatus + shutdown_signal
                                        : (something_stayed ? 1 : 0);
    const auto mapped = options.exit_status_map.find(status);
    order(Exit{shutdown_kind, mapped == options.exit_status_map.end() ? status : mapped->second});
}

}  // namespace svcd
