// What a service says of itself (sd_notify(3)), and what the bus and the kernel say of it.
#include <algorithm>
#include <utility>

#include "core/service.h"

namespace svcd {

bool Service::may_notify(Pid sender) const {
    const bool is_main = run_.main.is_there() && sender == run_.main.pid;
    switch (settings_.notify_access_in_force()) {
        case NotifyAccess::none:
            return false;
        case NotifyAccess::main:
            return is_main;
        case NotifyAccess::exec:
            return is_main || (run_.control.is_there() && sender == run_.control.pid);
        case NotifyAccess::all:
            return true;
    }
    return false;
}

/// Before ExecStart a MAINPID= can only come from what the last run left over.
bool Service::may_have_main() const {
    return unit_.sub_state != SubState::condition && unit_.sub_state != SubState::start_pre &&
           unit_.sub_state != SubState::exited;
}

void Service::on_notification(const Notification& message) {
    if (is_down(unit_.active_state()) || unit_.sub_state == SubState::auto_restart) {
        return;
    }
    if (!may_notify(message.sender)) {
        machine_.say(Severity::warning, unit_,
                     "a notification from PID " + std::to_string(message.sender) +
                         " is not taken: it is not one of those that NotifyAccess allows");
        if (message.ready || message.watchdog) {
            run_.refused_ready_from = message.sender;
        }
        return;
    }
    machine_.touch(unit_);
    take_facts(message);
    take_state(message);
    if (message.watchdog_trigger && run_.watchdog_deadline != kNever) {
        on_watchdog_deadline(true);
    }
}

void Service::take_facts(const Notification& message) {
    if (message.status.has_value()) {
        run_.status_text = *message.status;
    }
    if (message.error_number.has_value()) {
        run_.status_error = *message.error_number;
    }
    if (message.main_pid.has_value() && *message.main_pid != run_.main.pid &&
        run_.identifying == Token::none && may_have_main()) {
        run_.named_pid = *message.main_pid;
        identify_main_process(IdentifyMainProcess::How::named, *message.main_pid);
    }
    if (message.watchdog_interval.has_value()) {
        run_.watchdog_interval = *message.watchdog_interval;
    }
    if (message.watchdog) {
        run_.watchdog_at = machine_.now;
    }
    if ((message.watchdog || message.watchdog_interval.has_value()) &&
        run_.watchdog_deadline != kNever) {
        run_.watchdog_at = machine_.now;
        restart_watchdog();
    }
    if (message.extend_timeout.has_value() && run_.state_deadline != kNever) {
        extend_timeout(*message.extend_timeout);
    }
}

/// READY=1, RELOADING=1, STOPPING=1.
void Service::take_state(const Notification& message) {
    const SubState state = unit_.sub_state;
    // While a reload that was asked for waits for its answer, one that tells of an earlier moment
    // is none (sd_notify(3), MONOTONIC_USEC=).
    const bool waits = run_.reload_began_at != Time{} &&
                       (state == SubState::reload || state == SubState::reload_signal);
    const bool answers =
        !waits || (message.monotonic.has_value() && *message.monotonic >= run_.reload_began_at);
    if (message.reloading && answers) {
        const bool is_first = !std::exchange(run_.told_reloading, true);
        const bool is_effect = is_first && state == SubState::reload && run_.main.is_there() &&
                               !run_.control.is_there();
        if (state == SubState::running || is_effect) {
            enter_reload_by_notify();
        } else if (state == SubState::reload_signal) {
            machine_.set_state(unit_, SubState::reload_notify);
        }
    }
    if (message.ready) {
        const bool is_answered = run_.told_reloading;
        run_.told_reloading = false;
        run_.may_have_missed_ready = false;
        run_.readiness_unknown = false;
        if (traits(state).active == ActiveState::reloading) {
            run_.told_stopping = false;  // a successor that the reload has started takes it back
        }
        if (is_notify() && unit_.sub_state == SubState::start) {
            enter_start_post();
        } else if (is_answered || !waits) {
            run_.reload_began_at = Time{};
            if (traits(unit_.sub_state).active == ActiveState::reloading &&
                !run_.control.is_there()) {
                enter_running(UnitResult::success);
            }
        }
    }
    if (message.stopping) {
        run_.told_stopping = true;
        if (unit_.sub_state == SubState::running) {
            enter_running(UnitResult::success);
        } else if (unit_.sub_state == SubState::pre_stop) {
            enter_stop_by_notify();
        }
    }
}

/// Type=dbus: it has started once its name has an owner, and has ended once it has none.
void Service::on_bus_name(bool has_owner) {
    if (settings_.type != ServiceType::dbus || run_.bus_name_good == has_owner) {
        return;
    }
    run_.bus_name_good = has_owner;
    machine_.touch(unit_);
    if (has_owner && unit_.sub_state == SubState::start) {
        enter_start_post();
    } else if (!has_owner && unit_.sub_state == SubState::running) {
        machine_.say(Severity::notice, unit_,
                     "its bus name " + settings_.rarely().bus_name + " has no owner any more");
        enter_running(UnitResult::success);
    }
}

void Service::on_oom_kill() {
    machine_.say(Severity::warning, unit_,
                 "the kernel's OOM killer has killed one of its processes");
    blame(FailureKind::oom_kill);
    if (settings_.oom_policy == OomPolicy::continue_) {
        return;
    }
    const SubStateTraits& state = traits(unit_.sub_state);
    const bool kills = settings_.oom_policy == OomPolicy::kill;
    if (state.starting || unit_.sub_state == SubState::pre_stop ||
        unit_.sub_state == SubState::stop || state.active == ActiveState::reloading) {
        enter_signal(kills ? SubState::stop_sigkill : SubState::stop_sigterm, UnitResult::oom_kill,
                     kills ? SignalCause::oom : SignalCause::stop);
    } else if (is_up(state.active)) {
        if (kills) {
            enter_signal(SubState::stop_sigkill, UnitResult::oom_kill, SignalCause::oom);
        } else {
            enter_stop(UnitResult::oom_kill);
        }
    } else if (state.asking == Asking::to_end || state.asking == Asking::to_abort) {
        enter_signal(state.final ? SubState::final_sigkill : SubState::stop_sigkill,
                     UnitResult::oom_kill, SignalCause::oom);
    } else if (unit_.sub_state == SubState::stop_post) {
        enter_signal(SubState::final_sigkill, UnitResult::oom_kill, SignalCause::oom);
    } else if (state.asking == Asking::kill) {
        note_result(UnitResult::oom_kill);
    }
}

}  // namespace svcd
