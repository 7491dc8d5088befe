// A service after a death of the manager: what may have been lost with it is asked for again, or
// done again where that is harmless.
#include "core/service.h"

namespace svcd {
namespace {

/// "its main process (PID 812) ended while no svcd was there: exit status unknown".
std::string describe_lost(const Process& process, ProcessRole role) {
    std::string text = role == ProcessRole::main ? "its main process" : "its control process";
    if (process.pid == 0) {
        return text +
               " was being started when svcd was killed, and is not there: exit status "
               "unknown, if it has run";
    }
    return text + " (PID " + std::to_string(process.pid) +
           ") ended while no svcd was there: exit status unknown";
}

}  // namespace

/// Has the definition, which may have changed meanwhile, a command with this number that may be
/// started in this state?
bool Service::is_command_of_state(ProcessRole role, std::uint16_t index) const {
    const Command* command = command_at(index);
    if (command == nullptr) {
        return false;
    }
    if (role == ProcessRole::main) {
        return command->role == CommandRole::start;
    }
    switch (unit_.sub_state) {
        case SubState::condition:
            return command->role == CommandRole::condition;
        case SubState::start_pre:
            return command->role == CommandRole::start_pre;
        case SubState::start:
            return command->role == CommandRole::start;
        case SubState::start_post:
            return command->role == CommandRole::start_post;
        case SubState::reload:
            return command->role == CommandRole::reload;
        case SubState::stop:
            return command->role == CommandRole::stop;
        case SubState::stop_post:
            return command->role == CommandRole::stop_post;
        case SubState::dead:
        case SubState::running:
        case SubState::exited:
        case SubState::reload_signal:
        case SubState::reload_notify:
        case SubState::pre_stop:
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::final_watchdog:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
        case SubState::stop_wedged:
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            return false;  // nothing is started there
    }
    return false;
}

/// Takes over a process that the record names: what became of it while no svcd was there?
void Service::take_over(Process& process, const ProcessFact& fact, ProcessRole role) {
    if (!process.is_there()) {
        return;
    }
    if (process.is_held) {  // nobody has been asked to start it yet
        hold_until_idle();
        return;
    }
    switch (fact.state) {
        case ProcessFact::State::never_spawned:
            spawn_again(process, role);
            return;
        case ProcessFact::State::alive:
            // Whether it has got through execve nobody can tell any more: a failure of that still
            // ends it with a status of its own.
            process.executing = true;
            process.is_foreign = fact.is_foreign;
            process.start_time = fact.start_time != 0 ? fact.start_time : process.start_time;
            if (process.pid == 0 ||
                (settings_.type == ServiceType::simple && unit_.sub_state == SubState::start)) {
                on_spawned(process, fact.pid);
            }
            if (role == ProcessRole::main) {
                on_executing(role);
            }
            return;
        case ProcessFact::State::exited:
            if (process.pid == 0) {
                process.pid = fact.pid;
            }
            return;  // its ProcessExited follows
        case ProcessFact::State::none:
        case ProcessFact::State::lost:
            machine_.say(Severity::warning, unit_, describe_lost(process, role));
            on_exit(role, ExitCode::unknown, static_cast<std::int32_t>(UnknownEnd::nobody_there));
            return;
    }
}

/// Orders a process once more that was to be started when the manager died, unless it was to be
/// stopped after that.
void Service::spawn_again(Process& process, ProcessRole role) {
    const SubStateTraits& state = traits(unit_.sub_state);
    if (machine_.shutting_down ? state.starting || role == ProcessRole::main
                               : state.stopping && role == ProcessRole::main) {
        forget_process(process);
        return;
    }
    if (!is_command_of_state(role, process.command)) {
        on_spawn_failed(role, Error{0, "go on with", unit_.name(), "its commands have changed"});
        return;
    }
    machine_.order(SpawnProcess{process.token, unit_.id, role, process.command,
                                role == ProcessRole::main && waits_for_execve()});
}

/// The deadlines that the record does not have, or that a time without svcd has made unfair.
void Service::resume_deadlines(bool type_changed) {
    const SubStateTraits& state = traits(unit_.sub_state);
    if (type_changed && state.starting) {
        machine_.say(Severity::error, unit_,
                     "its Type is another than the one it was being started with: the start is "
                     "given up, start it again");
        arm(machine_.now);
    }
    if (run_.watchdog_deadline != kNever) {
        restart_watchdog();  // the service may have pinged while nobody listened
    }
    // Without a deadline it began with a timeout of infinity, and that definition is lost.
    if (run_.state_deadline == kNever && state.stopping) {
        begin_stop_clock();
        arm(run_.stop_deadline);
    } else if (run_.state_deadline == kNever &&
               (state.starting || state.active == ActiveState::reloading)) {
        arm(after(machine_.now, settings_.timeout_start));
    }
}

/// Does again what the state begins with, where the death of the manager may have come before it.
void Service::resume_state() {
    switch (unit_.sub_state) {
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::final_watchdog:
        case SubState::final_sigterm:
            // What is written down as sent is not sent twice: it may run a handler twice, or be the
            // one that makes it hurry.
            if (!stops_unasked() && !run_.signal_sent) {
                send_signals(unit_.sub_state, SignalCause::again);
            }
            if (!stops_unasked()) {
                look_for_core_dump_before(run_.stop_deadline);
            }
            break;
        case SubState::stop_sigkill:
        case SubState::final_sigkill:
            if (!run_.signal_sent) {
                send_signals(unit_.sub_state, SignalCause::again);
            }
            break;
        case SubState::start:
            // It may be looked for already, since its start command was found to have ended.
            if (settings_.type == ServiceType::forking && !run_.main.is_there() &&
                !run_.control.is_there() && run_.identifying == Token::none) {
                look_for_main_process();
            }
            break;
        case SubState::start_post:
            // ExecStartPost has ended, and what it was to write was looked for when the manager
            // died.
            if (settings_.type == ServiceType::forking && !run_.main_known &&
                !settings_.pid_file.empty() && !run_.control.is_there() &&
                run_.identifying == Token::none) {
                look_for_main_process();
            }
            break;
        case SubState::reload:
            // SIGKILL to an ExecReload that outlived its time may not have been sent.
            if (run_.reload_result != UnitResult::success && run_.control.is_there()) {
                kill_control(SignalCause::kill_control);
                arm(after(machine_.now, machine_.options.kill_grace));
            }
            break;
        case SubState::dead:
        case SubState::condition:
        case SubState::start_pre:
        case SubState::running:
        case SubState::exited:
        case SubState::reload_signal:
        case SubState::reload_notify:
        case SubState::pre_stop:
        case SubState::stop:
        case SubState::stop_post:
        case SubState::stop_wedged:
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            break;
    }
}

void Service::resume(const RestoredUnit& restored, bool was_away) {
    run_.may_have_missed_ready = run_.may_have_missed_ready ||
                                 (was_away && is_notify() && unit_.sub_state == SubState::start);
    const bool type_changed =
        restored.record.service_type != static_cast<std::uint8_t>(settings_.type);
    const bool was_unasked = stops_unasked();
    const Token control = run_.control.token;
    take_over(run_.main, restored.main, ProcessRole::main);
    if (run_.control.token == control) {  // else a new one, that the main process's news called for
        take_over(run_.control, restored.control, ProcessRole::control);
    }
    if (restored.record.identifying != 0) {
        go_on_without_named();  // what it named died with the manager that was asked to look at it
    }
    if (settings_.type == ServiceType::dbus && !is_down(unit_.active_state())) {
        machine_.order(WatchBusName{unit_.id, true});
    }
    resume_deadlines(type_changed);
    // The news have taken it on, with all that belongs to it: to another state, or to the first
    // signal of a stop that it had begun itself.
    if (static_cast<std::uint8_t>(unit_.sub_state) != restored.record.sub_state ||
        was_unasked != stops_unasked()) {
        machine_.order(CheckCgroup{unit_.id});
        machine_.update_deadline(unit_);
        return;
    }
    resume_state();
    // With a process that lives it is not empty, and is looked at when that ends.
    const bool has_process = restored.main.state == ProcessFact::State::alive ||
                             restored.control.state == ProcessFact::State::alive;
    if ((unit_.populated && !has_process) || is_down(unit_.active_state())) {
        machine_.order(CheckCgroup{unit_.id});
    }
    machine_.update_deadline(unit_);
}

}  // namespace svcd
