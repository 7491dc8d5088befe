// What can be seen of a unit, a job and the whole, at one moment.
#include <algorithm>

#include "core/machine.h"
#include "core/service.h"

namespace svcd {

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
    const bool is_degraded = failed_units > 0 || !left_out.empty() || order_has_cycles ||
                             !flapping_units.empty() || goes_without_something();
    return is_degraded ? SystemState::degraded : SystemState::running;
}

JobStatus Machine::status(const Job& job) const {
    const auto caller = job.requester.unit;
    return JobStatus{
        job.id,
        job.unit,
        unit(job.unit).name(),
        job.type,
        job.state,
        job.installed_at,
        job.requester,
        caller.has_value() ? std::string_view{unit(*caller).name()} : std::string_view{}};
}

namespace {

/// Of the present state. A restart that waits for its last main process to be reaped looks again
/// every 50 ms: what it has is the time until it waits no longer.
Time state_deadline_of(const Unit& unit) {
    const ServiceRun& run = *unit.run;
    return unit.sub_state == SubState::auto_restart
               ? std::max(run.state_deadline, run.unreaped_until)
               : run.state_deadline;
}

/// Of its restarts: the start limit, and whether it flaps.
void add_restarts(UnitStatus& status, const Machine& machine, const Unit& unit) {
    const ServiceRun& run = *unit.run;
    status.restarts = run.restarts;
    status.restart_rule = run.restart_rule;
    status.given_up = run.given_up;
    status.starts_counted = run.starts.size();
    status.start_limit_burst = unit.definition.start_limit_burst;
    status.start_limit_interval = unit.definition.start_limit_interval;
    if (unit.sub_state == SubState::auto_restart) {
        status.next_start = state_deadline_of(unit);
    }
    status.is_flapping = run.flapping_since != kNever;
    if (status.is_flapping) {
        status.flapping_since = run.flapping_since;
        status.flapping_until = flapping_until(machine, run);
        status.unclean_count = run.unclean_count;
        status.unclean_restarts = run.unclean_restarts;
    }
}

void add_run(UnitStatus& status, const Machine& machine, const Unit& unit) {
    const ServiceRun& run = *unit.run;
    status.reload_result = run.reload_result;
    status.failure = run.failure;
    status.reload_failure = run.reload_failure;
    if (unit.definition.service != nullptr) {
        if (traits(unit.sub_state).starting) {
            const UnitFailure awaited = start_timeout_now(unit);
            status.start_waits_for = awaited_in_words(awaited, *unit.definition.service);
            status.start_waits_for_kind = awaited.kind;
        }
        status.failure_text = describe(run.failure, *unit.definition.service);
        status.reload_failure_text = describe(run.reload_failure, *unit.definition.service);
    }
    status.main.pid = run.main.is_there() ? run.main.pid : 0;
    status.main.last_pid = run.main_pid_last;
    status.main.started_at = run.main_started_at;
    status.main.exited_at = run.main_exited_at;
    status.main.code = run.main_code;
    status.main.status = run.main_status;
    status.control_pid = run.control.pid;
    status.control_command = run.control.command;
    add_restarts(status, machine, unit);
    status.status_text = run.status_text;
    status.refused_main = run.refused_main;
    status.told_stopping = run.told_stopping;
    status.exec_started = run.main_ran;
    if (const ExecNotes* notes = run.exec_notes.get()) {
        status.exec_error = notes->error;
        if (unit.definition.service != nullptr && unit.definition.service->exec != nullptr) {
            status.exec_warnings = describe(notes->deviations, *unit.definition.service->exec);
        }
        status.exec_warnings.insert(status.exec_warnings.end(), notes->warnings.begin(),
                                    notes->warnings.end());
    }
    if (run.main_has_moved && run.main.is_there()) {
        status.exec_warnings.push_back("its main process (PID " + std::to_string(run.main.pid) +
                                       ") has been moved to another cgroup: a stop still reaches "
                                       "it, limits of the unit's cgroup do not");
    }
    status.status_error = run.status_error;
    status.watchdog_at = run.watchdog_at;
    status.watchdog_interval = run.watchdog_interval;
    status.deadline = state_deadline_of(unit);
    status.stop_deadline = run.stop_deadline;
    status.stop_began_at = run.stop_began_at;
    status.stop_limit = run.stop_limit;
    status.stops_measured = run.stop_times.size();
    status.stop_time_p50 = run.stop_times.percentile(50);
    status.stop_time_p95 = run.stop_times.percentile(95);
    status.sigkill_sent = run.sigkill_sent;
    status.readiness_unknown = run.readiness_unknown && is_up(unit.active_state());
    status.invocation_id = run.invocation_id;
    status.log_begin = run.log_begin;
}

}  // namespace

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
    status.can_stop = !unit.definition.refuse_manual_stop && !is_perpetual(unit.name());
    status.can_isolate = unit.definition.allow_isolate;
    status.state_changed_at = unit.state_changed_at;
    status.inactive_exit_at = unit.inactive_exit_at;
    status.active_enter_at = unit.active_enter_at;
    status.active_exit_at = unit.active_exit_at;
    status.inactive_enter_at = unit.inactive_enter_at;
    status.can_reload = svcd::can_reload(unit);
    if (const ConditionCheck* check = unit.check.get()) {
        status.condition_result = check->condition_result;
        status.assert_result = check->assert_result;
        status.condition_at = check->conditions_at;
        status.assert_at = check->asserts_at;
        status.condition_decided_by = check->decided_by;
    } else if (unit.inactive_exit_at != Time{}) {
        // It has none, so all of them held when it was started.
        status.condition_result = true;
        status.assert_result = true;
        status.condition_at = unit.inactive_exit_at;
        status.assert_at = unit.inactive_exit_at;
    }
    if (unit.run != nullptr) {
        add_run(status, *this, unit);
    }
    if (!is_down(unit.active_state())) {
        for (const LeftOut& each : unit.left_out) {
            status.left_out.push_back({this->unit(each.unit).name(), each.why});
        }
    }
    if (const Requester* starter = unit.started_by.get()) {
        status.started_by = starter;
        const auto by = starter->other.has_value() ? starter->other : starter->unit;
        status.started_by_unit = by.has_value() ? this->unit(*by).name() : std::string_view{};
    }
    status.last_job = unit.last_job;
    status.last_job_type = unit.last_job_type;
    if (const Job* job = job_of(unit)) {
        status.job = this->status(*job);
    }
    status.given_up_job = unit.given_up_job.get();
    return status;
}

}  // namespace svcd
