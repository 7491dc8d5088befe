// The way down of a service: from the decision to stop to the empty cgroup.
#include <algorithm>
#include <csignal>
#include <utility>

#include "core/service.h"

namespace svcd {

StartOutcome Service::stop() {
    run_.forbid_restart = true;
    machine_.touch(unit_);
    if (traits(unit_.sub_state).stopping) {
        return StartOutcome::going;
    }
    if (unit_.sub_state == SubState::auto_restart) {
        const Job* job = machine_.job_of(unit_);
        const bool is_stop = job == nullptr || job->type == JobType::stop;
        if (is_stop) {
            run_.forget_restarts = true;
            end_flapping();
            machine_.order(ReleaseCgroup{unit_.id});
        }
        leave_auto_restart(!is_stop);
        return StartOutcome::going;
    }
    const ActiveState state = unit_.active_state();
    const bool may_drain = settings_.rarely().pre_stop_delay > Duration{0};
    if (state == ActiveState::active || (state == ActiveState::reloading && may_drain)) {
        leave_service(UnitResult::success);
    } else {
        fail_start(UnitResult::success);  // not started yet, or reloading: no ExecStop
    }
    return StartOutcome::going;
}

/// From serving to not serving, by somebody's wish: not before those that use it could turn away.
void Service::leave_service(UnitResult result) {
    const bool serves = run_.main.is_there() ? !run_.main.is_held : unit_.populated;
    if (settings_.rarely().pre_stop_delay > Duration{0} && serves) {
        enter_pre_stop(result);
    } else {
        enter_stop(result);
    }
}

void Service::enter_pre_stop(UnitResult result) {
    note_result(result);
    begin_stop_clock();
    const Duration most = run_.stop_limit == kInfinity ? kInfinity : Duration{run_.stop_limit / 2};
    arm(after(machine_.now, std::min(settings_.rarely().pre_stop_delay, most)));
    machine_.set_state(unit_, SubState::pre_stop);
}

void Service::enter_stop(UnitResult result) {
    note_result(result);
    begin_stop_clock();
    drop_held();
    const auto command = first_command(settings_, CommandRole::stop);
    if (!command.has_value() || run_.control.is_there()) {
        enter_signal(SubState::stop_sigterm, UnitResult::success);
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        enter_signal(SubState::stop_sigterm, UnitResult::resources);
        return;
    }
    arm(command_deadline());
    machine_.set_state(unit_, SubState::stop);
}

/// It told us that it is stopping: as good as if the stop signal had been sent, for a while.
void Service::enter_stop_by_notify() {
    run_.signal_sent = false;
    begin_stop_clock();
    arm(command_deadline());
    machine_.set_state(unit_, SubState::stop_sigterm);
}

/// Nobody gets SIGKILL without having had the stop signal: those that it left behind, and itself
/// when it takes long, are asked now.
void Service::ask_after_all() {
    run_.asked_to_stop = true;  // also when KillMode=none has no signal for it
    send_signals(unit_.sub_state, SignalCause::stop);
    machine_.touch(unit_);
    arm(run_.stop_deadline);
    look_for_core_dump_before(run_.stop_deadline);
}

/// It has said STOPPING=1, and no signal has been sent since.
bool Service::stops_unasked() const {
    return traits(unit_.sub_state).asking == Asking::to_end && run_.told_stopping &&
           !run_.asked_to_stop;
}

void Service::enter_signal(SubState state, UnitResult result, SignalCause cause) {
    note_result(result);
    const bool is_final = traits(state).final;
    const bool is_kill = traits(state).asking == Asking::kill;
    begin_stop_clock();
    drop_held();
    if (!has_processes()) {
        if (is_final) {
            enter_dead(UnitResult::success, true);
        } else {
            enter_stop_post(UnitResult::success);
        }
        return;
    }
    if (!is_kill && settings_.send_sigkill && is_mixed_without_main()) {
        enter_signal(is_final ? SubState::final_sigkill : SubState::stop_sigkill,
                     UnitResult::success, SignalCause::main_exited);
        return;
    }
    if (!is_final && !is_kill && has_left_overs()) {
        enter_stop_post(UnitResult::success);
        return;
    }
    if (is_final && !is_kill && has_left_overs()) {
        run_.stop_limit =
            machine_.granted(unit_, *settings_.rarely().leftover_timeout, stop_clock());
        run_.stop_deadline = after(machine_.now, run_.stop_limit);
    }
    send_signals(state, cause);
    switch (traits(state).asking) {
        case Asking::kill:
            run_.killed_one_by_one = false;
            arm(after(machine_.now, kills_one_by_one() ? first_kill_wait() : kill_wait()));
            look_for_core_dump_before(kNever);
            break;
        case Asking::to_abort:
            // A core dump may take longer than an orderly stop.
            run_.stop_limit = machine_.granted(
                unit_, settings_.timeout_abort.value_or(settings_.timeout_stop), stop_clock());
            run_.stop_deadline = after(machine_.now, run_.stop_limit);
            [[fallthrough]];
        case Asking::to_end:
        case Asking::nothing:
            arm(run_.stop_deadline);
            look_for_core_dump_before(run_.stop_deadline);
            break;
    }
    machine_.set_state(unit_, state);
}

/// LeftoverTimeoutSec: the main process has ended, and others have not. ExecStopPost comes first.
bool Service::has_left_overs() const {
    return asks_left_overs() && !run_.main.is_there() && !run_.control.is_there() &&
           run_.identifying == Token::none && unit_.populated;
}

/// The stop signal was for the main process; who is left is not asked again.
bool Service::is_mixed_without_main() const {
    return settings_.kill_mode == KillMode::mixed && !run_.main.is_there() &&
           !run_.control.is_there() && run_.identifying == Token::none;
}

/// LeftoverTimeoutSec: those that the main process has left are asked by themselves.
bool Service::asks_left_overs() const {
    return settings_.kill_mode == KillMode::control_group && settings_.rarely().leftover_timeout;
}

/// KillSignal; RestartKillSignal when the stop is the first half of a restart; what the command
/// unit is to get at a shutdown; SIGTERM for what the main process has left by LeftoverTimeoutSec.
int Service::stop_signal() const {
    if (asks_left_overs() && !run_.main.is_there()) {
        return SIGTERM;
    }
    if (machine_.shutdown_signal != 0 && unit_.name() == machine_.options.command_unit) {
        return machine_.shutdown_signal;
    }
    const Job* job = machine_.job_of(unit_);
    const bool restarts =
        job != nullptr && job->type == JobType::restart && settings_.restart_kill_signal != 0;
    return restarts ? settings_.restart_kill_signal : settings_.kill_signal;
}

void Service::send_signals(SubState state, SignalCause cause) {
    run_.signal_sent = false;
    if (settings_.kill_mode == KillMode::none) {
        return;
    }
    SignalUnit order;
    order.stop_state = state;
    order.unit = unit_.id;
    order.main = run_.main.token;
    order.control = run_.control.token;
    order.cause = cause;
    switch (traits(state).asking) {
        case Asking::to_end:
            run_.asked_to_stop = true;
            order.signal = stop_signal();
            order.then_hang_up = settings_.send_sighup && order.signal != SIGHUP;
            order.cause = order.signal == SIGKILL ? SignalCause::kill_signal_is_kill : cause;
            break;
        case Asking::to_abort:
            order.signal = settings_.watchdog_signal;
            break;
        case Asking::kill:
        case Asking::nothing:
            order.signal = settings_.final_kill_signal;
            break;
    }
    const bool is_kill = traits(state).asking == Asking::kill;
    const bool is_of_stop = cause == SignalCause::stop || cause == SignalCause::deadline ||
                            cause == SignalCause::failure_mode || cause == SignalCause::again;
    const bool is_for_main_alone = asks_left_overs() && run_.main.is_there() && is_of_stop;
    const bool whole = (settings_.kill_mode == KillMode::control_group && !is_for_main_alone) ||
                       (settings_.kill_mode == KillMode::mixed && is_kill);
    order.scope = whole ? SignalScope::cgroup : SignalScope::both;
    order.then_continue = order.signal != SIGKILL;
    // TimeoutStopFailureMode=kill: ExecStop's deadline was that of the stop.
    const bool is_late = cause == SignalCause::deadline ||
                         (cause == SignalCause::failure_mode && traits(unit_.sub_state).stopping);
    if (is_late && (is_kill || order.signal == SIGKILL)) {
        run_.sigkill_sent = true;
        // What was killed in the course of a day is no fault of the end.
        if (machine_.shutting_down) {
            machine_.something_was_killed = true;
            machine_.effects->supervisor_dirty = true;
        }
    }
    machine_.order(order);
}

/// SIGKILL to a cgroup passes over a process whose first thread has left while others run. Nobody
/// is called unkillable before it got one of its own.
void Service::kill_one_by_one() {
    run_.killed_one_by_one = true;
    machine_.touch(unit_);
    arm(after(machine_.now, kill_wait() - first_kill_wait()));
    SignalUnit order;
    order.unit = unit_.id;
    order.signal = SIGKILL;
    order.cause = SignalCause::survived;
    order.one_by_one = true;
    machine_.order(order);
}

void Service::continue_stop(UnitResult result) {
    note_result(result);
    if (run_.main.is_there() || run_.control.is_there() || run_.identifying != Token::none) {
        return;
    }
    if (waits_for_cgroup() && unit_.populated) {
        const Asking asking = traits(unit_.sub_state).asking;
        const bool was_asked = asking == Asking::to_end || asking == Asking::to_abort;
        if (was_asked && settings_.send_sigkill && is_mixed_without_main()) {
            enter_signal(unit_.sub_state, UnitResult::success);  // which kills the rest
        } else if (asking != Asking::nothing && !traits(unit_.sub_state).final &&
                   has_left_overs()) {
            enter_stop_post(UnitResult::success);
        } else if (stops_unasked()) {
            ask_after_all();
        }
        return;
    }
    switch (unit_.sub_state) {
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
            enter_stop_post(UnitResult::success);
            return;
        case SubState::final_watchdog:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
            enter_dead(UnitResult::success, true);
            return;
        case SubState::stop_wedged:
            machine_.say(Severity::notice, unit_, "the processes that survived SIGKILL have ended");
            run_.check_deadline = kNever;
            machine_.update_deadline(unit_);
            machine_.order(ReleaseCgroup{unit_.id});
            machine_.set_state(unit_, SubState::failed);
            return;
        case SubState::pre_stop:
            enter_stop(UnitResult::success);
            return;
        case SubState::stop:
            enter_signal(SubState::stop_sigterm, UnitResult::success);
            return;
        case SubState::stop_post:
            enter_signal(SubState::final_sigterm, UnitResult::success);
            return;
        case SubState::dead:
        case SubState::condition:
        case SubState::start_pre:
        case SubState::start:
        case SubState::start_post:
        case SubState::running:
        case SubState::exited:
        case SubState::reload:
        case SubState::reload_signal:
        case SubState::reload_notify:
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            return;  // nothing is waited for
    }
}

void Service::enter_stop_post(UnitResult result) {
    note_result(result);
    measure_stop();
    run_.stop_deadline = kNever;
    look_for_core_dump_before(kNever);
    begin_stop_clock(StopClock::post);  // ExecStopPost has a TimeoutStopSec of its own
    const auto command = first_command(settings_, CommandRole::stop_post);
    if (!command.has_value() || run_.control.is_there()) {
        enter_signal(SubState::final_sigterm, UnitResult::success);
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        enter_signal(SubState::final_sigterm, UnitResult::resources);
        return;
    }
    arm(command_deadline());
    machine_.set_state(unit_, SubState::stop_post);
}

void Service::enter_dead(UnitResult result, bool may_restart) {
    note_result(result);
    forget_process(run_.main);
    forget_process(run_.control);
    if (run_.identifying != Token::none) {
        machine_.order(RetireProcess{run_.identifying});
        machine_.processes.retire(std::exchange(run_.identifying, Token::none));
    }
    if (settings_.type == ServiceType::dbus) {
        machine_.order(WatchBusName{unit_.id, false});
        run_.bus_name_good = false;
    }
    if (!settings_.pid_file.empty()) {
        machine_.order(RemovePidFile{unit_.id});
    }
    measure_stop();
    run_.stop_deadline = kNever;
    run_.look_at = kNever;
    run_.dump_until = kNever;
    run_.watchdog_deadline = kNever;
    run_.check_deadline = kNever;
    run_.empty_since = kNever;
    run_.reload_began_at = Time{};
    arm(kNever);
    const Job* job = machine_.job_of(unit_);
    // A start job that is running already is the one that ends here; a waiting one is still to
    // come.
    const bool is_restarted_by_job =
        job != nullptr && (job->type == JobType::restart ||
                           (job->type == JobType::start && job->state == JobState::waiting));
    // A stop that still waits for its turn must not be undone.
    const bool is_to_stop = job != nullptr && job->type == JobType::stop;
    // Beside those that it has left over it is started by a person only.
    run_.restart_rule =
        may_restart && !run_.gave_up_waiting && !is_to_stop ? restart_rule() : RestartRule::none;
    const bool restarts = is_restart(run_.restart_rule);
    if (restarts) {
        count_restart();
    } else {
        run_.forget_restarts = true;
        if (!is_restarted_by_job) {
            end_flapping();
            machine_.order(ReleaseCgroup{unit_.id});
        }
    }
    if (!restarts || !restarts_directly()) {
        unit_.will_restart = restarts;
        machine_.set_state(unit_, is_failure(unit_.result) ? SubState::failed : SubState::dead);
        unit_.will_restart = false;
    }
    if (restarts) {
        arm(after(machine_.now, restart_delay() + random_delay()));
        machine_.set_state(unit_, SubState::auto_restart);
        if (unit_.sub_state == SubState::auto_restart) {
            waits_for_reaping();  // by then the answer is there
        }
    }
}

void Service::enter_wedged() {
    unit_.result = UnitResult::stop_wedged;
    if (machine_.shutting_down) {
        machine_.something_was_killed = true;
        machine_.effects->supervisor_dirty = true;
    }
    arm(kNever);
    run_.stop_deadline = kNever;
    run_.look_at = kNever;
    run_.dump_until = kNever;
    run_.stop_is_measured = false;
    run_.forget_restarts = true;
    end_flapping();
    machine_.say(Severity::error, unit_,
                 "has processes that survive SIGKILL: it is left alone until they end");
    machine_.set_state(unit_, SubState::stop_wedged);
}

void Service::enter_restart() {
    const Job* job = machine_.job_of(unit_);
    if (job != nullptr && job->type == JobType::stop) {
        return;  // going down anyway
    }
    if (!is_at_start_limit()) {  // else it won't be
        ++run_.restarts;
        if (job == nullptr) {  // else it was asked for
            ++run_.backoff;
            note_restart();
        }
    }
    run_.forget_restarts = false;
    arm(kNever);
    machine_.touch(unit_);
    // A restart reaches those that need it; RestartMode=direct spares them.
    const JobType type = restarts_directly() ? JobType::start : JobType::restart;
    // Who has asked for a start meanwhile does not wait: it is theirs.
    const bool is_asked_for = job != nullptr && job->installed_at >= unit_.state_changed_at;
    const Requester requester =
        is_asked_for ? job->requester : by_svcd(StartCause::restart, "Restart= of " + unit_.name());
    if (!machine_.start_transaction(unit_.id, type, requester)) {
        unit_.result = UnitResult::resources;
        enter_dead(UnitResult::resources, false);
        return;
    }
    Job* start = machine_.job_of(unit_);
    if (start != nullptr && start->type == JobType::start && start->state == JobState::running &&
        lacks_restart(unit_)) {
        start->state = JobState::waiting;  // the start that has failed goes on with the next
        machine_.queue(*start);
    }
}

bool Service::restarts_directly() const {
    return settings_.rarely().restart_mode == RestartMode::direct;
}

void Service::give_up_restart() {
    const bool is_waiting = unit_.sub_state == SubState::auto_restart && unit_.job == JobId::none &&
                            run_.state_deadline == kNever;
    if (is_waiting) {
        enter_dead(UnitResult::success, false);
    }
}

}  // namespace svcd
