// What happens to a service's processes, and what the state machine makes of it.
#include "core/service.h"

namespace svcd {
namespace {

/// How long an exit record may be missing once the cgroup is empty (a tracer holds the zombie).
constexpr Duration kExitRecordWait{1'000'000};

}  // namespace

void Service::on_spawned(Process& process, Pid pid) {
    process.pid = pid;
    machine_.touch(unit_);
    if (&process != &run_.main) {
        return;
    }
    run_.main_pid_last = pid;
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::simple &&
        !waits_for_execve()) {
        enter_start_post();
    }
}

void Service::on_spawn_failed(ProcessRole role, const Error& error) {
    Process& process = role == ProcessRole::main ? run_.main : run_.control;
    machine_.say(Severity::error, unit_, "can't start a process: " + to_string(error));
    note_spawn_error(process, error);
    blame(FailureKind::not_executed);
    forget_process(process);
    machine_.order(CheckCgroup{unit_.id});
    if (role == ProcessRole::control && unit_.sub_state == SubState::reload) {
        finish_reload(UnitResult::resources);
        return;
    }
    if (role == ProcessRole::control && unit_.sub_state == SubState::pre_stop) {
        return;  // an ExecReload that a stop has overtaken
    }
    note_result(UnitResult::resources);
    if (traits(unit_.sub_state).starting) {
        fail_start(UnitResult::resources);
    } else if (is_up(unit_.active_state())) {
        enter_stop(UnitResult::resources);  // Type=idle counted as started before it was
    } else if (unit_.sub_state == SubState::stop) {
        enter_signal(SubState::stop_sigterm, UnitResult::resources);
    } else if (unit_.sub_state == SubState::stop_post) {
        enter_signal(SubState::final_sigterm, UnitResult::resources);
    } else {
        continue_stop(UnitResult::resources);
    }
}

void Service::on_executing(ProcessRole role, const ExecSucceeded& how) {
    (role == ProcessRole::main ? run_.main : run_.control).executing = true;
    note_exec_result(role, how);
    if (role == ProcessRole::control) {
        return;
    }
    run_.main_ran = true;
    machine_.effects->shown.push_back(unit_.id);
    if (!traits(unit_.sub_state).stopping) {
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
    if ((settings_.type == ServiceType::exec || settings_.type == ServiceType::simple) &&
        unit_.sub_state == SubState::start) {
        enter_start_post();
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
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::simple &&
        !was_missing_resources(run_.main)) {
        enter_start_post();  // it was started, however short its life
    }
    on_main_exit(code, status);
}

void Service::on_main_exit(ExitCode code, int status) {
    const bool was_missing = was_missing_resources(run_.main);
    const UnitResult result = was_missing ? UnitResult::resources : result_of_main(code, status);
    blame_exit(run_.main, code, status);
    const std::uint16_t command = run_.main.command;
    const bool was_adopted = run_.main_is_adopted;
    run_.main_code = was_missing ? ExitCode::none : code;
    run_.main_status = was_missing ? 0 : status;
    run_.main_exited_at = machine_.now;
    note_adopted_end();
    forget_process(run_.main);
    if (unit_.sub_state == SubState::start && is_held_by_shutdown()) {
        note_result(result);
        return;
    }
    if (unit_.sub_state == SubState::start && settings_.type == ServiceType::oneshot &&
        result == UnitResult::success && !was_adopted &&
        is_command_of_state(ProcessRole::main, command)) {
        if (const auto next = next_command(settings_, command)) {
            arm(after(machine_.now, settings_.timeout_start));
            if (!spawn(ProcessRole::main, *next)) {
                fail_start(UnitResult::resources);
            }
            return;
        }
    }
    if (hands_over(result) || may_be_succeeded()) {
        if (unit_.sub_state == SubState::reload && !run_.control.is_there()) {
            arm(after(machine_.now, settings_.timeout_start));  // for the successor to be found
        }
        return;
    }
    note_result(result);
    if (lives_by_cgroup() && !traits(unit_.sub_state).stopping) {
        return;  // ExitType=cgroup: others of its processes go on
    }
    switch (unit_.sub_state) {
        case SubState::start:
            on_main_exit_in_start(result);
            return;
        case SubState::running:
            enter_running(result);
            return;
        case SubState::start_post:
        case SubState::reload:
        case SubState::reload_signal:
        case SubState::reload_notify:
            if (!run_.control.is_there() && run_.identifying == Token::none) {
                enter_stop(result);
            }
            return;
        case SubState::pre_stop:
            enter_stop(result);  // there is nothing left that serves
            return;
        case SubState::stop:
        case SubState::stop_post:
            return;  // the control process is waited for
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::final_watchdog:
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

void Service::on_main_exit_in_start(UnitResult result) {
    switch (settings_.type) {
        case ServiceType::oneshot:
            if (result == UnitResult::success) {
                enter_start_post();
            } else {
                fail_start(result);
            }
            return;
        case ServiceType::notify:
        case ServiceType::notify_reload:
            // It ended without ever having said that it is ready; unless another may say it.
            if (result != UnitResult::success) {
                fail_start(result);
            } else if (run_.identifying != Token::none) {
                return;  // it has named another, which is still looked at
            } else if (!settings_.remain_after_exit ||
                       settings_.notify_access_in_force() == NotifyAccess::main) {
                blame(FailureKind::ended_before_ready);
                machine_.say(Severity::error, unit_, describe(failure_, settings_));
                fail_start(UnitResult::protocol);
            }
            return;
        case ServiceType::forking:
            return;  // an adopted process of a daemon that is still setting itself up
        case ServiceType::simple:
        case ServiceType::exec:
        case ServiceType::dbus:
        case ServiceType::idle:
            enter_running(result);
            return;
    }
}

void Service::on_control_exit(ExitCode code, int status) {
    const UnitResult result = was_missing_resources(run_.control) ? UnitResult::resources
                                                                  : result_of_control(code, status);
    const std::uint16_t command = run_.control.command;
    blame_exit(run_.control, code, status);
    forget_process(run_.control);
    const SubState state = unit_.sub_state;
    const bool in_sequence = state == SubState::condition || state == SubState::start_pre ||
                             state == SubState::start_post || state == SubState::reload ||
                             state == SubState::stop || state == SubState::stop_post;
    if (is_held_by_shutdown()) {
        return;
    }
    if (state != SubState::reload && state != SubState::pre_stop) {
        note_result(result);
    }
    const bool is_killed_reload =
        state == SubState::reload && run_.reload_result != UnitResult::success;
    if (result == UnitResult::success && in_sequence && !is_killed_reload &&
        run_next_control(command)) {
        return;
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
        case SubState::start:
            on_parent_exit(result);
            return;
        case SubState::start_post:
            on_start_post_done(result);
            return;
        case SubState::reload:
            finish_reload(result);
            return;
        case SubState::reload_signal:
        case SubState::reload_notify:
        case SubState::pre_stop:
            return;  // an ExecReload that was killed after its time, or that a stop overtook
        case SubState::stop:
            enter_signal(SubState::stop_sigterm, result);
            return;
        case SubState::stop_post:
            enter_signal(SubState::final_sigterm, result);
            return;
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::final_watchdog:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
        case SubState::stop_wedged:
            continue_stop(result);
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

/// The parent of a forking daemon has ended.
void Service::on_parent_exit(UnitResult result) {
    if (settings_.type != ServiceType::forking) {
        return;  // a reload has changed its Type
    }
    if (result != UnitResult::success) {
        fail_start(result);
    } else if (run_.main.is_there()) {
        enter_start_post();  // it has named itself before its parent ended
    } else if (run_.identifying == Token::none) {
        look_for_main_process();
    }
}

void Service::on_start_post_done(UnitResult result) {
    if (result != UnitResult::success) {
        fail_start(result);
    } else if (settings_.type == ServiceType::forking && !run_.main_known &&
               !settings_.pid_file.empty()) {
        look_for_main_process();  // by now there has to be a PID file
    } else {
        enter_running(UnitResult::success);
    }
}

/// The next command of the same setting, if there is one.
bool Service::run_next_control(std::uint16_t command) {
    if (!is_command_of_state(ProcessRole::control, command)) {
        return false;  // the definition has changed while it ran
    }
    const auto next = next_command(settings_, command);
    if (!next.has_value()) {
        return false;
    }
    if (!traits(unit_.sub_state).stopping) {
        arm(after(machine_.now, settings_.timeout_start));
    }
    return spawn(ProcessRole::control, *next);
}

// ── the cgroup

/// The main process lives on in another cgroup: it is the launcher's child all the same, in its
/// slot, so its end will be heard of, and a stop reaches it.
void Service::on_main_moved() {
    if (!run_.main_has_moved) {
        machine_.say(Severity::warning, unit_,
                     "its main process (PID " + std::to_string(run_.main.pid) +
                         ") has been moved to another cgroup: it is followed there, and still "
                         "counts as the unit's");
    }
    run_.main_has_moved = true;
    run_.recheck_until = kNever;
    if (run_.empty_since != kNever) {
        run_.empty_since = kNever;
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
    unit_.populated = run_.control.is_there();
    machine_.touch(unit_);
}

void Service::on_cgroup_emptied(const CgroupEmptied& event) {
    const bool has_main = run_.main.is_there() && !run_.main.is_held;
    if (has_main && run_.main.token == event.moved) {
        on_main_moved();
        return;
    }
    if (has_main || run_.control.is_there()) {
        // Either this report is older than the process, or the exit record is on its way, or held
        // up by a tracer, or there will be none (a process whose parent isn't the launcher). A
        // second look, a while later, tells.
        const SubStateTraits& state = traits(unit_.sub_state);
        if (state.starting || unit_.sub_state == SubState::auto_restart) {
            return;
        }
        const bool is_second_look =
            run_.recheck_until != kNever && machine_.now <= run_.recheck_until;
        if (!is_second_look || event.exit_is_to_come) {
            run_.recheck_until = kNever;
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
        if (has_main) {
            note_result(result_of_main(ExitCode::unknown, 0));
            run_.main_code = ExitCode::unknown;
            run_.main_status = static_cast<std::int32_t>(UnknownEnd::not_told);
            run_.main_exited_at = machine_.now;
            forget_process(run_.main);
        }
        forget_process(run_.control);
    }
    unit_.populated = false;
    machine_.touch(unit_);
    if (run_.main.is_held) {
        return;  // it has not begun yet
    }
    if (unit_.sub_state == SubState::start) {
        const bool waits_for_pid_file =
            settings_.type == ServiceType::forking && run_.identifying == Token::none;
        if (waits_for_pid_file || (is_notify() && run_.main_known)) {
            blame(is_notify() ? FailureKind::ended_before_ready : FailureKind::not_ready);
            machine_.say(Severity::error, unit_, describe(failure_, settings_));
            fail_start(UnitResult::protocol);
        } else if (run_.main_known && settings_.type != ServiceType::forking) {
            // ExitType=cgroup: the last of its processes was what was waited for.
            if (unit_.result == UnitResult::success) {
                enter_start_post();
            } else {
                fail_start(UnitResult::success);
            }
        }
    } else if (unit_.sub_state == SubState::running) {
        enter_running(UnitResult::success);
    } else if (traits(unit_.sub_state).active == ActiveState::reloading) {
        enter_stop(result_of_last_main());
    } else if (is_down(unit_.active_state()) && unit_.sub_state != SubState::stop_wedged) {
        machine_.order(ReleaseCgroup{unit_.id});
    } else {
        continue_stop(UnitResult::success);
    }
}

}  // namespace svcd
