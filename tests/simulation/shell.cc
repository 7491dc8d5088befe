// The manager's part: the state file is written before orders are carried out, and what the step
// did to each unit is noted.
#include <algorithm>
#include <utility>

#include "simulation/effect_hash.h"
#include "simulation/guarded_step.h"
#include "simulation/simulation.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

/// False when the manager died of it.
bool Simulation::step(Event event) {
    ++world_.step;
    ++outcome_.steps;
    if (trace_.is_on()) {
        trace_.line(world_.now, "event", words(event, world_));
    }
    if (const auto* notification = std::get_if<Notification>(&event)) {
        note_extension(*notification);
    }
    const bool loads = std::holds_alternative<UnitsLoaded>(event);
    const bool is_shutdown = std::holds_alternative<ShutdownRequested>(event);
    if (is_shutdown) {
        bound_shutdown(std::get<ShutdownRequested>(event).hurry);
    }
    checkers_.before_step(event);
    effects_.clear();
    if (!step_guarded(*world_.manager, std::move(event), world_.now, effects_)) {
        checkers_.report("assertion", {}, "An assertion of the supervisor has failed.");
        static_cast<void>(new Supervisor{std::move(*world_.manager)});  // never to be touched again
        world_.manager.reset();
        phase_ = Phase::over;
        return false;
    }
    world_.is_shutting_down = world_.is_shutting_down || is_shutdown;
    if (loads) {
        refresh_graph();
    }
    write_state();
    note_changes();
    checkers_.after_step(effects_);
    outcome_.hash = mixed(outcome_.hash, static_cast<std::uint64_t>(to_usec(world_.now)));
    if (!carry_out_all()) {
        return false;
    }
    if (phase_ != Phase::over) {
        note_shutdown();
        checkers_.at_rest();
    }
    return true;
}

/// False when the manager dies on the way.
bool Simulation::carry_out_all() {
    const std::size_t count = effects_.orders.size();
    const bool dies =
        world_.deaths < kDeathsMax && count != 0 && has_fault(Fault::manager_dies_midway, 15);
    const std::size_t dies_before = dies ? random_.below(count) : count;
    for (std::size_t order = 0; order < count; ++order) {
        const Effect& effect = effects_.orders[order];
        outcome_.hash = mixed(outcome_.hash, effect);
        if (order == dies_before) {
            kill_manager();
            return false;
        }
        checkers_.before_order(effect);
        if (trace_.is_on()) {
            trace_.line(world_.now, "  order", words(effect, world_));
        }
        carry_out(effect);
    }
    return true;
}

/// When all has to be over, as far as the budget says and nothing hinders it.
void Simulation::bound_shutdown(bool hurries) {
    world_.is_budgeted = world_.is_budgeted || hurries;
    if (!world_.is_budgeted || (world_.is_shutting_down && !hurries)) {
        return;
    }
    const Duration for_stops =
        hurries ? plan_.shutdown_margin
                : std::max(plan_.shutdown_budget - plan_.shutdown_margin, Duration{0});
    // A stop and an ExecStopPost each, with the moment that SIGKILL takes.
    const auto moments = static_cast<std::int64_t>(2 * world_.units.size());
    world_.shutdown_ends_by = std::min(
        world_.shutdown_ends_by, world_.now + for_stops + moments * (kStopReserve + 20ms) + 2s);
}

/// A stop that asks for more time may take it.
void Simulation::note_extension(const Notification& notification) {
    UnitEntry& unit = world_.units[*world_.index_of(notification.unit)];
    if (notification.extend_timeout && unit.stop_ends_by != kNever) {
        unit.stop_ends_by = std::max(unit.stop_ends_by, world_.now + *notification.extend_timeout +
                                                            kKillGrace + world_.slack);
    }
}

void Simulation::write_state() {
    for (UnitEntry& unit : world_.units) {
        unit.was = unit.is;
        if (!is_stopping(unit.is.sub)) {
            unit.stop_not_before = kNever;
            unit.stop_ends_by = kNever;
        }
        if (unit.is.is_idle()) {
            unit.is_between_definitions = false;
        }
        unit.bonds_changed = unit.bonds_changed && unit.is.wants_back;
    }
    held_.insert(held_.end(), effects_.dirty.begin(), effects_.dirty.end());
    if (holds_writes_) {
        return;
    }
    for (const UnitId id : std::exchange(held_, {})) {
        const auto unit = world_.index_of(id);
        if (!unit) {
            continue;
        }
        UnitEntry& entry = world_.units[*unit];
        if (!world_.manager->is_known(id)) {
            entry.record.reset();
            entry.id.reset();
            entry.is = UnitView{};
            continue;
        }
        entry.record = world_.manager->record(id);
        entry.is = view_of(*entry.record);
        outcome_.hash = mixed(outcome_.hash, *entry.record);
    }
    if (effects_.supervisor_dirty) {
        world_.supervisor = world_.manager->record();
    }
}

void Simulation::note_changes() {
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        UnitEntry& entry = world_.units[unit];
        if (entry.is.wants_down() && (!entry.was.wants_down() || entry.was.job != entry.is.job)) {
            entry.wants_down_since = world_.step;
        }
        if (entry.is.wants_up() && (!entry.was.wants_up() || entry.was.job != entry.is.job)) {
            entry.wants_up_since = world_.step;
        }
    }
    for (const Transition& transition : effects_.transitions) {
        const auto unit = world_.index_of(transition.unit);
        if (!unit || transition.from == transition.to) {
            continue;
        }
        const UnitEntry& entry = world_.units[*unit];
        ++outcome_.transitions[static_cast<std::size_t>(transition.from)]
                              [static_cast<std::size_t>(transition.to)];
        if (trace_.is_on()) {
            trace_.line(world_.now, "  state",
                        entry.name + ": " + std::string{name_of(transition.from)} + " → " +
                            std::string{name_of(transition.to)});
        }
        update_clocks(*unit, transition);
        const bool rests = is_down(transition.to) || transition.to == SubState::auto_restart;
        const bool has_stopped = is_stopping(transition.from) && !is_stopping(transition.to);
        if ((rests || has_stopped) && transition.to != SubState::stop_wedged &&
            !world_.stops_whole(*unit)) {
            world_.kernel.mark_left_over(*unit);
        }
    }
}

/// The simulator's own stop clock: when SIGKILL is allowed, and when all has to be over.
void Simulation::update_clocks(std::size_t unit, const Transition& transition) {
    const bool begins = is_stopping(transition.to) && !is_stopping(transition.from);
    const bool aborts =
        transition.to == SubState::stop_watchdog || transition.to == SubState::final_watchdog;
    UnitEntry& entry = world_.units[unit];
    const ServiceSettings* service = world_.settings(unit);
    if (begins || aborts || transition.to == SubState::stop_post) {
        Duration timeout = 90s;
        if (service != nullptr) {
            timeout = aborts ? service->timeout_abort.value_or(service->timeout_stop)
                             : service->timeout_stop;
        }
        entry.stop_not_before = after(world_.now, timeout);
        entry.stop_ends_by = after(entry.stop_not_before, kKillGrace + world_.slack);
        if (entry.stop_not_before == kNever) {
            entry.stop_ends_by = kNever;
        }
    }
    // What the main process has left has a time of its own; unless svcd knows one more process,
    // which can't be told from here.
    const std::optional<Duration> rest =
        service == nullptr ? std::nullopt : service->rarely().leftover_timeout;
    if (transition.to == SubState::final_sigterm && rest) {
        const Time end = after(world_.now, *rest);
        entry.stop_not_before = std::min(entry.stop_not_before, end);
        entry.stop_ends_by = std::max(entry.stop_ends_by, after(end, kKillGrace + world_.slack));
    }
}

/// A unit's FailureAction or its like has begun the shutdown.
void Simulation::note_shutdown() {
    if (!world_.supervisor || world_.supervisor->shutting_down == 0 || phase_ == Phase::shutdown) {
        return;
    }
    trace_.heading("shutdown, by a unit");
    world_.is_shutting_down = true;
    shutdown_at_ = kNever;
    enter_shutdown();
}

void Simulation::refresh_graph() {
    const auto indices = [this](UnitId id, Relation relation, std::vector<std::size_t>& result) {
        for (const UnitId other : world_.manager->related(id, relation)) {
            if (const auto unit = world_.index_of(other)) {
                result.push_back(*unit);
            }
        }
    };
    world_.by_id.clear();
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        UnitEntry& entry = world_.units[unit];
        entry.id = world_.manager->find(entry.name);
        if (entry.id) {
            world_.by_id.resize(std::max(world_.by_id.size(), index_of(*entry.id) + 1),
                                World::kNoUnit);
            world_.by_id[index_of(*entry.id)] = unit;
        }
    }
    for (UnitEntry& unit : world_.units) {
        unit.after.clear();
        unit.before.clear();
        unit.needs.clear();
        if (unit.id) {
            unit.is_stale = world_.manager->status(*unit.id).need_daemon_reload;
            indices(*unit.id, Relation::after, unit.after);
            indices(*unit.id, Relation::before, unit.before);
            indices(*unit.id, Relation::requires_, unit.needs);
            indices(*unit.id, Relation::binds_to, unit.needs);
            std::vector<std::size_t> bound_to;
            for (const Relation relation : {Relation::binds_to, Relation::requires_,
                                            Relation::requisite, Relation::part_of}) {
                indices(*unit.id, relation, bound_to);
            }
            unit.bonds_changed =
                unit.is.wants_back && (unit.bonds_changed || unit.bound_to != bound_to);
            unit.bound_to = std::move(bound_to);
        }
    }
}

}  // namespace svcd::simulation
