// What happens to a service's processes, and what the state machine makes of it.
#include <csignal>

#include "core/service.h"

namespace svcd {
namespace {

/// How long an exit record may be missing once the cgroup is empty (a tracer holds the zombie).
constexpr Duration kExitRecordWait{1'000'000};

/// How often a PID file is looked for while its service starts. There is nothing to wait on that
/// every file system has.
constexpr Duration kPidFileInterval{20'000};

}  // namespace

void Service::on_spawned(Process& process, Pid pid) {
    process.pid = pid;
    machine_.touch(unit_);
    if (&process != &run_.main) {
        return;
    }
    run_.main_pid_last = pid;
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::simple) {
        enter_start_post();
    }
}

void Service::on_spawn_failed(ProcessRole role, const Error& error) {
    Process& process = role == ProcessRole::main ? run_.main : run_.control;
    machine_.say(Severity::error, unit_, "can't start a process: " + to_string(error));
    forget_process(process);
    machine_.order(CheckCgroup{unit_.id});
    if (role == ProcessRole::control) {
        const bool is_reload = unit_.sub_state == SubState::reload;
        if (is_reload) {
            run_.reload_result = UnitResult::resources;
            enter_running(UnitResult::success);
            return;
        }
    }
    note_result(UnitResult::resources);
    if (traits(unit_.sub_state).starting) {
        fail_start(UnitResult::resources);
    } else if (unit_.sub_state == SubState::stop) {
        enter_signal(SubState::stop_sigterm, UnitResult::resources);
    } else if (unit_.sub_state == SubState::stop_post) {
        enter_signal(SubState::final_sigterm, UnitResult::resources);
    } else {
        continue_stop(UnitResult::resources);
    }
}

void Service::on_executing(ProcessRole role) {
    (role == ProcessRole::main ? run_.main : run_.control).executing = true;
    if (role == ProcessRole::control) {
        return;
    }
    if (settings_.type == ServiceType::exec && unit_.sub_state == SubState::start) {
        enter_start_post();
    } else if (!traits(unit_.sub_state).stopping) {
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
}

// ── exits

void Service::on_exit(ProcessRole role, ExitCode code, int status) {
    if (role == ProcessRole::main && run_.empty_since == kNever) {
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
    if (role == ProcessRole::control) {
        on_control_exit(code, status);
        return;
    }
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::simple) {
        enter_start_post();  // it was started, however short its life
    }
    on_main_exit(code, status);
}

/// Clean: status 0, what SuccessExitStatus lists, the signals that end a daemon by custom, and
/// whatever answers our own stop signal.
UnitResult Service::result_of_main(ExitCode code, int status) const {
    const Command* command = command_at(run_.main.command);
    if (run_.main_is_adopted) {
        const auto started_by = first_command(settings_, CommandRole::start);
        command = started_by.has_value() ? command_at(*started_by) : nullptr;
    }
    if (command != nullptr && command->ignore_failure) {
        return UnitResult::success;
    }
    const bool was_asked = traits(unit_.sub_state).stopping && unit_.sub_state != SubState::stop;
    const bool by_signal = code == ExitCode::killed || code == ExitCode::dumped;
    if (was_asked && ((by_signal && status == settings_.kill_signal) ||
                      (code == ExitCode::exited && status == 128 + settings_.kill_signal))) {
        return UnitResult::success;
    }
    const bool is_listed =
        status >= 0 && status < 65 &&
        settings_.success_exit_status.signals.test(static_cast<std::size_t>(status));
    switch (code) {
        case ExitCode::exited:
            if (status == 0 ||
                (status > 0 && status < 256 &&
                 settings_.success_exit_status.statuses.test(static_cast<std::size_t>(status)))) {
                return UnitResult::success;
            }
            return UnitResult::exit_code;
        case ExitCode::killed: {
            const bool by_custom =
                settings_.type != ServiceType::oneshot &&
                (status == SIGHUP || status == SIGINT || status == SIGTERM || status == SIGPIPE);
            return by_custom || is_listed ? UnitResult::success : UnitResult::signal;
        }
        case ExitCode::dumped:
            return UnitResult::core_dump;
        case ExitCode::unknown:
        case ExitCode::none:
            return UnitResult::success;
    }
    return UnitResult::success;
}

UnitResult Service::result_of_control(ExitCode code, int status) const {
    const Command* command = command_at(run_.control.command);
    if (command != nullptr && command->ignore_failure) {
        return UnitResult::success;
    }
    switch (code) {
        case ExitCode::exited:
            if (unit_.sub_state == SubState::condition && status > 0 && status < 255) {
                return UnitResult::exec_condition;
            }
            return status == 0 ? UnitResult::success : UnitResult::exit_code;
        case ExitCode::killed:
            return UnitResult::signal;
        case ExitCode::dumped:
            return UnitResult::core_dump;
        case ExitCode::unknown:
        case ExitCode::none:
            return UnitResult::success;
    }
    return UnitResult::success;
}

void Service::on_main_exit(ExitCode code, int status) {
    const UnitResult result = result_of_main(code, status);
    const std::uint16_t command = run_.main.command;
    const bool was_adopted = run_.main_is_adopted;
    run_.main_code = code;
    run_.main_status = status;
    run_.main_exited_at = machine_.now;
    forget_process(run_.main);
    if (result != UnitResult::success && unit_.result == UnitResult::success &&
        code == ExitCode::exited && status >= 200) {
        machine_.say(Severity::error, unit_,
                     "its process could not be started (status " + std::to_string(status) + ")");
    }
    const auto next = command_at(command) != nullptr && !was_adopted
                          ? next_command(settings_, command)
                          : std::nullopt;
    if (unit_.sub_state == SubState::start && is_held_by_shutdown()) {
        note_result(result);
        return;
    }
    switch (unit_.sub_state) {
        case SubState::start:
            if (settings_.type == ServiceType::oneshot) {
                note_result(result);
                if (result != UnitResult::success) {
                    fail_start(result);
                } else if (next.has_value()) {
                    arm(after(machine_.now, settings_.timeout_start));
                    if (!spawn(ProcessRole::main, *next)) {
                        fail_start(UnitResult::resources);
                    }
                } else {
                    enter_start_post();
                }
                return;
            }
            if (settings_.type == ServiceType::notify) {
                // It ended without ever having said that it is ready.
                machine_.say(Severity::error, unit_,
                             "its main process ended before it sent READY=1");
                fail_start(result == UnitResult::success ? UnitResult::protocol : result);
                return;
            }
            if (settings_.type == ServiceType::forking) {
                return;  // an adopted process of a daemon that is still setting itself up
            }
            enter_running(result);
            return;
        case SubState::running:
            enter_running(result);
            return;
        case SubState::start_post:
        case SubState::reload:
            note_result(result);
            if (!run_.control.is_there()) {
                enter_running(result);
            }
            return;
        case SubState::stop:
        case SubState::stop_post:
            note_result(result);
            return;  // the control process is waited for
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
        case SubState::stop_wedged:
            continue_stop(result);
            return;
        case SubState::condition:
        case SubState::start_pre:
        case SubState::exited:
        case SubState::dead:
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            return;  // there is no main process
    }
}

void Service::on_control_exit(ExitCode code, int status) {
    const UnitResult result = result_of_control(code, status);
    const std::uint16_t command = run_.control.command;
    forget_process(run_.control);
    const SubState state = unit_.sub_state;
    const bool in_sequence = state == SubState::condition || state == SubState::start_pre ||
                             state == SubState::start_post || state == SubState::reload ||
                             state == SubState::stop || state == SubState::stop_post;
    if (is_held_by_shutdown()) {
        return;
    }
    if (result == UnitResult::success && in_sequence && command_at(command) != nullptr) {
        if (const auto next = next_command(settings_, command)) {
            if (state != SubState::stop && state != SubState::stop_post) {
                arm(after(machine_.now, settings_.timeout_start));
            }
            if (spawn(ProcessRole::control, *next)) {
                return;
            }
        }
    }
    switch (state) {
        case SubState::condition:
            if (result == UnitResult::success) {
                enter_start_pre();
            } else {
                fail_start(result);
            }
            return;
        case SubState::start_pre:
            if (result == UnitResult::success) {
                enter_start();
            } else {
                fail_start(result);
            }
            return;
        case SubState::start:  // the parent of a forking daemon
            if (result != UnitResult::success) {
                fail_start(result);
            } else if (run_.main.is_there()) {
                enter_start_post();  // it has named itself before its parent ended
            } else if (run_.identifying == Token::none) {
                look_for_main_process();
            }
            return;
        case SubState::start_post:
            if (result == UnitResult::success) {
                enter_running(UnitResult::success);
            } else {
                fail_start(result);
            }
            return;
        case SubState::reload:
            if (run_.reload_result == UnitResult::success) {
                run_.reload_result = result;
            }
            enter_running(UnitResult::success);
            return;
        case SubState::stop:
            enter_signal(SubState::stop_sigterm, result);
            return;
        case SubState::stop_post:
            enter_signal(SubState::final_sigterm, result);
            return;
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
        case SubState::stop_wedged:
            continue_stop(
                UnitResult::success);  // killed on the way down: no failure of the service
            return;
        case SubState::dead:
        case SubState::running:
        case SubState::exited:
        case SubState::failed:
        case SubState::auto_restart:
        case SubState::active:
            return;
    }
}

// ── the main process of a forking service

void Service::on_main_process_found(Token token, Pid pid) {
    run_.identifying = Token::none;
    forget_process(run_.main);
    run_.main = Process{token, pid, 0, true};
    run_.main_known = true;
    run_.main_is_adopted = true;
    run_.main_pid_last = pid;
    run_.main_started_at = machine_.now;
    run_.main_exited_at = Time{};
    run_.main_code = ExitCode::none;
    run_.main_status = 0;
    run_.check_deadline = kNever;
    machine_.touch(unit_);
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::forking &&
        !run_.control.is_there()) {
        enter_start_post();
    }
    machine_.update_deadline(unit_);
}

void Service::on_main_process_not_found(const Error& error) {
    machine_.order(RetireProcess{run_.identifying});
    machine_.processes.retire(run_.identifying);
    run_.identifying = Token::none;
    machine_.touch(unit_);
    if (unit_.sub_state != SubState::start || settings_.type != ServiceType::forking ||
        run_.control.is_there()) {
        machine_.say(Severity::warning, unit_,
                     "the main process it named is not taken: " + to_string(error));
        continue_stop(UnitResult::success);
        return;
    }
    if (settings_.pid_file.empty()) {
        enter_start_post();  // several processes, or none: it is known by its cgroup
    } else if (first_command(settings_, CommandRole::start_post).has_value() && unit_.populated) {
        enter_start_post();
    } else if (!unit_.populated) {
        machine_.say(Severity::error, unit_,
                     "its processes ended and left no PID file: " + to_string(error));
        fail_start(UnitResult::protocol);
    } else {
        run_.check_deadline = after(machine_.now, kPidFileInterval);
        machine_.update_deadline(unit_);
    }
}

// ── the cgroup

void Service::on_cgroup_emptied() {
    if (run_.main.is_there() || run_.control.is_there()) {
        // Either this report is older than the process, or the exit record is held up by a tracer,
        // or there will be none (a process whose parent isn't the launcher). A second look, a while
        // later, tells.
        const SubStateTraits& state = traits(unit_.sub_state);
        if (state.starting || unit_.sub_state == SubState::auto_restart) {
            return;
        }
        if (run_.recheck_until == kNever || machine_.now > run_.recheck_until) {
            if (run_.empty_since == kNever) {
                run_.empty_since = machine_.now;
                run_.check_deadline = after(machine_.now, kExitRecordWait);
                machine_.update_deadline(unit_);
            }
            return;
        }
        run_.recheck_until = kNever;
        machine_.say(Severity::warning, unit_,
                     "its cgroup is empty and an exit status still missing: it stays unknown");
        if (run_.main.is_there()) {
            run_.main_code = ExitCode::unknown;
            run_.main_exited_at = machine_.now;
        }
        forget_process(run_.main);
        forget_process(run_.control);
    }
    unit_.populated = false;
    machine_.touch(unit_);
    if (unit_.sub_state == SubState::start) {
        const bool waits_for_pid_file =
            settings_.type == ServiceType::forking && run_.identifying == Token::none;
        if (waits_for_pid_file || (settings_.type == ServiceType::notify && run_.main_known)) {
            machine_.say(Severity::error, unit_, "all its processes ended before it was started");
            fail_start(UnitResult::protocol);
        }
    } else if (unit_.sub_state == SubState::running) {
        enter_running(UnitResult::success);
    } else if (is_down(unit_.active_state()) && unit_.sub_state != SubState::stop_wedged) {
        machine_.order(ReleaseCgroup{unit_.id});
    } else {
        continue_stop(UnitResult::success);
    }
}

// ── sd_notify

void Service::on_notification(const Notification& message) {
    const SubStateTraits& state = traits(unit_.sub_state);
    if (is_down(state.active) || unit_.sub_state == SubState::auto_restart) {
        return;
    }
    machine_.touch(unit_);
    if (message.status.has_value()) {
        run_.status_text = *message.status;
    }
    if (message.error_number.has_value()) {
        run_.status_error = *message.error_number;
    }
    if (message.main_pid.has_value() && *message.main_pid != run_.main.pid &&
        run_.identifying == Token::none) {
        identify_main_process(IdentifyMainProcess::How::named, *message.main_pid);
    }
    if (message.watchdog_interval.has_value()) {
        run_.watchdog_interval = *message.watchdog_interval;
    }
    if ((message.watchdog || message.watchdog_interval.has_value()) &&
        run_.watchdog_deadline != kNever) {
        run_.watchdog_at = machine_.now;
        restart_watchdog();
    }
    if (message.extend_timeout.has_value() && run_.state_deadline != kNever) {
        const Time until = after(machine_.now, *message.extend_timeout);
        run_.state_deadline = std::max(run_.state_deadline, until);
        if (state.stopping && run_.stop_deadline != kNever) {
            // An ExecStop that asks for more leaves the time after the stop signal as it was.
            const bool is_command =
                unit_.sub_state == SubState::stop || unit_.sub_state == SubState::stop_post;
            const Duration more = is_command ? signal_share(settings_.timeout_stop) : Duration{0};
            run_.stop_deadline = std::max(run_.stop_deadline, after(until, more));
        }
        machine_.update_deadline(unit_);
    }
    if (message.reloading) {
        run_.told_reloading = true;
        if (unit_.sub_state == SubState::running) {
            enter_running(UnitResult::success);
        }
    }
    if (message.ready) {
        run_.told_reloading = false;
        if (settings_.type == ServiceType::notify && unit_.sub_state == SubState::start) {
            enter_start_post();
        } else if (unit_.sub_state == SubState::reload && !run_.control.is_there()) {
            enter_running(UnitResult::success);
        }
    }
    if (message.stopping) {
        run_.told_stopping = true;
        if (unit_.sub_state == SubState::running) {
            enter_running(UnitResult::success);
        }
    }
    if (message.watchdog_trigger && run_.watchdog_deadline != kNever) {
        on_watchdog_deadline();
    }
}

}  // namespace svcd
