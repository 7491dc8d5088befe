// The way down of a service: from the decision to stop to the empty cgroup, and what happens when a
// deadline passes.
#include <algorithm>
#include <csignal>
#include <utility>

#include "core/service.h"

namespace svcd {

Duration signal_share(Duration timeout) {
    return std::min<Duration>(timeout / 3, Duration{10'000'000});
}

void Service::begin_stop_clock() {
    if (run_.stop_deadline == kNever) {
        run_.stop_deadline = after(machine_.now, settings_.timeout_stop);
        run_.empty_since = kNever;
    }
    run_.watchdog_deadline = kNever;
    if (run_.empty_since == kNever) {
        run_.check_deadline = kNever;
    }
}

void Service::enter_stop(UnitResult result) {
    note_result(result);
    begin_stop_clock();
    const auto command = first_command(settings_, CommandRole::stop);
    if (!command.has_value() || run_.control.is_there()) {
        enter_signal(SubState::stop_sigterm, UnitResult::success);
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        enter_signal(SubState::stop_sigterm, UnitResult::resources);
        return;
    }
    arm(run_.stop_deadline == kNever ? kNever
                                     : run_.stop_deadline - signal_share(settings_.timeout_stop));
    machine_.set_state(unit_, SubState::stop);
}

void Service::enter_signal(SubState state, UnitResult result, SignalCause cause) {
    note_result(result);
    const bool is_final = state == SubState::final_sigterm || state == SubState::final_sigkill;
    const bool is_kill = state == SubState::stop_sigkill || state == SubState::final_sigkill;
    begin_stop_clock();
    if (!has_processes()) {
        if (unit_.populated && settings_.kill_mode == KillMode::control_group) {
            send_signals(state, cause);  // SendSIGKILL=no: asked to end, and not waited for
        }
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
    send_signals(state, cause);
    if (is_kill) {
        arm(after(machine_.now, machine_.options.kill_grace));
    } else {
        arm(run_.stop_deadline);
    }
    machine_.set_state(unit_, state);
}

/// The stop signal was for the main process; who is left is not asked again.
bool Service::is_mixed_without_main() const {
    return settings_.kill_mode == KillMode::mixed && !run_.main.is_there() &&
           !run_.control.is_there() && run_.identifying == Token::none;
}

void Service::send_signals(SubState state, SignalCause cause) {
    if (settings_.kill_mode == KillMode::none) {
        return;
    }
    const bool is_kill = state == SubState::stop_sigkill || state == SubState::final_sigkill;
    SignalUnit order;
    order.unit = unit_.id;
    order.main = run_.main.token;
    order.control = run_.control.token;
    order.signal = is_kill ? settings_.final_kill_signal : settings_.kill_signal;
    order.cause = cause;
    if (state == SubState::stop_watchdog) {
        order.signal = SIGABRT;
        order.cause = SignalCause::watchdog;
    } else if (!is_kill && order.signal == SIGKILL) {
        order.cause = SignalCause::kill_signal_is_kill;
    }
    const bool whole = settings_.kill_mode == KillMode::control_group ||
                       (settings_.kill_mode == KillMode::mixed && is_kill);
    order.scope = whole ? SignalScope::cgroup : SignalScope::both;
    order.then_continue = order.signal != SIGKILL;
    if (is_kill && cause == SignalCause::deadline) {
        run_.sigkill_sent = true;
        // What was killed in the course of a day is no fault of the end.
        if (machine_.shutting_down) {
            machine_.something_was_killed = true;
            machine_.effects->supervisor_dirty = true;
        }
    }
    machine_.order(order);
}

void Service::continue_stop(UnitResult result) {
    note_result(result);
    if (run_.main.is_there() || run_.control.is_there() || run_.identifying != Token::none) {
        return;
    }
    if (waits_for_cgroup() && unit_.populated) {
        const SubState state = unit_.sub_state;
        const bool was_asked = state == SubState::stop_sigterm ||
                               state == SubState::stop_watchdog || state == SubState::final_sigterm;
        if (was_asked && is_mixed_without_main()) {
            enter_signal(state, UnitResult::success);  // which kills the rest
        }
        return;
    }
    switch (unit_.sub_state) {
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
            enter_stop_post(UnitResult::success);
            return;
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
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            return;  // nothing is waited for
    }
}

void Service::enter_stop_post(UnitResult result) {
    note_result(result);
    run_.stop_deadline = kNever;
    begin_stop_clock();  // ExecStopPost has a TimeoutStopSec of its own
    const auto command = first_command(settings_, CommandRole::stop_post);
    if (!command.has_value() || run_.control.is_there()) {
        enter_signal(SubState::final_sigterm, UnitResult::success);
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        enter_signal(SubState::final_sigterm, UnitResult::resources);
        return;
    }
    arm(run_.stop_deadline == kNever ? kNever
                                     : run_.stop_deadline - signal_share(settings_.timeout_stop));
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
    run_.stop_deadline = kNever;
    run_.watchdog_deadline = kNever;
    run_.check_deadline = kNever;
    run_.empty_since = kNever;
    arm(kNever);
    const bool is_clean =
        unit_.result == UnitResult::success || unit_.result == UnitResult::exec_condition;
    const Job* job = machine_.job_of(unit_);
    // A start job that is running already is the one that ends here; a waiting one is still to
    // come.
    const bool is_restarted_by_job =
        job != nullptr && (job->type == JobType::restart ||
                           (job->type == JobType::start && job->state == JobState::waiting));
    const bool restarts = may_restart && shall_restart();
    if (!restarts) {
        run_.forget_restarts = true;
        if (!is_restarted_by_job) {
            machine_.order(ReleaseCgroup{unit_.id});
        }
    }
    machine_.set_state(unit_, is_clean ? SubState::dead : SubState::failed);
    if (restarts) {
        arm(after(machine_.now, settings_.restart_delay));
        machine_.set_state(unit_, SubState::auto_restart);
    }
}

void Service::enter_wedged() {
    unit_.result = UnitResult::stop_wedged;
    machine_.something_was_killed = true;
    machine_.effects->supervisor_dirty = true;
    arm(kNever);
    run_.stop_deadline = kNever;
    run_.forget_restarts = true;
    machine_.say(Severity::error, unit_,
                 "has processes that survive SIGKILL: it is left alone until they end");
    machine_.set_state(unit_, SubState::stop_wedged);
}

void Service::enter_restart() {
    const Job* job = machine_.job_of(unit_);
    if (job != nullptr && job->type == JobType::stop) {
        return;  // going down anyway
    }
    ++run_.restarts;
    run_.forget_restarts = false;
    arm(kNever);
    machine_.touch(unit_);
    if (!machine_.start_transaction(unit_.id, JobType::restart, "Restart=")) {
        unit_.result = UnitResult::resources;
        enter_dead(UnitResult::resources, false);
    }
}

void Service::give_up_restart() {
    const bool is_waiting = unit_.sub_state == SubState::auto_restart && unit_.job == JobId::none &&
                            run_.state_deadline == kNever;
    if (is_waiting) {
        enter_dead(UnitResult::success, false);
    }
}

// ── deadlines

void Service::on_deadline() {
    if (run_.state_deadline <= machine_.now) {
        on_state_deadline();
    } else if (run_.check_deadline <= machine_.now) {
        on_check_deadline();
    } else if (run_.watchdog_deadline <= machine_.now) {
        on_watchdog_deadline();
    }
    machine_.update_deadline(unit_);
}

void Service::on_watchdog_deadline() {
    run_.watchdog_deadline = kNever;
    machine_.say(Severity::error, unit_, "watchdog: no WATCHDOG=1 within WatchdogSec");
    enter_signal(SubState::stop_watchdog, UnitResult::watchdog);
}

namespace {

/// An answer to CheckCgroup that takes longer is none.
constexpr Duration kRecheckWait{100'000};

}  // namespace

void Service::on_check_deadline() {
    run_.check_deadline = kNever;
    machine_.touch(unit_);
    if (run_.empty_since != kNever) {
        run_.empty_since = kNever;
        run_.recheck_until = after(machine_.now, kRecheckWait);
        machine_.order(CheckCgroup{unit_.id});  // still empty, with an exit record missing?
    } else if (settings_.type == ServiceType::forking && unit_.sub_state == SubState::start) {
        identify_main_process(IdentifyMainProcess::How::pid_file, 0);
    } else if (run_.main.is_there() && !run_.main.executing) {
        machine_.say(Severity::error, unit_,
                     "start timed out: after TimeoutStartSec the process has not got as far as "
                     "execve; its executable or an "
                     "output may lie on a file system that hangs");
        note_result(UnitResult::timeout);
        kill_unexecuted();
        enter_signal(SubState::stop_sigterm, UnitResult::timeout);
    }
}

void Service::on_reload_deadline() {
    run_.told_reloading = false;
    if (run_.reload_result == UnitResult::success && run_.control.is_there()) {
        machine_.say(Severity::warning, unit_, "ExecReload timed out: it is killed");
        run_.reload_result = UnitResult::timeout;
        SignalUnit order;
        order.unit = unit_.id;
        order.scope = SignalScope::control;
        order.control = run_.control.token;
        order.signal = SIGKILL;
        order.cause = SignalCause::kill_control;
        machine_.order(order);
        arm(after(machine_.now, machine_.options.kill_grace));
        return;
    }
    machine_.say(Severity::warning, unit_, "reload timed out");
    run_.reload_result = UnitResult::timeout;
    forget_process(run_.control);
    enter_running(UnitResult::success);
}

void Service::on_state_deadline() {
    run_.state_deadline = kNever;
    machine_.touch(unit_);
    switch (unit_.sub_state) {
        case SubState::condition:
        case SubState::start_pre:
        case SubState::start:
            machine_.say(Severity::error, unit_,
                         "start timed out in " + std::string(name_of(unit_.sub_state)));
            kill_unexecuted();
            fail_start(UnitResult::timeout);
            return;
        case SubState::start_post:
            machine_.say(Severity::error, unit_, "ExecStartPost timed out");
            enter_stop(UnitResult::timeout);
            return;
        case SubState::reload:
            on_reload_deadline();
            return;
        case SubState::stop:
            machine_.say(Severity::warning, unit_, "ExecStop timed out: the stop signal is sent");
            enter_signal(SubState::stop_sigterm, UnitResult::timeout);
            return;
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
            if (settings_.send_sigkill && settings_.kill_mode != KillMode::none) {
                machine_.say(Severity::warning, unit_,
                             "did not stop within TimeoutStopSec: SIGKILL");
                enter_signal(SubState::stop_sigkill, UnitResult::timeout, SignalCause::deadline);
            } else {
                machine_.say(Severity::warning, unit_,
                             "did not stop within TimeoutStopSec, and no SIGKILL is wanted: "
                             "processes are left over");
                forget_process(run_.main);
                forget_process(run_.control);
                enter_stop_post(UnitResult::timeout);
            }
            return;
        case SubState::stop_post:
            machine_.say(Severity::warning, unit_, "ExecStopPost timed out");
            enter_signal(SubState::final_sigterm, UnitResult::timeout);
            return;
        case SubState::final_sigterm:
            if (settings_.send_sigkill && settings_.kill_mode != KillMode::none) {
                enter_signal(SubState::final_sigkill, UnitResult::timeout, SignalCause::deadline);
            } else {
                enter_dead(UnitResult::timeout, false);
            }
            return;
        case SubState::stop_sigkill:
        case SubState::final_sigkill:
            enter_wedged();
            return;
        case SubState::auto_restart:
            enter_restart();
            return;
        case SubState::dead:
        case SubState::running:
        case SubState::exited:
        case SubState::stop_wedged:
        case SubState::failed:
        case SubState::active:
            return;  // nothing is armed
    }
}

}  // namespace svcd
