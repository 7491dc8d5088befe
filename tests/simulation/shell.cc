// The manager's part: the state file is written before orders are carried out, a new manager starts
// from it, and the process table is believed.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "simulation/simulation.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kKillGrace = 5s;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
    return (hash ^ value) * 0x100000001b3 + (hash >> 29);
}

template <typename T>
std::uint64_t mixed_bytes(std::uint64_t hash, const T& value) {
    constexpr std::size_t kWords = sizeof(T) / sizeof(std::uint64_t);
    std::array<std::uint64_t, kWords> words_of{};
    std::memcpy(words_of.data(), &value, sizeof words_of);
    for (const std::uint64_t word : words_of) {
        hash = mixed(hash, word);
    }
    return hash;
}

/// Enough of an order to tell it from another.
struct OrderHash {
    std::uint64_t hash;

    std::uint64_t operator()(const SpawnProcess& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.process)), order.command);
    }
    std::uint64_t operator()(const SignalUnit& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.unit)),
                     static_cast<std::uint64_t>(order.signal) * 64 +
                         static_cast<std::uint64_t>(order.cause) * 8 +
                         static_cast<std::uint64_t>(order.scope));
    }
    std::uint64_t operator()(const IdentifyMainProcess& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.process));
    }
    std::uint64_t operator()(const RetireProcess& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.process));
    }
    std::uint64_t operator()(const CheckCgroup& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const ReleaseCgroup& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const AnnounceJob& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.job));
    }
    std::uint64_t operator()(const AnnounceJobEnd& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.job)),
                     static_cast<std::uint64_t>(order.result));
    }
    std::uint64_t operator()(const Reply& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.request)),
                     static_cast<std::uint64_t>(order.job));
    }
    std::uint64_t operator()(const Say& order) const {
        std::uint64_t result = hash;
        for (const char letter : order.text) {
            result = mixed(result, static_cast<unsigned char>(letter));
        }
        return result;
    }
    std::uint64_t operator()(const Exit& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.status));
    }
};

}  // namespace

// ── the life of a manager
// ────────────────────────────────────────────────────────────────────────────────────────────

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
    options.seed = stream(plan_.seed, purpose::kSupervisor, outcome_.manager_deaths);
    options.kill_grace = kKillGrace;
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
    if (slot == nullptr || slot->pid == 0) {
        result.state = ProcessFact::State::never_spawned;
    } else if (slot->state == TableSlot::State::live) {
        result.state = ProcessFact::State::alive;
        result.pid = slot->pid;
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
    for (const Token token : world_.kernel.open_tokens()) {
        const auto number = static_cast<std::uint64_t>(token);
        const bool is_named =
            std::any_of(event.units.begin(), event.units.end(), [number](const RestoredUnit& unit) {
                return unit.record.main.token == number || unit.record.control.token == number ||
                       unit.record.identifying == number;
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
    StateRestored event;
    event.supervisor = *world_.supervisor;
    std::vector<UnitView> before;
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& entry = world_.units[unit];
        before.push_back(entry.record ? view_of(*entry.record) : UnitView{});
        if (entry.record) {
            RestoredUnit restored;
            restored.record = *entry.record;
            restored.main = fact(entry.record->main);
            restored.control = fact(entry.record->control);
            restored.populated = world_.kernel.population(unit) != 0;
            event.units.push_back(std::move(restored));
        }
    }
    free_unnamed_slots(event);
    for (UnitEntry& entry : world_.units) {
        // The manager before this one may have gone by an older definition than this one could
        // load.
        entry.is_between_definitions = entry.record && !is_down(view_of(*entry.record).sub) &&
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
    trace_.heading("the manager dies");
    ++outcome_.manager_deaths;
    world_.manager.reset();
    for (UnitEntry& unit : world_.units) {
        unit.id.reset();
        unit.is = unit.record ? view_of(*unit.record) : UnitView{};
    }
    checkers_.manager_died();
    std::erase_if(pending_,
                  [](const Pending& pending) { return pending.kind == Pending::Kind::event; });
    std::make_heap(pending_.begin(), pending_.end(),
                   [](const auto& one, const auto& other) { return one.is_later_than(other); });
    push(world_.now + random_.between(0us, kLongestGap), Pending::Kind::start_manager, 0,
         std::nullopt);
}

// ── a step
// ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// False when the manager died of it.
bool Simulation::step(Event event) {
    ++world_.step;
    ++outcome_.steps;
    if (trace_.is_on()) {
        trace_.line(world_.now, "event", words(event, world_));
    }
    const bool loads = std::holds_alternative<UnitsLoaded>(event);
    const auto* extension = std::get_if<Notification>(&event);
    if (extension != nullptr && extension->extend_timeout) {
        UnitEntry& unit = world_.units[*world_.index_of(extension->unit)];
        if (unit.stop_ends_by != kNever) {
            unit.stop_ends_by =
                std::max(unit.stop_ends_by,
                         world_.now + *extension->extend_timeout + kKillGrace + world_.slack);
        }
    }
    const bool is_shutdown = std::holds_alternative<ShutdownRequested>(event);
    checkers_.before_step(event);
    effects_.clear();
    world_.manager->step(std::move(event), world_.now, effects_);
    world_.is_shutting_down = world_.is_shutting_down || is_shutdown;
    if (loads) {
        refresh_graph();
    }
    write_state();
    note_changes();
    checkers_.after_step(effects_);
    outcome_.hash = mixed(outcome_.hash, static_cast<std::uint64_t>(to_usec(world_.now)));
    const bool may_die = outcome_.manager_deaths < 6 && !effects_.orders.empty();
    const std::size_t dies_before = may_die && has_fault(Fault::manager_dies_midway, 15)
                                        ? random_.below(effects_.orders.size())
                                        : effects_.orders.size();
    for (std::size_t order = 0; order < effects_.orders.size(); ++order) {
        const Effect& effect = effects_.orders[order];
        outcome_.hash = std::visit(OrderHash{mixed(outcome_.hash, effect.index())}, effect);
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
    if (phase_ != Phase::over) {
        checkers_.at_rest();
    }
    return true;
}

void Simulation::write_state() {
    for (UnitEntry& unit : world_.units) {
        unit.was = unit.is;
        if (!is_stopping(unit.is.sub)) {
            unit.stop_not_before = kNever;
            unit.stop_ends_by = kNever;
        }
        if (is_down(unit.is.sub)) {
            unit.is_between_definitions = false;
        }
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
        outcome_.hash = mixed_bytes(outcome_.hash, *entry.record);
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
        if (entry.was.sub == entry.is.sub) {
            continue;
        }
        ++outcome_.transitions[static_cast<std::size_t>(entry.was.sub)]
                              [static_cast<std::size_t>(entry.is.sub)];
        if (trace_.is_on()) {
            trace_.line(world_.now, "  state",
                        entry.name + ": " + std::string{name_of(entry.was.sub)} + " → " +
                            std::string{name_of(entry.is.sub)});
        }
        update_clocks(unit);
        const bool rests = is_down(entry.is.sub) || entry.is.sub == SubState::auto_restart;
        const bool has_stopped = is_stopping(entry.was.sub) && !is_stopping(entry.is.sub);
        if ((rests || has_stopped) && entry.is.sub != SubState::stop_wedged &&
            !world_.stops_whole(unit)) {
            world_.kernel.mark_left_over(unit);
        }
    }
}

/// The simulator's own stop clock: when SIGKILL is allowed, and when all has to be over.
void Simulation::update_clocks(std::size_t unit) {
    UnitEntry& entry = world_.units[unit];
    const bool begins = is_stopping(entry.is.sub) && !is_stopping(entry.was.sub);
    const bool has_own_time = entry.is.sub == SubState::stop_post;
    if (!begins && !has_own_time) {
        return;
    }
    const ServiceSettings* service = world_.settings(unit);
    const Duration timeout = service == nullptr ? Duration{90s} : service->timeout_stop;
    entry.stop_not_before = after(world_.now, timeout);
    entry.stop_ends_by = after(entry.stop_not_before, kKillGrace + world_.slack);
    if (entry.stop_not_before == kNever) {
        entry.stop_ends_by = kNever;
    }
}

void Simulation::refresh_graph() {
    const auto indices = [this](UnitId id, Relation relation, std::vector<std::size_t>& result) {
        for (const UnitId other : world_.manager->related(id, relation)) {
            if (const auto unit = world_.index_of(other)) {
                result.push_back(*unit);
            }
        }
    };
    for (UnitEntry& unit : world_.units) {
        unit.id = world_.manager->find(unit.name);
    }
    for (UnitEntry& unit : world_.units) {
        unit.after.clear();
        unit.before.clear();
        unit.needs.clear();
        if (unit.id) {
            indices(*unit.id, Relation::after, unit.after);
            indices(*unit.id, Relation::before, unit.before);
            indices(*unit.id, Relation::requires_, unit.needs);
            indices(*unit.id, Relation::binds_to, unit.needs);
        }
    }
}

// ── orders
// ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Simulation::carry_out(const Effect& effect) {
    if (const auto* spawn = std::get_if<SpawnProcess>(&effect)) {
        carry_out_spawn(*spawn);
    } else if (const auto* signal = std::get_if<SignalUnit>(&effect)) {
        if (const auto unit = world_.index_of(signal->unit)) {
            world_.kernel.signal(*unit, *signal, world_.now);
            take_news();
        }
    } else if (const auto* identify = std::get_if<IdentifyMainProcess>(&effect)) {
        if (const auto unit = world_.index_of(identify->unit)) {
            const Time soon = world_.now + lateness(faults_.has(Fault::late_events));
            const FakeKernel::Identified found =
                has_fault(Fault::main_not_found, 200)
                    ? world_.kernel.refuse_to_identify(*unit, identify->process)
                    : world_.kernel.identify(*unit, *identify);
            if (found.why_not == nullptr) {
                push(soon, Pending::Kind::event, *unit,
                     MainProcessFound{identify->process, found.pid});
            } else {
                push(soon, Pending::Kind::event, *unit,
                     MainProcessNotFound{identify->process, Error{0, "find", "", found.why_not}});
            }
        }
    } else if (const auto* retire = std::get_if<RetireProcess>(&effect)) {
        world_.kernel.retire(retire->process);
    } else if (const auto* check = std::get_if<CheckCgroup>(&effect)) {
        if (const auto unit = world_.index_of(check->unit)) {
            read_cgroup(*unit);
        }
    } else if (const auto* release = std::get_if<ReleaseCgroup>(&effect)) {
        if (const auto unit = world_.index_of(release->unit)) {
            world_.kernel.release_cgroup(*unit);
        }
    } else if (std::holds_alternative<Exit>(effect)) {
        checkers_.exited();
        phase_ = Phase::over;
    }  // the rest is for clients and the log; the checkers have seen it
}

void Simulation::carry_out_spawn(const SpawnProcess& order) {
    const auto unit = world_.index_of(order.unit);
    const ServiceSettings* service = unit ? world_.settings(*unit) : nullptr;
    if (service == nullptr || order.command >= service->commands.size()) {
        return;  // the checkers have complained
    }
    const Time soon = world_.now + lateness(faults_.has(Fault::late_events));
    if (has_fault(Fault::spawn_fails, 60)) {
        world_.kernel.take_slot(*unit, order.process, order.role);
        push(soon, Pending::Kind::event, *unit,
             SpawnFailed{order.process, Error{EAGAIN, "clone3", world_.units[*unit].name, ""}});
        return;
    }
    Random random{stream(plan_.seed, purpose::kLife, *unit * 100'000 + ++spawns_[*unit])};
    LifeRequest request;
    request.settings = service;
    request.role = service->commands[order.command].role;
    request.temper = generator_.temper(*unit);
    request.faults = faults_;
    request.calm = is_healed_;
    const Life life = draw_life(random, request);
    if (order.report_exec) {
        wants_exec_.insert(static_cast<std::uint64_t>(order.process));
    }
    const Pid pid = world_.kernel.spawn({order.process, *unit, order.role, life}, world_.now);
    const bool is_slow = has_fault(Fault::quick_exits, 200);
    push(is_slow ? soon + random_.between(0us, kLatestEvent) : soon, Pending::Kind::event, *unit,
         ProcessSpawned{order.process, pid});
}

}  // namespace svcd::simulation
