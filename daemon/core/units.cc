// Starting, stopping and reloading a unit of any type, for a job that runs.
#include <algorithm>

#include "core/machine.h"
#include "core/service.h"

namespace svcd {
namespace {

/// Something that it is bound to, and ordered after, that isn't up.
const Unit* absent_binding(const Machine& machine, const Unit& unit) {
    const auto earlier = machine.graph.related(unit.id, Relation::after);
    for (const auto edge : machine.graph.related(unit.id, Relation::binds_to)) {
        const Unit& other = machine.unit(edge.unit());
        const bool is_after =
            std::any_of(earlier.begin(), earlier.end(),
                        [&](const auto& candidate) { return candidate.unit() == edge.unit(); });
        if (is_after && !is_up(other.active_state())) {
            return &other;
        }
    }
    return nullptr;
}

}  // namespace

StartOutcome start_unit(Machine& machine, Unit& unit) {
    if (is_up(unit.active_state())) {
        return StartOutcome::already;
    }
    machine.take_waiting_definition(unit);  // a restart that stopped the old starts the new
    if (unit.load_state != LoadState::loaded) {
        machine.say(Severity::error, unit,
                    "can't be started: its unit file is " + std::string(name_of(unit.load_state)));
        return StartOutcome::invalid;
    }
    if (unit.type == UnitType::service) {
        if (unit.run == nullptr) {
            unit.run = std::make_unique<ServiceRun>();
        }
        if (const auto obstacle = Service{machine, unit}.obstacle()) {
            return *obstacle;
        }
    }
    if (const auto outcome = machine.check_conditions(unit)) {
        return *outcome;
    }
    return start_checked_unit(machine, unit);
}

/// Keeps who has asked for it. An automatic restart is for whoever asked for the start before it.
static void note_starter(Machine& machine, Unit& unit) {
    const Job* job = machine.job_of(unit);
    if (job == nullptr) {
        return;
    }
    const bool is_automatic = job->requester.cause == StartCause::restart;
    if (!is_automatic || unit.started_by == nullptr) {
        unit.started_by = std::make_unique<Requester>(job->requester);
    }
    if (!is_automatic && unit.run != nullptr) {
        unit.run->restart_rule = RestartRule::none;
    }
}

StartOutcome start_checked_unit(Machine& machine, Unit& unit) {
    if (const Unit* absent = absent_binding(machine, unit)) {
        machine.say(Severity::warning, unit,
                    "not started: it is bound to " + absent->name() + ", which is not active");
        if (machine.is_missed(machine.unit(absent->id))) {
            machine.want_back(unit, *absent);
        }
        return StartOutcome::dependency;
    }
    machine.forget_comeback(unit);
    note_starter(machine, unit);
    if (unit.type != UnitType::service) {
        machine.set_state(unit, SubState::active);
        return StartOutcome::going;
    }
    return Service{machine, unit}.start();
}

StartOutcome stop_unit(Machine& machine, Unit& unit) {
    if (is_down(unit.active_state())) {
        return StartOutcome::already;
    }
    if (unit.type == UnitType::service) {
        return Service{machine, unit}.stop();
    }
    if (unit.type == UnitType::slice) {
        machine.order(ReleaseCgroup{unit.id});
    }
    machine.set_state(unit, SubState::dead);
    return StartOutcome::going;
}

StartOutcome reload_unit(Machine& machine, Unit& unit) {
    if (lacks_restart(unit)) {
        return StartOutcome::invalid;
    }
    if (unit.active_state() == ActiveState::reloading ||
        unit.active_state() == ActiveState::activating) {
        return StartOutcome::later;
    }
    if (unit.active_state() != ActiveState::active || unit.type != UnitType::service) {
        return StartOutcome::invalid;
    }
    return Service{machine, unit}.reload();
}

}  // namespace svcd
