// What the shell does with each order: the fake kernel carries it out, and the answer comes back as
// an event, perhaps late.
#include <cerrno>

#include "simulation/simulation.h"

namespace svcd::simulation {

/// One function for each kind of order; what is for clients and the log alone, the checkers have
/// seen.
class Simulation::Shell {
public:
    explicit Shell(Simulation& simulation) : sim_{simulation} {}

    void operator()(const SpawnProcess& order) { sim_.carry_out_spawn(order); }
    void operator()(const CheckConditions& order) { sim_.carry_out_check(order); }
    void operator()(const WatchBusName& order) { sim_.carry_out_watch(order); }
    void operator()(const SignalUnit& order) {
        if (const auto unit = sim_.world_.index_of(order.unit)) {
            sim_.world_.kernel.signal(*unit, order, sim_.world_.now);
            sim_.take_news();
            if (order.stop_state != SubState::dead) {
                sim_.push(sim_.world_.now, Pending::Kind::event, *unit,
                          StopSignalSent{order.unit, order.stop_state});
            }
        }
    }
    void operator()(const LookIfReaped& order) {
        const auto unit = sim_.world_.index_of(order.unit);
        if (unit && !sim_.world_.kernel.is_zombie(order.pid)) {
            sim_.push(sim_.world_.now, Pending::Kind::event, *unit,
                      ProcessReaped{order.unit, order.pid});
        }
    }
    void operator()(const IdentifyMainProcess& order) { sim_.carry_out_identify(order); }
    void operator()(const RetireProcess& order) { sim_.world_.kernel.retire(order.process); }
    void operator()(const CheckCgroup& order) {
        if (const auto unit = sim_.world_.index_of(order.unit)) {
            sim_.read_cgroup(*unit);
        }
    }
    void operator()(const LookForCoreDump& order) {
        if (const auto unit = sim_.world_.index_of(order.unit)) {
            sim_.look_for_core_dump(*unit);
        }
    }
    void operator()(const ReleaseCgroup& order) {
        if (const auto unit = sim_.world_.index_of(order.unit)) {
            sim_.world_.kernel.release_cgroup(*unit);
        }
    }
    void operator()(const RemovePidFile& order) {
        if (const auto unit = sim_.world_.index_of(order.unit)) {
            sim_.world_.kernel.remove_pid_file(*unit);
        }
    }
    void operator()(const Exit& order) {
        sim_.checkers_.exited(order);
        sim_.phase_ = Phase::over;
    }
    void operator()(const AnnounceJob& order) {
        if (const auto unit = sim_.world_.index_of(order.unit); unit && sim_.is_healed_) {
            ++sim_.jobs_since_healing_[*unit];
        }
    }
    void operator()(const AnnounceJobEnd&) {}
    void operator()(const Reply&) {}
    void operator()(const Say&) {}

private:
    Simulation& sim_;
};

void Simulation::carry_out(const Effect& effect) {
    std::visit(Shell{*this}, effect);
}

/// Some of what is still there near its deadline is dying slowly.
void Simulation::look_for_core_dump(std::size_t unit) {
    if (world_.kernel.population(unit) == 0 || !random_.percent(10)) {
        return;
    }
    push(world_.now + lateness(false), Pending::Kind::event, unit,
         CoreDumping{*world_.units[unit].id});
    const ServiceSettings* service = world_.settings(unit);
    UnitEntry& entry = world_.units[unit];
    if (service != nullptr && entry.stop_ends_by != kNever) {
        // Once: what holds SIGKILL back is limited from the first on.
        const Duration most = service->timeout_abort.value_or(service->timeout_stop);
        const Time until = after(world_.now, most);
        entry.stop_ends_by =
            std::max(entry.stop_ends_by, after(after(until, kKillGrace), world_.slack));
    }
}

/// clone3 fails, if this is a run in which it does.
bool Simulation::spawn_fails(std::size_t unit, Token process, ProcessRole role) {
    if (!has_fault(Fault::spawn_fails, 60)) {
        return false;
    }
    world_.kernel.take_slot(unit, process, role);
    push(world_.now + lateness(faults_.has(Fault::late_events)), Pending::Kind::event, unit,
         SpawnFailed{process, Error{EAGAIN, "clone3", world_.units[unit].name, ""}});
    return true;
}

void Simulation::spawn(std::size_t unit, Token process, ProcessRole role, const Life& life) {
    const Pid pid = world_.kernel.spawn({process, unit, role, life}, world_.now);
    Time soon = world_.now + lateness(faults_.has(Fault::late_events));
    if (has_fault(Fault::quick_exits, 200)) {
        soon += random_.between(Duration{0}, kLatestEvent);
    }
    push(soon, Pending::Kind::event, unit, ProcessSpawned{process, pid});
}

LifeRequest Simulation::life_request(std::size_t unit, const ServiceSettings& service) const {
    LifeRequest request;
    request.settings = &service;
    request.temper = generator_.temper(unit);
    request.faults = faults_;
    request.calm = is_healed_;
    return request;
}

void Simulation::carry_out_spawn(const SpawnProcess& order) {
    const auto unit = world_.index_of(order.unit);
    const ServiceSettings* service = unit ? world_.settings(*unit) : nullptr;
    if (service == nullptr || order.command >= service->commands.size()) {
        return;  // the checkers have complained
    }
    if (spawn_fails(*unit, order.process, order.role)) {
        return;
    }
    Random random{stream(plan_.seed, purpose::kLife, *unit * 100'000 + ++spawns_[*unit])};
    LifeRequest request = life_request(*unit, *service);
    request.role = service->commands[order.command].role;
    if (order.report_exec) {
        wants_exec_.insert(static_cast<std::uint64_t>(order.process));
    }
    spawn(*unit, order.process, order.role, draw_life(random, request));
}

void Simulation::carry_out_check(const CheckConditions& order) {
    const auto unit = world_.index_of(order.unit);
    if (!unit || spawn_fails(*unit, order.process, ProcessRole::checker)) {
        return;
    }
    static const ServiceSettings kNoService;
    const UnitDefinition* definition = world_.manager->definition(order.unit);
    const std::size_t conditions =
        definition == nullptr ? 0 : definition->rarely().conditions.size();
    Random random{stream(plan_.seed, purpose::kLife, *unit * 100'000 + ++spawns_[*unit])};
    const LifeRequest request = life_request(*unit, kNoService);
    spawn(*unit, order.process, ProcessRole::checker,
          draw_look(random, request, std::max<std::size_t>(conditions, 1)));
}

void Simulation::carry_out_watch(const WatchBusName& order) {
    const auto unit = world_.index_of(order.unit);
    if (!unit) {
        return;
    }
    watches_name_[*unit] = order.watch;
    if (order.watch) {
        report_name(*unit, world_.kernel.name_owner(*unit));
        return;
    }
    std::erase_if(pending_, [&](const Pending& pending) {
        return pending.unit == *unit && pending.event &&
               std::holds_alternative<BusNameChanged>(*pending.event);
    });
    sort_pending();
}

void Simulation::carry_out_identify(const IdentifyMainProcess& order) {
    const auto unit = world_.index_of(order.unit);
    if (!unit) {
        return;
    }
    const Time soon = world_.now + lateness(faults_.has(Fault::late_events));
    const FakeKernel::Identified found =
        has_fault(Fault::main_not_found, 200)
            ? world_.kernel.refuse_to_identify(*unit, order.process)
            : world_.kernel.identify(*unit, order);
    if (found.why_not == nullptr) {
        MainProcessFound event{order.process, found.pid};
        event.is_foreign = world_.kernel.slot(order.process)->is_foreign;
        push(soon, Pending::Kind::event, *unit, event);
        take_news();
    } else {
        push(soon, Pending::Kind::event, *unit,
             MainProcessNotFound{order.process, Error{0, "find", "", found.why_not}});
    }
}

}  // namespace svcd::simulation
