#include "core/machine.h"

#include <algorithm>
#include <utility>

#include "core/service.h"
#include "core/types/assert.h"

namespace svcd {
namespace {

/// A step moves each unit at most once through all its states; more means a loop in our logic.
constexpr std::size_t kRoundsPerStepMax = kUnitsMax * kSubStates.size();

}  // namespace

// ── one step

void Machine::step(Event event, Time at, Effects& out) {
    now = at;
    effects = &out;
    std::visit([this](auto& happened) { on(happened); }, event);
    settle();
    times_triggered_.clear();
    for (const UnitId id : out.dirty) {
        unit(id).is_dirty = false;
    }
    effects = nullptr;
}

void Machine::settle() {
    for (std::size_t round = 0;; ++round) {
        SVCD_ASSERT(round < kRoundsPerStepMax);
        if (!run_queue_.empty()) {
            run_jobs();
        } else if (std::exchange(cycles_may_have_come_, false)) {
            break_job_cycles();
        } else if (!given_up_restarts_.empty()) {
            const UnitId id = given_up_restarts_.back();
            given_up_restarts_.pop_back();
            Service{*this, unit(id)}.give_up_restart();
        } else if (!triggered_.empty()) {
            start_triggered();
        } else if (!rechecked_.empty()) {
            act_on_rechecked();
        } else if (jobs.empty() && !held_until_idle.empty() && !shutting_down) {
            Service{*this, unit(*held_until_idle.begin())}.release_held();
        } else {
            continue_shutdown();
            if (run_queue_.empty()) {
                break;
            }
        }
    }
    comebacks_tried_.clear();
    if (!start_finished && started && jobs.empty()) {
        start_finished = true;
        effects->supervisor_dirty = true;
    }
    take_waiting_definitions();
}

Job* Machine::job_of(const Unit& unit) {
    return unit.job == JobId::none ? nullptr : &jobs.at(unit.job);
}

const Job* Machine::job_of(const Unit& unit) const {
    return unit.job == JobId::none ? nullptr : &jobs.at(unit.job);
}

void Machine::touch(Unit& unit) {
    if (!unit.is_dirty) {
        unit.is_dirty = true;
        effects->dirty.push_back(unit.id);
    }
}

void Machine::say(Severity severity, const Unit& unit, std::string text) {
    order(Say{severity, unit.id, true, std::move(text)});
}

void Machine::say(Severity severity, std::string text) {
    order(Say{severity, UnitId{}, false, std::move(text)});
}

void Machine::reply(RequestId request, JobId job) {
    if (request != RequestId::none) {
        order(Reply{request, job, std::nullopt});
    }
}

void Machine::reply_already(Reply reply, UnitId unit) {
    const auto job = static_cast<JobId>(next_job++);
    effects->supervisor_dirty = true;
    reply.job = job;
    reply.was_so_already = true;
    order(AnnounceJob{job, unit});
    order(std::move(reply));
    order(AnnounceJobEnd{job, unit, JobResult::done});
}

void Machine::refuse(RequestId request, Refusal refusal) {
    if (request != RequestId::none) {
        order(Reply{request, JobId::none, std::move(refusal)});
    }
}

/// splitmix64: good enough to tell one run of a service from another.
std::uint64_t Machine::random() {
    std::uint64_t value = (random_state_ += 0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/// For those who watch, and the record of a stop.
void Machine::note_transition(const Unit& unit, SubState next) {
    Transition transition;
    transition.unit = unit.id;
    transition.from = unit.sub_state;
    transition.to = next;
    transition.result = unit.result;
    if (const ServiceRun* run = unit.run.get()) {
        if (run->main_known) {
            transition.main_code = run->main_code;
            transition.main_status = run->main_status;
            transition.main_pid = run->main_pid_last;
        }
        transition.stop_deadline = run->stop_deadline;
        transition.invocation_id = run->invocation_id;
    }
    if (is_up_or_starting(unit.active_state()) && is_down_or_stopping(traits(next).active)) {
        const Job* job = job_of(unit);
        effects->stops.push_back(
            StopBegan{effects->transitions.size(),
                      job == nullptr ? std::nullopt : std::optional{status(*job)}});
    }
    effects->transitions.push_back(transition);
}

void Machine::set_state(Unit& unit, SubState next) {
    const ActiveState before = unit.active_state();
    if (unit.sub_state != next) {
        unit.state_changed_at = now;
    }
    note_transition(unit, next);
    unit.sub_state = next;
    const ActiveState state = unit.active_state();
    if (is_down(before) && !is_down(state)) {
        unit.inactive_exit_at = now;
    }
    if (!is_down(before) && is_down(state)) {
        unit.inactive_enter_at = now;
    }
    if (!is_up(before) && is_up(state)) {
        unit.active_enter_at = now;
        forget_left_out(unit);
    }
    if (is_up(before) && !is_up(state)) {
        unit.active_exit_at = now;
    }
    if (before != state) {
        failed_units += state == ActiveState::failed ? 1u : 0u;
        failed_units -= before == ActiveState::failed ? 1u : 0u;
    }
    touch(unit);
    unit_changed(unit, before);
}

void Machine::update_deadline(const Unit& unit) {
    Time earliest = kNever;
    if (const ServiceRun* run = unit.run.get()) {
        earliest = std::min({run->state_deadline, run->watchdog_deadline, run->check_deadline,
                             run->look_at, flapping_until(*this, *run)});
    }
    if (unit.check != nullptr) {
        earliest = std::min(earliest, unit.check->deadline);
    }
    if (const Job* job = job_of(unit)) {
        earliest = std::min(earliest, job_deadline(*job));
    }
    deadlines.set(unit.id, earliest);
}

// ── events that are about one unit

namespace {

/// The process with this token, if it is still its unit's.
Process* process_of(Unit& unit, ProcessRole role, Token token) {
    Process* process = nullptr;
    switch (role) {
        case ProcessRole::main:
            process = unit.run != nullptr ? &unit.run->main : nullptr;
            break;
        case ProcessRole::control:
            process = unit.run != nullptr ? &unit.run->control : nullptr;
            break;
        case ProcessRole::checker:
            process = unit.check != nullptr ? &unit.check->process : nullptr;
            break;
    }
    return process != nullptr && process->token == token ? process : nullptr;
}

}  // namespace

void Machine::on(ProcessSpawned& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (Process* process = process_of(owned_by, owner->role, event.process)) {
            process->pid = event.pid;
            process->start_time = event.start_time;
            touch(owned_by);
            if (owner->role != ProcessRole::checker) {
                Service{*this, owned_by}.on_spawned(*process, event.pid);
            }
        }
    }
}

void Machine::on(SpawnFailed& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (process_of(owned_by, owner->role, event.process) == nullptr) {
            return;
        }
        if (owner->role == ProcessRole::checker) {
            check_failed(owned_by, event.error);
        } else {
            Service{*this, owned_by}.on_spawn_failed(owner->role, event.error);
        }
    }
}

void Machine::on(ExecSucceeded& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owner->role != ProcessRole::checker &&
            process_of(owned_by, owner->role, event.process) != nullptr) {
            Service{*this, owned_by}.on_executing(owner->role, event);
        }
    }
}

void Machine::on(ExecFailed& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owner->role != ProcessRole::checker &&
            process_of(owned_by, owner->role, event.process) != nullptr) {
            Service{*this, owned_by}.on_exec_failed(owner->role, event);
        }
    }
}

void Machine::on(ProcessExited& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run != nullptr && owned_by.run->identifying == event.process) {
            Service{*this, owned_by}.on_main_process_found(
                MainProcessFound{event.process});  // and gone
        }
        if (process_of(owned_by, owner->role, event.process) == nullptr) {
            return;
        }
        if (owner->role == ProcessRole::checker) {
            conditions_checked(owned_by, event.code, event.status);
        } else {
            Service{*this, owned_by}.on_exit(owner->role, event.code, event.status);
        }
    }
}

void Machine::on(CgroupEmptied& event) {
    Unit& emptied = unit(event.unit);
    if (emptied.run != nullptr) {
        Service{*this, emptied}.on_cgroup_emptied(event);
    }
}

void Machine::on(StopSignalSent& event) {
    Unit& stopping = unit(event.unit);
    if (stopping.run != nullptr && stopping.sub_state == event.state) {
        stopping.run->signal_sent = true;
        touch(stopping);
    }
}

void Machine::on(ProcessReaped& event) {
    Unit& waiting = unit(event.unit);
    if (waiting.run != nullptr) {
        Service{*this, waiting}.on_reaped(event.pid);
    }
}

void Machine::on(OomKilled& event) {
    Unit& hit = unit(event.unit);
    if (hit.run != nullptr) {
        Service{*this, hit}.on_oom_kill();
    }
}

void Machine::on(CoreDumping& event) {
    Unit& dumping = unit(event.unit);
    if (dumping.run != nullptr) {
        Service{*this, dumping}.on_core_dumping();
    }
}

void Machine::on(BusNameChanged& event) {
    Unit& owner = unit(event.unit);
    if (owner.run != nullptr) {
        Service{*this, owner}.on_bus_name(event.has_owner);
    }
}

void Machine::on(MainProcessFound& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run != nullptr && owned_by.run->identifying == event.process) {
            Service{*this, owned_by}.on_main_process_found(event);
        }
    }
}

void Machine::on(MainProcessNotFound& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run != nullptr && owned_by.run->identifying == event.process) {
            Service{*this, owned_by}.on_main_process_not_found(event.error);
        }
    }
}

void Machine::on(Notification& event) {
    Unit& sender = unit(event.unit);
    if (sender.run != nullptr) {
        Service{*this, sender}.on_notification(event);
    }
}

/// Deadlines count in a step of their own, so that whatever else is known by then counts first.
void Machine::on(DeadlineReached&) {
    while (const std::optional<UnitId> due = deadlines.due(now)) {
        on_deadline(unit(*due));
    }
}

void Machine::on_deadline(Unit& unit) {
    const Job* job = job_of(unit);
    if (job != nullptr && job_deadline(*job) <= now) {
        job_timed_out(*job);
    } else if (unit.check != nullptr && unit.check->deadline <= now) {
        check_timed_out(unit);
    } else if (unit.run != nullptr && flapping_until(*this, *unit.run) <= now) {
        Service{*this, unit}.end_flapping();
    } else if (unit.run != nullptr) {
        Service{*this, unit}.on_deadline();
    }
    update_deadline(unit);
}

namespace {

SignalUnit signal_for_all(const KillRequested& event) {
    SignalUnit signal;
    signal.unit = event.unit;
    signal.scope = SignalScope::cgroup;
    signal.signal = event.signal;
    signal.cause = SignalCause::user;
    signal.value = event.value;
    return signal;
}

}  // namespace

void Machine::on(KillRequested& event) {
    Unit& target = unit(event.unit);
    if (target.name() == "-.slice") {
        refuse(
            event.request,
            {RefusalKind::job_type_not_applicable,
             target.name() + " is everything, svcd too: no signal is sent to it; name a unit, or "
                             "a slice below it such as system.slice"});
        return;
    }
    if (target.type == UnitType::slice && event.whom == KillRequested::Whom::all &&
        is_up(target.active_state())) {
        order(signal_for_all(event));  // whatever is in it
        reply(event.request, JobId::none);
        return;
    }
    const ServiceRun* run = target.run.get();
    const bool has_main = run != nullptr && run->main.is_there() && !run->main.is_held;
    const bool has_control = run != nullptr && run->control.is_there();
    if (run == nullptr || (!has_main && !has_control && !target.populated)) {
        refuse(event.request,
               {RefusalKind::not_active, target.name() + " has no processes to send a signal to"});
        return;
    }
    SignalUnit signal = signal_for_all(event);
    signal.main = run->main.token;
    signal.control = run->control.token;
    switch (event.whom) {
        case KillRequested::Whom::all:
            break;
        case KillRequested::Whom::main:
        case KillRequested::Whom::group:
            signal.scope =
                event.whom == KillRequested::Whom::main ? SignalScope::main : SignalScope::group;
            if (!has_main) {
                refuse(event.request,
                       {RefusalKind::no_such_process, target.name() + " has no main process"});
                return;
            }
            break;
        case KillRequested::Whom::control:
            signal.scope = SignalScope::control;
            if (!has_control) {
                refuse(event.request,
                       {RefusalKind::no_such_process, target.name() + " has no control process"});
                return;
            }
            break;
    }
    order(signal);
    reply(event.request, JobId::none);
}

void Machine::on(ResetFailedRequested& event) {
    if (event.unit.has_value()) {
        reset_failed(unit(*event.unit));
    } else {
        for (const auto& each : units) {
            if (each->is_known) {
                reset_failed(*each);
            }
        }
    }
    reply(event.request, JobId::none);
}

void Machine::reset_failed(Unit& unit) {
    if (unit.run != nullptr) {
        unit.run->starts.clear();
        unit.run->restarts = 0;
        unit.run->backoff = 0;
        unit.run->reload_result = UnitResult::success;
        if (unit.run->exec_notes != nullptr) {
            unit.run->exec_notes->error = {};
        }
        unit.run->given_up = false;
        Service{*this, unit}.end_flapping();
    }
    if (!traits(unit.sub_state).stopping) {
        unit.result = UnitResult::success;
    }
    touch(unit);
    if (unit.sub_state == SubState::failed) {
        set_state(unit, SubState::dead);
    }
}

}  // namespace svcd
