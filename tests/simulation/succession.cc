// The life of a manager: it loads the units, takes over what the one before it wrote down, and
// dies.
#include <algorithm>
#include <utility>

#include "simulation/simulation.h"

namespace svcd::simulation {
UnitsLoaded Simulation::load_all() {
    UnitsLoaded event;
    event.complete = true;
    for (std::size_t unit = 0; unit < generator_.count(); ++unit) {
        if (generator_.is_there(unit)) {
            event.units.push_back(generator_.load(unit));
        }
    }
    return event;
}

void Simulation::start_manager() {
    SupervisorOptions options;
    options.seed = stream(plan_.seed, purpose::kSupervisor, world_.deaths);
    options.kill_grace = kKillGrace;
    options.shutdown_budget = plan_.shutdown_budget;
    options.shutdown_margin = plan_.shutdown_margin;
    const bool is_first = !world_.supervisor;
    world_.manager.emplace(options);
    trace_.heading(is_first ? "a manager starts" : "another manager starts");
    held_.clear();
    holds_writes_ = !is_first;
    const bool has_survived = step(load_all());
    holds_writes_ = false;
    if (!has_survived) {
        return;
    }
    if (is_first) {
        world_.supervisor = world_.manager->record();
    } else {
        restore();
    }
    if (world_.manager && shutdown_is_waiting_) {
        shutdown_is_waiting_ = false;
        deliver_event(ShutdownRequested{});
    }
}

ProcessFact Simulation::fact(const ProcessRecord& process) const {
    ProcessFact result;
    if (process.token == 0) {
        return result;
    }
    const TableSlot* slot = world_.kernel.slot(static_cast<Token>(process.token));
    if (slot != nullptr && slot->state == TableSlot::State::lost) {
        result.state = ProcessFact::State::lost;
    } else if (slot == nullptr || slot->pid == 0) {
        result.state =
            is_without_launcher_ ? ProcessFact::State::lost : ProcessFact::State::never_spawned;
    } else if (slot->state == TableSlot::State::live) {
        result.state = ProcessFact::State::alive;
        result.pid = slot->pid;
        result.is_foreign = slot->is_foreign;
    } else if (slot->state == TableSlot::State::exited) {
        result.state = ProcessFact::State::exited;
        result.pid = slot->pid;
    } else {
        result.state = ProcessFact::State::lost;
    }
    return result;
}

/// Slots that no record names: their exits were dealt with, and only the order to retire them was
/// not carried out. They are free before the new manager gives its first order, which may need one.
void Simulation::free_unnamed_slots(const StateRestored& event) {
    std::vector<Token> tokens = world_.kernel.open_tokens();
    const std::vector<Token> lost = world_.kernel.lost_tokens();
    tokens.insert(tokens.end(), lost.begin(), lost.end());
    for (const Token token : tokens) {
        const auto number = static_cast<std::uint64_t>(token);
        const bool is_named =
            std::any_of(event.units.begin(), event.units.end(), [number](const RestoredUnit& unit) {
                return unit.record.main.token == number || unit.record.control.token == number ||
                       unit.record.identifying == number || unit.record.checker.token == number;
            });
        if (!is_named) {
            checkers_.slot_freed(token);
            world_.kernel.retire(token);
        }
    }
}

bool Simulation::has_definition(const UnitEntry& entry) const {
    const std::optional<UnitId> id = world_.manager->find(entry.name);
    return id && world_.manager->status(*id).load_state == LoadState::loaded;
}

void Simulation::restore() {
    world_.kernel.manager_dies();
    StateRestored event;
    event.supervisor = *world_.supervisor;
    event.was_away = is_without_launcher_;
    std::vector<UnitView> before;
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& entry = world_.units[unit];
        before.push_back(entry.record ? view_of(*entry.record) : UnitView{});
        if (entry.record) {
            RestoredUnit restored;
            restored.record = *entry.record;
            restored.main = fact(entry.record->main);
            restored.control = fact(entry.record->control);
            restored.checker = fact(entry.record->checker);
            restored.populated = world_.kernel.population(unit) != 0;
            event.units.push_back(std::move(restored));
        }
    }
    is_without_launcher_ = false;
    free_unnamed_slots(event);
    for (UnitEntry& entry : world_.units) {
        // The manager before this one may have gone by an older definition than this one could
        // load.
        entry.is_between_definitions = entry.record && !view_of(*entry.record).is_idle() &&
                                       (entry.is_between_definitions || !has_definition(entry));
    }
    if (!step(std::move(event))) {
        return;
    }
    refresh_graph();
    checkers_.restored(before);
    heard_exits_.clear();
    world_.told_executing.clear();
    for (const Token token : world_.kernel.open_tokens()) {
        const TableSlot slot = *world_.kernel.slot(token);
        if (slot.state == TableSlot::State::exited) {
            push(world_.now + lateness(faults_.has(Fault::late_events)), Pending::Kind::event,
                 slot.unit, ProcessExited{token, slot.code, slot.status});
        } else if (slot.executing) {
            push(world_.now, Pending::Kind::event, slot.unit, ExecSucceeded{token});
        }
    }
}

void Simulation::kill_manager() {
    is_without_launcher_ = has_fault(Fault::launcher_dies, 400);
    trace_.heading(is_without_launcher_ ? "the launcher dies, and the manager with it"
                                        : "the manager dies");
    ++world_.deaths;
    world_.manager.reset();
    if (is_without_launcher_) {
        world_.kernel.launcher_dies();
    }
    for (UnitEntry& unit : world_.units) {
        unit.id.reset();
        unit.is = unit.record ? view_of(*unit.record) : UnitView{};
        unit.is_between_definitions =
            unit.is_between_definitions || (unit.is_stale && !unit.is.is_idle());
    }
    checkers_.manager_died();
    std::erase_if(pending_,
                  [](const Pending& pending) { return pending.kind == Pending::Kind::event; });
    sort_pending();
    watches_name_.assign(watches_name_.size(), false);
    push(world_.now + random_.between(Duration{0}, kLongestGap), Pending::Kind::start_manager, 0,
         std::nullopt);
}

}  // namespace svcd::simulation
