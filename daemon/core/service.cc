// The way up of a service.
#include "core/service.h"

#include <algorithm>
#include <utility>

#include "core/types/assert.h"

namespace svcd {
namespace {

/// How long a Type=idle service waits at most for the jobs of others (systemd.service(5), Type=).
constexpr Duration kIdleWait{5'000'000};

}  // namespace

std::optional<std::uint16_t> first_command(const ServiceSettings& settings, CommandRole role) {
    for (std::size_t index = 0; index < settings.commands.size(); ++index) {
        if (settings.commands[index].role == role) {
            return static_cast<std::uint16_t>(index);
        }
    }
    return std::nullopt;
}

std::optional<std::uint16_t> next_command(const ServiceSettings& settings, std::uint16_t command) {
    const std::size_t next = command + std::size_t{1};
    if (next < settings.commands.size() &&
        settings.commands[next].role == settings.commands[command].role) {
        return static_cast<std::uint16_t>(next);
    }
    return std::nullopt;
}

bool can_reload(const Unit& unit) {
    return unit.definition.service != nullptr &&
           (unit.definition.service->type == ServiceType::notify_reload ||
            first_command(*unit.definition.service, CommandRole::reload).has_value());
}

bool lacks_restart(const Unit& unit) {
    return unit.sub_state == SubState::auto_restart && unit.run != nullptr &&
           unit.run->state_deadline == kNever;
}

std::optional<StartOutcome> Service::obstacle() {
    const SubStateTraits& state = traits(unit_.sub_state);
    if (state.starting) {
        return StartOutcome::going;
    }
    if (lacks_restart(unit_) && !restarts_directly()) {
        // A start instead of the restart that was to come: from dead, as any start.
        machine_.job_of(unit_)->state = JobState::waiting;
        leave_auto_restart(true);
        return StartOutcome::later;
    }
    if (state.stopping || (unit_.sub_state == SubState::auto_restart && !lacks_restart(unit_))) {
        return StartOutcome::later;  // once it is down; once RestartSec has passed
    }
    if (unit_.sub_state == SubState::stop_wedged) {
        machine_.say(Severity::error, unit_,
                     "not started: processes of its last run survive SIGKILL");
        return StartOutcome::failed;
    }
    if (waits_for_reaping()) {
        return StartOutcome::later;  // once it is reaped, or has had its time
    }
    const Job* job = machine_.job_of(unit_);
    if (job != nullptr && job->comes_along) {
        return std::nullopt;
    }
    if (is_at_start_limit()) {
        run_.given_up = true;
        machine_.say(Severity::error, unit_,
                     "given up: started " + std::to_string(run_.starts.size()) +
                         " times within StartLimitIntervalSec; 'svctl start " + unit_.name() +
                         "' tries again");
        blame(FailureKind::start_limit);
        enter_dead(UnitResult::start_limit_hit, false);
        machine_.take_emergency_action(unit_.definition.rarely().start_limit_action, unit_, -1,
                                       "hit its start limit");
        return StartOutcome::failed;
    }
    count_start();
    return std::nullopt;
}

/// What was in auto-restart is down; for `a_start`, only to come up again.
void Service::leave_auto_restart(bool a_start) {
    arm(kNever);
    unit_.will_restart = a_start;
    machine_.set_state(unit_, SubState::dead);
    unit_.will_restart = false;
}

StartOutcome Service::start() {
    if (unit_.populated) {
        machine_.say(Severity::notice, unit_,
                     "is started beside processes that its last run left over");
    }
    unit_.result = UnitResult::success;
    run_.reload_result = UnitResult::success;
    run_.failure = {};
    run_.reload_failure = {};
    run_.pid_file_fault.clear();
    run_.refused_ready_from = 0;
    run_.state_extended_to = Time{};
    forget_exec_notes();
    run_.given_up = false;
    run_.main_known = false;
    run_.main_ran = false;
    run_.main_is_adopted = false;
    run_.forbid_restart = false;
    run_.told_reloading = false;
    run_.told_stopping = false;
    run_.named_pid = 0;
    run_.refused_main = {};
    run_.handed_over_result = UnitResult::success;
    run_.bus_name_good = false;
    run_.sigkill_sent = false;
    run_.gave_up_waiting = false;
    run_.may_have_missed_ready = false;
    run_.readiness_unknown = false;
    run_.unreaped_until = Time{};
    run_.unreaped_start_time = 0;
    run_.short_lives = 0;
    run_.status_error = 0;
    run_.status_text.clear();
    run_.log_begin = -1;
    run_.writes_first = Token::none;
    run_.has_begun = false;
    run_.watchdog_interval = settings_.watchdog;
    if (std::exchange(run_.forget_restarts, false)) {
        run_.restarts = 0;
        run_.backoff = 0;
    }
    run_.invocation_id = {machine_.random(), machine_.random()};
    enter_condition();
    return StartOutcome::going;
}

// ── from state to state

void Service::enter_condition() {
    const auto command = first_command(settings_, CommandRole::condition);
    if (!command.has_value()) {
        enter_start_pre();
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        fail_start(UnitResult::resources);
        return;
    }
    arm(after(machine_.now, settings_.timeout_start));
    machine_.set_state(unit_, SubState::condition);
}

void Service::enter_start_pre() {
    const auto command = first_command(settings_, CommandRole::start_pre);
    if (!command.has_value()) {
        enter_start();
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        fail_start(UnitResult::resources);
        return;
    }
    arm(after(machine_.now, settings_.timeout_start));
    machine_.set_state(unit_, SubState::start_pre);
}

void Service::enter_start() {
    const auto command = first_command(settings_, CommandRole::start);
    if (!command.has_value()) {
        enter_start_post();  // a oneshot with nothing but an ExecStop
        return;
    }
    if (settings_.type == ServiceType::dbus) {
        machine_.order(WatchBusName{unit_.id, true});
    }
    const ProcessRole role =
        settings_.type == ServiceType::forking ? ProcessRole::control : ProcessRole::main;
    if (!spawn(role, *command)) {
        fail_start(UnitResult::resources);
        return;
    }
    const Time deadline = after(machine_.now, settings_.timeout_start);
    switch (settings_.type) {
        case ServiceType::idle:
            arm(kNever);
            enter_start_post();
            return;
        case ServiceType::simple:
            if (waits_for_execve()) {
                arm(deadline);
                break;
            }
            // It counts as started, and yet must get as far as execve in this time.
            run_.check_deadline = deadline;
            arm(kNever);
            break;
        case ServiceType::exec:
        case ServiceType::oneshot:
        case ServiceType::forking:
        case ServiceType::notify:
        case ServiceType::notify_reload:
        case ServiceType::dbus:
            arm(deadline);
            break;
    }
    machine_.set_state(unit_, SubState::start);
}

void Service::enter_start_post() {
    restart_watchdog();
    const auto command = first_command(settings_, CommandRole::start_post);
    if (!command.has_value()) {
        enter_running(UnitResult::success);
        return;
    }
    if (is_held_by_shutdown()) {
        return;
    }
    if (!spawn(ProcessRole::control, *command)) {
        enter_stop(UnitResult::resources);
        return;
    }
    arm(after(machine_.now, settings_.timeout_start));
    machine_.set_state(unit_, SubState::start_post);
}

void Service::enter_running(UnitResult result) {
    note_result(result);
    if (unit_.result != UnitResult::success) {
        enter_signal(SubState::stop_sigterm, result);
    } else if (!is_alive()) {
        if (settings_.remain_after_exit) {
            run_.watchdog_deadline = kNever;
            arm(kNever);
            machine_.set_state(unit_, SubState::exited);
        } else {
            enter_stop(UnitResult::success);
        }
    } else if (run_.told_reloading) {
        enter_reload_by_notify();
    } else if (run_.told_stopping && !run_.main.is_held) {
        enter_stop_by_notify();
    } else {
        const Time since = is_up(unit_.active_state()) ? unit_.active_enter_at : machine_.now;
        arm(after(since, settings_.runtime_max));
        machine_.set_state(unit_, SubState::running);
    }
}

// ── processes

bool Service::spawn(ProcessRole role, std::uint16_t command) {
    const Token token = machine_.processes.allocate(ProcessOwner{unit_.id, role});
    if (token == Token::none) {
        machine_.say(Severity::error, unit_,
                     "no process started: " + std::to_string(kProcessesMax) + " are there already");
        return false;
    }
    machine_.effects->supervisor_dirty = true;
    Process& process = role == ProcessRole::main ? run_.main : run_.control;
    SVCD_ASSERT(!process.is_there());
    process = Process{};
    process.token = token;
    process.command = command;
    run_.empty_since = kNever;
    machine_.touch(unit_);
    if (role == ProcessRole::main) {
        run_.main_known = true;
        run_.main_ran = false;
        run_.main_is_adopted = false;
        run_.main_has_moved = false;
        run_.main_started_at = machine_.now;
        run_.main_exited_at = Time{};
        run_.main_code = ExitCode::none;
        run_.main_status = 0;
        if (settings_.type == ServiceType::idle) {
            process.is_held = true;
            run_.idle_until = after(machine_.now, kIdleWait);
            hold_until_idle();
            return true;
        }
    }
    order_spawn(role);
    return true;
}

void Service::order_spawn(ProcessRole role) {
    const Process& process = role == ProcessRole::main ? run_.main : run_.control;
    unit_.populated = true;
    if (!std::exchange(run_.has_begun, true)) {
        run_.writes_first = process.token;
    }
    const bool report = role == ProcessRole::main && waits_for_execve();
    machine_.order(SpawnProcess{process.token, unit_.id, role, process.command, report});
}

void Service::hold_until_idle() {
    // Of a record that has none it begins anew.
    const Time most = after(machine_.now, kIdleWait);
    run_.idle_until = run_.idle_until == Time{} ? most : std::min(run_.idle_until, most);
    run_.check_deadline = run_.idle_until;
    machine_.held_until_idle.insert(unit_.id);
    machine_.update_deadline(unit_);
}

void Service::release_held() {
    if (machine_.shutting_down) {
        return;  // it waits for its stop job
    }
    const auto command = first_command(settings_, CommandRole::start);
    if (!command.has_value()) {
        on_spawn_failed(ProcessRole::main,
                        Error{0, "start", unit_.name(), "its commands have changed"});
        return;
    }
    run_.main.command = *command;
    run_.main.is_held = false;
    machine_.held_until_idle.erase(unit_.id);
    run_.main_started_at = machine_.now;
    run_.check_deadline = after(machine_.now, settings_.timeout_start);
    machine_.touch(unit_);
    restart_watchdog();
    order_spawn(ProcessRole::main);
}

/// What was to be started once nothing else is done, and is to be stopped now: it never was.
void Service::drop_held() {
    if (run_.main.is_held) {
        forget_process(run_.main);
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
}

const Command* Service::command_at(std::uint16_t index) const {
    // A reload may have taken commands away while one of them ran.
    return index < settings_.commands.size() ? &settings_.commands[index] : nullptr;
}

void Service::forget_process(Process& process) {
    if (!process.is_there()) {
        return;
    }
    if (process.is_held) {
        machine_.held_until_idle.erase(unit_.id);
    }
    if (!process.is_held) {  // else it was never ordered, and has no slot
        machine_.order(RetireProcess{process.token});
    }
    machine_.processes.retire(process.token);
    process = Process{};
    machine_.touch(unit_);
    if (run_.empty_since != kNever && !run_.main.is_there() && !run_.control.is_there()) {
        run_.empty_since = kNever;  // no exit record is missing any more
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
    }
}

bool Service::waits_for_cgroup() const {
    return !run_.gave_up_waiting && (settings_.kill_mode == KillMode::control_group ||
                                     settings_.kill_mode == KillMode::mixed);
}

bool Service::has_processes() const {
    return run_.main.is_there() || run_.control.is_there() ||
           (waits_for_cgroup() && unit_.populated);
}

/// ExitType=cgroup: the service goes on for as long as any of its processes does.
bool Service::lives_by_cgroup() const {
    return settings_.exit_type == ExitType::cgroup && unit_.populated;
}

/// systemd's service_good(): by the bus name of a Type=dbus, by the main process where it is known,
/// else by there being any.
bool Service::is_alive() const {
    if (settings_.type == ServiceType::dbus && !run_.bus_name_good) {
        return false;
    }
    if (run_.main.is_there() || run_.identifying != Token::none) {
        return true;  // also when it has named one that is still looked at
    }
    return run_.main_known && settings_.exit_type == ExitType::main ? false : unit_.populated;
}

/// On its way up when the shutdown came: it goes no further, and waits where it is for its stop
/// job.
bool Service::is_held_by_shutdown() {
    if (!machine_.shutting_down || !traits(unit_.sub_state).starting) {
        return false;
    }
    arm(kNever);
    return true;
}

void Service::arm(Time deadline) {
    // Never due in the step that sets it: what the step orders is carried out first.
    run_.state_deadline = std::max(deadline, machine_.now + Duration{1});
    machine_.touch(unit_);
    machine_.update_deadline(unit_);
}

void Service::restart_watchdog() {
    const bool counts = run_.watchdog_interval > Duration{0} && !run_.main.is_held;
    run_.watchdog_deadline = counts ? after(machine_.now, run_.watchdog_interval) : kNever;
    machine_.update_deadline(unit_);
}

}  // namespace svcd
