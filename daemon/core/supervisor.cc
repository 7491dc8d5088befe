#include "core/supervisor.h"

#include <utility>

#include "core/machine.h"
#include "core/planner.h"
#include "core/service.h"

namespace svcd {

struct Supervisor::State : Machine {
    using Machine::Machine;
};

Supervisor::Supervisor(const SupervisorOptions& options)
    : state_(std::make_unique<State>(options)) {}
Supervisor::~Supervisor() = default;
Supervisor::Supervisor(Supervisor&&) noexcept = default;
Supervisor& Supervisor::operator=(Supervisor&&) noexcept = default;

void Supervisor::step(Event event, Time now, Effects& effects) noexcept {
    state_->step(std::move(event), now, effects);
}

std::optional<Time> Supervisor::next_deadline() const noexcept {
    return state_->deadlines.earliest();
}

std::optional<UnitId> Supervisor::find(std::string_view name) const {
    return state_->find(name);
}

std::size_t Supervisor::unit_count() const {
    return state_->units.size();
}

bool Supervisor::is_known(UnitId unit) const {
    return index_of(unit) < state_->units.size() && state_->unit(unit).is_known;
}

std::string_view Supervisor::name(UnitId unit) const {
    return state_->unit(unit).name();
}

UnitStatus Supervisor::status(UnitId unit) const {
    return state_->status(state_->unit(unit));
}

const UnitDefinition* Supervisor::definition(UnitId unit) const {
    const Unit& known = state_->unit(unit);
    return known.load_state == LoadState::loaded || known.definition.service != nullptr
               ? &known.definition
               : nullptr;
}

std::vector<UnitId> Supervisor::related(UnitId unit, Relation relation) const {
    std::vector<UnitId> result;
    for (const auto edge : state_->graph.related(unit, relation)) {
        result.push_back(edge.unit());
    }
    return result;
}

std::vector<JobStatus> Supervisor::jobs() const {
    std::vector<JobStatus> result;
    for (const auto& [id, job] : state_->jobs) {
        result.push_back(state_->status(job));
    }
    return result;
}

std::optional<JobStatus> Supervisor::job(JobId job) const {
    const auto found = state_->jobs.find(job);
    if (found == state_->jobs.end()) {
        return std::nullopt;
    }
    return state_->status(found->second);
}

std::size_t Supervisor::failed_units() const {
    return state_->failed_units;
}

std::vector<UnitId> Supervisor::flapping_units() const {
    return {state_->flapping_units.begin(), state_->flapping_units.end()};
}

SystemState Supervisor::system_state() const {
    return state_->system_state();
}

std::vector<OrderingFault> Supervisor::ordering_faults() const {
    return state_->ordering_faults();
}

std::optional<UnitId> Supervisor::unit_of(Token process) const {
    const auto owner = state_->processes.owner(process);
    if (!owner.has_value()) {
        return std::nullopt;
    }
    return owner->unit;
}

std::optional<ProcessRole> Supervisor::role_of(Token process) const {
    const auto owner = state_->processes.owner(process);
    return owner.has_value() ? std::optional{owner->role} : std::nullopt;
}

bool Supervisor::may_notify(UnitId unit, Pid sender) const {
    Unit& notified = state_->unit(unit);
    return notified.run != nullptr && Service{*state_, notified}.may_notify(sender);
}

Plan Supervisor::plan(JobVerb verb,
                      const std::vector<UnitId>& units,
                      JobMode mode,
                      const JobRequested* event) const {
    return Planner{*state_}.plan(verb, units, mode, event);
}

Plan Supervisor::plan_shutdown() const {
    return Planner{*state_}.plan_shutdown();
}

Time Supervisor::shutdown_deadline() const {
    return after(state_->shutdown_end, state_->options.shutdown_margin);
}

UnitRecord Supervisor::record(UnitId unit) const {
    return state_->record(state_->unit(unit));
}

SupervisorRecord Supervisor::record() const {
    return state_->record();
}

}  // namespace svcd
