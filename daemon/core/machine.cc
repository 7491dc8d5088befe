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
        } else if (!recheck_bound_.empty()) {
            stop_units_bound_to_inactive();
        } else {
            continue_shutdown();
            if (run_queue_.empty()) {
                break;
            }
        }
    }
    start_finished = start_finished || (started && jobs.empty());
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

void Machine::set_state(Unit& unit, SubState next) {
    const ActiveState before = unit.active_state();
    if (unit.sub_state != next) {
        unit.state_changed_at = now;
    }
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
    const ServiceRun& run = *unit.run;
    deadlines.set(unit.id,
                  std::min({run.state_deadline, run.watchdog_deadline, run.check_deadline}));
}

// ── events that are about one unit

namespace {

/// The process with this token, if it is still its unit's.
Process* process_of(ServiceRun& run, ProcessRole role, Token token) {
    Process& process = role == ProcessRole::main ? run.main : run.control;
    return process.token == token ? &process : nullptr;
}

}  // namespace

void Machine::on(ProcessSpawned& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (Process* process = process_of(*owned_by.run, owner->role, event.process)) {
            Service{*this, owned_by}.on_spawned(*process, event.pid);
        }
    }
}

void Machine::on(SpawnFailed& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (process_of(*owned_by.run, owner->role, event.process) != nullptr) {
            Service{*this, owned_by}.on_spawn_failed(owner->role, event.error);
        }
    }
}

void Machine::on(ExecSucceeded& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (process_of(*owned_by.run, owner->role, event.process) != nullptr) {
            Service{*this, owned_by}.on_executing(owner->role);
        }
    }
}

void Machine::on(ProcessExited& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run->identifying == event.process) {
            Service{*this, owned_by}.on_main_process_found(event.process, 0);  // and gone already
        }
        if (process_of(*owned_by.run, owner->role, event.process) != nullptr) {
            Service{*this, owned_by}.on_exit(owner->role, event.code, event.status);
        }
    }
}

void Machine::on(CgroupEmptied& event) {
    Unit& emptied = unit(event.unit);
    if (emptied.run != nullptr) {
        Service{*this, emptied}.on_cgroup_emptied();
    }
}

void Machine::on(MainProcessFound& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run->identifying == event.process) {
            Service{*this, owned_by}.on_main_process_found(event.process, event.pid);
        }
    }
}

void Machine::on(MainProcessNotFound& event) {
    if (const auto owner = processes.owner(event.process)) {
        Unit& owned_by = unit(owner->unit);
        if (owned_by.run->identifying == event.process) {
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
        Service{*this, unit(*due)}.on_deadline();
    }
}

void Machine::on(KillRequested& event) {
    Unit& target = unit(event.unit);
    const ServiceRun* run = target.run.get();
    const bool has_main = run != nullptr && run->main.is_there();
    const bool has_control = run != nullptr && run->control.is_there();
    if (run == nullptr || (!has_main && !has_control && !target.populated)) {
        refuse(event.request,
               {RefusalKind::not_active, target.name() + " has no processes to send a signal to"});
        return;
    }
    SignalUnit signal;
    signal.unit = event.unit;
    signal.signal = event.signal;
    signal.cause = SignalCause::user;
    signal.main = run->main.token;
    signal.control = run->control.token;
    switch (event.whom) {
        case KillRequested::Whom::all:
            signal.scope = SignalScope::cgroup;
            break;
        case KillRequested::Whom::main:
            signal.scope = SignalScope::main;
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
        touch(unit);
    }
    if (unit.sub_state == SubState::failed) {
        unit.result = UnitResult::success;
        set_state(unit, SubState::dead);
    }
}

// ── questions

SystemState Machine::system_state() const {
    if (shutting_down) {
        return SystemState::stopping;
    }
    if (!started) {
        return SystemState::initializing;
    }
    if (!start_finished) {
        return SystemState::starting;
    }
    return failed_units > 0 ? SystemState::degraded : SystemState::running;
}

JobStatus Machine::status(const Job& job) const {
    return JobStatus{job.id,    job.unit,         unit(job.unit).name(), job.type,
                     job.state, job.installed_at, job.requester};
}

UnitStatus Machine::status(const Unit& unit) const {
    UnitStatus status;
    status.id = unit.id;
    status.name = unit.name();
    status.description =
        unit.definition.description.empty() ? unit.definition.name : unit.definition.description;
    status.type = unit.type;
    status.load_state = unit.load_state;
    status.load_error = unit.load_error;
    status.active_state = unit.active_state();
    status.sub_state = unit.sub_state;
    status.result = unit.result;
    status.need_daemon_reload = unit.load_failed;
    status.populated = unit.populated;
    status.left_over =
        unit.populated && is_down(unit.active_state()) && unit.sub_state != SubState::stop_wedged;
    status.can_start = unit.load_state == LoadState::loaded && !unit.definition.refuse_manual_start;
    status.can_stop = !unit.definition.refuse_manual_stop;
    status.can_isolate = unit.definition.allow_isolate;
    status.state_changed_at = unit.state_changed_at;
    status.inactive_exit_at = unit.inactive_exit_at;
    status.active_enter_at = unit.active_enter_at;
    status.active_exit_at = unit.active_exit_at;
    status.inactive_enter_at = unit.inactive_enter_at;
    if (unit.definition.service != nullptr) {
        status.can_reload =
            first_command(*unit.definition.service, CommandRole::reload).has_value();
    }
    if (const ServiceRun* run = unit.run.get()) {
        status.reload_result = run->reload_result;
        status.main.pid = run->main.is_there() ? run->main.pid : 0;
        status.main.last_pid = run->main_pid_last;
        status.main.started_at = run->main_started_at;
        status.main.exited_at = run->main_exited_at;
        status.main.code = run->main_code;
        status.main.status = run->main_status;
        status.control_pid = run->control.pid;
        status.restarts = run->restarts;
        status.status_text = run->status_text;
        status.status_error = run->status_error;
        status.watchdog_at = run->watchdog_at;
        status.watchdog_interval = run->watchdog_interval;
        status.deadline = run->state_deadline;
        status.stop_deadline = run->stop_deadline;
        status.sigkill_sent = run->sigkill_sent;
        status.invocation_id = run->invocation_id;
    }
    if (const Job* job = job_of(unit)) {
        status.job = this->status(*job);
    }
    return status;
}

}  // namespace svcd
