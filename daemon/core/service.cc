#include "core/service.h"

#include <algorithm>
#include <utility>

#include "core/types/assert.h"

namespace svcd {
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

// ── for jobs

StartOutcome start_unit(Machine& machine, Unit& unit) {
    if (is_up(unit.active_state())) {
        return StartOutcome::already;
    }
    if (unit.load_state != LoadState::loaded) {
        machine.say(Severity::error, unit,
                    "can't be started: its unit file is " + std::string(name_of(unit.load_state)));
        return StartOutcome::invalid;
    }
    for (const auto edge : machine.graph.related(unit.id, Relation::binds_to)) {
        const Unit& other = machine.unit(edge.unit());
        const auto earlier = machine.graph.related(unit.id, Relation::after);
        const bool is_after =
            std::any_of(earlier.begin(), earlier.end(),
                        [&](const auto& candidate) { return candidate.unit() == edge.unit(); });
        if (is_after && !is_up(other.active_state())) {
            machine.say(Severity::warning, unit,
                        "not started: it is bound to " + other.name() + ", which is not active");
            return StartOutcome::dependency;
        }
    }
    if (unit.type == UnitType::target) {
        machine.set_state(unit, SubState::active);
        return StartOutcome::going;
    }
    if (unit.run == nullptr) {
        unit.run = std::make_unique<ServiceRun>();
    }
    return Service{machine, unit}.start();
}

StartOutcome stop_unit(Machine& machine, Unit& unit) {
    if (is_down(unit.active_state())) {
        return StartOutcome::already;
    }
    if (unit.type == UnitType::target) {
        machine.set_state(unit, SubState::dead);
        return StartOutcome::going;
    }
    return Service{machine, unit}.stop();
}

StartOutcome reload_unit(Machine& machine, Unit& unit) {
    if (unit.sub_state == SubState::reload || unit.active_state() == ActiveState::activating) {
        return StartOutcome::later;
    }
    if (unit.active_state() != ActiveState::active || unit.type != UnitType::service) {
        return StartOutcome::invalid;
    }
    return Service{machine, unit}.reload();
}

StartOutcome Service::start() {
    const SubStateTraits& state = traits(unit_.sub_state);
    if (state.starting) {
        return StartOutcome::going;
    }
    if (state.stopping ||
        (unit_.sub_state == SubState::auto_restart && run_.state_deadline != kNever)) {
        return StartOutcome::later;  // once it is down; once RestartSec has passed
    }
    if (unit_.sub_state == SubState::stop_wedged) {
        machine_.say(Severity::error, unit_,
                     "not started: processes of its last run survive SIGKILL");
        return StartOutcome::failed;
    }
    if (unit_.populated) {
        machine_.say(Severity::notice, unit_,
                     "is started beside processes that its last run left over");
    }
    if (start_limit_hit()) {
        machine_.say(Severity::error, unit_,
                     "not started: started " + std::to_string(run_.starts.size()) +
                         " times within StartLimitIntervalSec; `svctl reset-failed` or a start by "
                         "hand clears it");
        enter_dead(UnitResult::start_limit_hit, false);
        return StartOutcome::failed;
    }
    unit_.result = UnitResult::success;
    run_.reload_result = UnitResult::success;
    run_.main_known = false;
    run_.main_is_adopted = false;
    run_.forbid_restart = false;
    run_.told_reloading = false;
    run_.told_stopping = false;
    run_.sigkill_sent = false;
    run_.status_error = 0;
    run_.status_text.clear();
    run_.watchdog_interval = settings_.watchdog;
    if (std::exchange(run_.forget_restarts, false)) {
        run_.restarts = 0;
    }
    run_.invocation_id = {machine_.random(), machine_.random()};
    enter_condition();
    return StartOutcome::going;
}

StartOutcome Service::stop() {
    run_.forbid_restart = true;
    machine_.touch(unit_);
    if (traits(unit_.sub_state).stopping) {
        return StartOutcome::going;
    }
    if (unit_.sub_state == SubState::auto_restart) {
        const Job* job = machine_.job_of(unit_);
        if (job == nullptr || job->type == JobType::stop) {
            run_.forget_restarts = true;
            machine_.order(ReleaseCgroup{unit_.id});
        }
        arm(kNever);
        machine_.set_state(unit_, SubState::dead);
        return StartOutcome::going;
    }
    if (unit_.sub_state == SubState::running || unit_.sub_state == SubState::exited) {
        enter_stop(UnitResult::success);
    } else {
        enter_signal(SubState::stop_sigterm,
                     UnitResult::success);  // not started yet, so no ExecStop
    }
    return StartOutcome::going;
}

StartOutcome Service::reload() {
    enter_reload();
    return StartOutcome::going;
}

// ── the way up

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
    const ProcessRole role =
        settings_.type == ServiceType::forking ? ProcessRole::control : ProcessRole::main;
    if (!spawn(role, *command)) {
        fail_start(UnitResult::resources);
        return;
    }
    const Time deadline = after(machine_.now, settings_.timeout_start);
    if (settings_.type == ServiceType::simple) {
        run_.check_deadline =
            deadline;  // it counts as started, and yet must get as far as execve in this time
        arm(kNever);
    } else {
        arm(deadline);
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
        arm(after(machine_.now, settings_.timeout_start));
        machine_.set_state(unit_, SubState::reload);
    } else if (run_.told_stopping) {
        begin_stop_clock();
        arm(run_.stop_deadline);
        machine_.set_state(unit_,
                           SubState::stop_sigterm);  // as good as if the stop signal had been sent
    } else {
        arm(kNever);
        machine_.set_state(unit_, SubState::running);
    }
}

void Service::enter_reload() {
    run_.reload_result = UnitResult::success;
    const auto command = first_command(settings_, CommandRole::reload);
    if (!command.has_value() || !spawn(ProcessRole::control, *command)) {
        run_.reload_result = UnitResult::resources;
        enter_running(UnitResult::success);
        return;
    }
    arm(after(machine_.now, settings_.timeout_start));
    machine_.set_state(unit_, SubState::reload);
}

/// Of a forking service, once its parent process has ended.
void Service::look_for_main_process() {
    identify_main_process(settings_.pid_file.empty() ? IdentifyMainProcess::How::guess
                                                     : IdentifyMainProcess::How::pid_file,
                          0);
}

void Service::identify_main_process(IdentifyMainProcess::How how, Pid pid) {
    const Token token = machine_.processes.allocate(ProcessOwner{unit_.id, ProcessRole::main});
    if (token == Token::none) {
        return;
    }
    machine_.effects->supervisor_dirty = true;
    run_.identifying = token;
    machine_.order(IdentifyMainProcess{token, unit_.id, how, pid});
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
    process = Process{token, 0, command, false};
    run_.empty_since = kNever;
    unit_.populated = true;
    if (role == ProcessRole::main) {
        run_.main_known = true;
        run_.main_is_adopted = false;
        run_.main_started_at = machine_.now;
        run_.main_exited_at = Time{};
        run_.main_code = ExitCode::none;
        run_.main_status = 0;
    }
    machine_.touch(unit_);
    const bool report = role == ProcessRole::main && settings_.type == ServiceType::exec;
    machine_.order(SpawnProcess{token, unit_.id, role, command, report});
    return true;
}

const Command* Service::command_at(std::uint16_t index) const {
    // A reload may have taken commands away while one of them ran.
    return index < settings_.commands.size() ? &settings_.commands[index] : nullptr;
}

void Service::forget_process(Process& process) {
    if (!process.is_there()) {
        return;
    }
    machine_.order(RetireProcess{process.token});
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
    return settings_.send_sigkill && (settings_.kill_mode == KillMode::control_group ||
                                      settings_.kill_mode == KillMode::mixed);
}

bool Service::has_processes() const {
    return run_.main.is_there() || run_.control.is_there() ||
           (waits_for_cgroup() && unit_.populated);
}

/// systemd's service_good(): by the main process where it is known, else by there being any.
bool Service::is_alive() const {
    return run_.main_known ? run_.main.is_there() : unit_.populated;
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

/// On its way up when the shutdown came: it goes no further, and waits where it is for its stop
/// job.
bool Service::is_held_by_shutdown() {
    if (!machine_.shutting_down || !traits(unit_.sub_state).starting) {
        return false;
    }
    arm(kNever);
    return true;
}

// ── results

void Service::note_result(UnitResult result) {
    if (unit_.result == UnitResult::success && result != UnitResult::success) {
        unit_.result = result;
        machine_.touch(unit_);
    }
}

bool Service::shall_restart() const {
    if (run_.forbid_restart || machine_.shutting_down) {
        return false;
    }
    const UnitResult result = unit_.result;
    const bool is_failure = result != UnitResult::success && result != UnitResult::exec_condition;
    switch (settings_.restart) {
        case RestartPolicy::no:
            return false;
        case RestartPolicy::always:
            return result != UnitResult::exec_condition;
        case RestartPolicy::on_success:
            return result == UnitResult::success;
        case RestartPolicy::on_failure:
            return is_failure;
        case RestartPolicy::on_abnormal:
            return is_failure && result != UnitResult::exit_code;
        case RestartPolicy::on_abort:
            return result == UnitResult::signal || result == UnitResult::core_dump;
        case RestartPolicy::on_watchdog:
            return result == UnitResult::watchdog;
    }
    return false;
}

bool Service::start_limit_hit() {
    const Duration interval = unit_.definition.start_limit_interval;
    const std::size_t burst = unit_.definition.start_limit_burst;
    if (interval <= Duration{0} || burst == 0) {
        return false;
    }
    std::erase_if(run_.starts, [&](Time start) { return after(start, interval) <= machine_.now; });
    if (run_.starts.size() >= burst) {
        return true;
    }
    run_.starts.push_back(machine_.now);
    return false;
}

void Service::arm(Time deadline) {
    // Never due in the step that sets it: what the step orders is carried out first.
    run_.state_deadline = std::max(deadline, machine_.now + Duration{1});
    machine_.update_deadline(unit_);
}

void Service::restart_watchdog() {
    run_.watchdog_deadline =
        run_.watchdog_interval > Duration{0} ? after(machine_.now, run_.watchdog_interval) : kNever;
    machine_.update_deadline(unit_);
}

}  // namespace svcd
