// What a service does when time is up: of its state, of its watchdog, and of what has to be looked
// at again.
#include <algorithm>
#include <csignal>

#include "core/reload_signal.h"
#include "core/service.h"

namespace svcd {
namespace {

/// So long a deadline waits for the answer to LookForCoreDump, when both are late.
constexpr Duration kAnswerWait{5'000};

}  // namespace

void Service::on_deadline() {
    if (run_.look_at <= machine_.now) {
        run_.look_at = kNever;
        machine_.order(LookForCoreDump{unit_.id});
        run_.state_deadline = std::max(run_.state_deadline, machine_.now + kAnswerWait);
        machine_.touch(unit_);
    } else if (run_.state_deadline <= machine_.now) {
        on_state_deadline();
    } else if (run_.check_deadline <= machine_.now) {
        on_check_deadline();
    } else if (run_.watchdog_deadline <= machine_.now) {
        on_watchdog_deadline(false);
    }
    machine_.update_deadline(unit_);
}

void Service::on_watchdog_deadline(bool was_asked_for) {
    run_.watchdog_deadline = kNever;
    blame_watchdog(was_asked_for);
    machine_.say(Severity::error, unit_, "watchdog: " + describe(failure_, settings_));
    enter_signal(SubState::stop_watchdog, UnitResult::watchdog, SignalCause::watchdog);
}

namespace {

/// An answer to CheckCgroup that takes longer is none.
constexpr Duration kRecheckWait{100'000};

}  // namespace

void Service::on_check_deadline() {
    run_.check_deadline = kNever;
    machine_.touch(unit_);
    if (run_.main.is_held) {
        release_held();  // Type=idle has waited long enough
    } else if (run_.empty_since != kNever) {
        run_.empty_since = kNever;
        run_.recheck_until = after(machine_.now, kRecheckWait);
        machine_.order(CheckCgroup{unit_.id});  // still empty, with an exit record missing?
    } else if (is_down(unit_.active_state()) && run_.unreaped_until != Time{}) {
        machine_.queue_unit_job(unit_);  // it looks once more, or has waited long enough
    } else if (settings_.type == ServiceType::forking && !run_.main_known &&
               traits(unit_.sub_state).starting) {
        identify_main_process(IdentifyMainProcess::How::pid_file, 0);
    } else if (run_.main.is_there() && !run_.main.executing) {
        machine_.say(Severity::error, unit_,
                     "start timed out: after TimeoutStartSec the process has not got as far as "
                     "execve; its executable or an "
                     "output may lie on a file system that hangs");
        blame_start_timeout();
        note_result(UnitResult::timeout);
        kill_unexecuted();
        enter_signal(SubState::stop_sigterm, UnitResult::timeout);
    }
}

/// Before execve every signal but SIGKILL is blocked, so asking nicely would be in vain.
void Service::kill_unexecuted() {
    const auto kill = [&](const Process& process, SignalScope scope) {
        if (!process.is_there() || process.pid == 0 || process.executing) {
            return;
        }
        SignalUnit order;
        order.unit = unit_.id;
        order.scope = scope;
        order.main = run_.main.token;
        order.control = run_.control.token;
        order.signal = SIGKILL;
        order.cause = SignalCause::never_executed;
        machine_.order(order);
    };
    kill(run_.main, SignalScope::main);
    kill(run_.control, SignalScope::control);
}

void Service::on_state_deadline() {
    run_.state_deadline = kNever;
    machine_.touch(unit_);
    switch (unit_.sub_state) {
        case SubState::condition:
        case SubState::start_pre:
        case SubState::start:
        case SubState::start_post:
            on_start_deadline();
            return;
        case SubState::running:
            blame(FailureKind::runtime_max);
            failure_.limit = settings_.runtime_max;
            machine_.say(Severity::warning, unit_, "has run for RuntimeMaxSec: it is stopped");
            leave_service(UnitResult::timeout);
            return;
        case SubState::reload:
        case SubState::reload_signal:
        case SubState::reload_notify:
            on_reload_deadline();
            return;
        case SubState::pre_stop:
            enter_stop(UnitResult::success);
            return;
        case SubState::stop:
        case SubState::stop_post:
            on_stop_command_deadline();
            return;
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::final_watchdog:
        case SubState::final_sigterm:
            on_stop_deadline();
            return;
        case SubState::stop_sigkill:
        case SubState::final_sigkill:
            if (kills_one_by_one()) {
                kill_one_by_one();
            } else {
                enter_wedged();
            }
            return;
        case SubState::auto_restart:
            if (!waits_for_reaping()) {
                enter_restart();
            }
            return;
        case SubState::dead:
        case SubState::exited:
        case SubState::stop_wedged:
        case SubState::failed:
        case SubState::active:
            return;  // nothing is armed
    }
}

void Service::on_start_deadline() {
    if (run_.may_have_missed_ready && unit_.sub_state == SubState::start && is_notify() &&
        run_.main.is_there()) {
        take_for_ready();
        return;
    }
    blame_start_timeout();
    machine_.say(Severity::error, unit_,
                 "start timed out in " + std::string(name_of(unit_.sub_state)));
    kill_unexecuted();
    switch (settings_.timeout_start_failure_mode) {
        case TimeoutFailureMode::terminate:
            fail_start(UnitResult::timeout);
            return;
        case TimeoutFailureMode::abort:
            enter_signal(SubState::stop_watchdog, UnitResult::timeout, SignalCause::failure_mode);
            return;
        case TimeoutFailureMode::kill:
            if (may_kill()) {
                enter_signal(SubState::stop_sigkill, UnitResult::timeout,
                             SignalCause::failure_mode);
            } else {
                enter_stop_post(UnitResult::timeout);
            }
            return;
    }
}

/// Whether it has said READY=1 while svcd was away nobody can know. That it runs is known.
void Service::take_for_ready() {
    machine_.say(Severity::warning, unit_,
                 "readiness unknown: svcd was away when it started, and no READY=1 has come since. "
                 "It runs, and is taken as started");
    run_.readiness_unknown = true;
    run_.told_reloading = false;  // as READY=1 would have it
    enter_start_post();
}

/// ExecStop or ExecStopPost has used up its share of the stop.
void Service::on_stop_command_deadline() {
    const bool is_final = unit_.sub_state == SubState::stop_post;
    blame_stop_timeout();
    machine_.say(Severity::warning, unit_,
                 std::string(is_final ? "ExecStopPost" : "ExecStop") + " timed out");
    switch (settings_.timeout_stop_failure_mode) {
        case TimeoutFailureMode::terminate:
            enter_signal(is_final ? SubState::final_sigterm : SubState::stop_sigterm,
                         UnitResult::timeout);
            return;
        case TimeoutFailureMode::abort:
            enter_signal(is_final ? SubState::final_watchdog : SubState::stop_watchdog,
                         UnitResult::timeout, SignalCause::failure_mode);
            return;
        case TimeoutFailureMode::kill:
            if (may_kill()) {
                enter_signal(is_final ? SubState::final_sigkill : SubState::stop_sigkill,
                             UnitResult::timeout, SignalCause::failure_mode);
            } else {
                give_up_waiting();
            }
            return;
    }
}

/// The stop signal, or the one that aborts, was sent in time and has not been followed; or it was
/// not sent because the service said that it stops by itself.
void Service::on_stop_deadline() {
    const SubStateTraits& state = traits(unit_.sub_state);
    blame_stop_timeout();
    if (stops_unasked()) {
        ask_after_all();
    } else if (state.asking == Asking::to_end &&
               settings_.timeout_stop_failure_mode == TimeoutFailureMode::abort) {
        machine_.say(Severity::warning, unit_,
                     "did not stop within " + limit_text() + ": it is aborted");
        enter_signal(state.final ? SubState::final_watchdog : SubState::stop_watchdog,
                     UnitResult::timeout, SignalCause::failure_mode);
    } else if (may_kill()) {
        machine_.say(Severity::warning, unit_,
                     "did not stop within " + limit_text() + ": " +
                         signal_text(settings_.final_kill_signal));
        enter_signal(state.final ? SubState::final_sigkill : SubState::stop_sigkill,
                     UnitResult::timeout, SignalCause::deadline);
    } else {
        machine_.say(Severity::warning, unit_,
                     "did not stop within " + limit_text() +
                         ", and no SIGKILL is wanted: processes are left over");
        give_up_waiting();
    }
}

bool Service::may_kill() const {
    return settings_.send_sigkill && settings_.kill_mode != KillMode::none;
}

/// What is left over is left alone.
void Service::give_up_waiting() {
    run_.gave_up_waiting = true;
    machine_.touch(unit_);
    forget_process(run_.main);
    forget_process(run_.control);
    if (unit_.sub_state == SubState::stop_post || traits(unit_.sub_state).final) {
        enter_dead(UnitResult::timeout, false);
    } else {
        enter_stop_post(UnitResult::timeout);
    }
}

}  // namespace svcd
