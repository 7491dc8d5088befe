// Reloads: one that a job asks for (ExecReload, and the signal of Type=notify-reload), and one that
// the service tells of by RELOADING=1 (systemd.service(5), sd_notify(3)).
#include <algorithm>
#include <csignal>

#include "core/reload_signal.h"
#include "core/service.h"

namespace svcd {
namespace {

/// A program that has just begun has perhaps not said yet which signals it takes.
constexpr Duration kSettlesIn{1'000'000};
/// A main process that ends within this time after the signal of a reload has ended of it. A shell
/// runs its trap when the command that it waits for is done, so not at once.
constexpr Duration kActsOnSignalWithin{250'000};

}  // namespace

/// Rule of ours: a reload by a signal that the program has no use for would end it.
std::optional<Refusal> Machine::refusal_to_reload(const Unit& unit,
                                                  JobType type,
                                                  const JobRequested& event) const {
    const bool reloads = type == JobType::reload || type == JobType::reload_or_start;
    const ServiceRun* run = unit.run.get();
    const auto takes = std::find_if(event.main_takes.begin(), event.main_takes.end(),
                                    [&](const MainTakes& each) { return each.unit == unit.id; });
    if (!reloads || event.force || takes == event.main_takes.end() || run == nullptr ||
        !run->main.is_there() || unit.definition.service == nullptr ||
        unit.sub_state != SubState::running || after(run->main_started_at, kSettlesIn) > now) {
        return std::nullopt;
    }
    const int signal = reload_signal_of(*unit.definition.service);
    if (!ends_a_process(signal) ||
        (takes->signals & (std::uint64_t{1} << static_cast<unsigned>(signal - 1))) != 0) {
        return std::nullopt;
    }
    return Refusal{RefusalKind::reload_would_end,
                   unit.name() + " is not reloaded: that would send " + signal_text(signal) +
                       ", which its main process (PID " + std::to_string(run->main.pid) +
                       ") neither catches, blocks nor ignores, so it would end of it; restart it "
                       "instead, or take the signal out of its unit file ('svctl reload --force' "
                       "sends it all the same)"};
}

bool Service::reloads_by_signal() const {
    return settings_.type == ServiceType::notify_reload && run_.main.pid != 0 &&
           unit_.sub_state == SubState::running;
}

StartOutcome Service::reload() {
    const bool has_command = first_command(settings_, CommandRole::reload).has_value();
    if (!has_command && !reloads_by_signal()) {
        return StartOutcome::failed;  // nobody could be asked
    }
    enter_reload();
    return StartOutcome::going;
}

void Service::enter_reload() {
    run_.reload_result = UnitResult::success;
    run_.reload_failure = {};
    if (run_.exec_notes != nullptr && run_.exec_notes->error.role == CommandRole::reload) {
        run_.exec_notes->error = {};
    }
    run_.told_reloading = false;
    const bool signals = reloads_by_signal();
    const auto command = first_command(settings_, CommandRole::reload);
    if (signals) {
        send_reload_signal();
    }
    if (command.has_value()) {
        if (!spawn(ProcessRole::control, *command)) {
            finish_reload(UnitResult::resources);
            return;
        }
        arm(after(machine_.now, settings_.timeout_start));
        machine_.set_state(unit_, SubState::reload);
    } else if (signals) {
        arm(after(machine_.now, settings_.timeout_start));
        machine_.set_state(unit_, SubState::reload_signal);
    } else {
        finish_reload(UnitResult::resources);
    }
}

void Service::send_reload_signal() {
    run_.reload_began_at = machine_.now;
    SignalUnit order;
    order.unit = unit_.id;
    order.scope = SignalScope::main;
    order.main = run_.main.token;
    order.signal = settings_.reload_signal;
    order.cause = SignalCause::reload;
    order.then_continue = true;
    machine_.order(order);
}

void Service::enter_reload_by_notify() {
    arm(after(machine_.now, settings_.timeout_start));
    machine_.set_state(unit_, settings_.type == ServiceType::notify_reload ? SubState::reload_notify
                                                                           : SubState::reload);
    machine_.propagate_reload(unit_);
}

/// The control process is done, or could not be started: the service itself may still be at it.
void Service::finish_reload(UnitResult result) {
    note_reload_result(result);
    if (waits_for_effect_of_reload()) {
        arm(after(machine_.now, kActsOnSignalWithin));
        return;
    }
    complete_reload(result);
}

/// Rule of ours: `kill` ends before the signal has had its effect, and the service may end of it.
bool Service::waits_for_effect_of_reload() const {
    return run_.reload_result == UnitResult::success && run_.main.is_there() &&
           unit_.sub_state == SubState::reload && !run_.told_reloading && !run_.told_stopping &&
           settings_.type != ServiceType::notify_reload && signals_at_reload(settings_);
}

/// ExecReload has ended well, and the service neither has ended nor has anything else to tell.
bool Service::has_effect_of_reload_to_come() const {
    return unit_.sub_state == SubState::reload && run_.reload_result == UnitResult::success &&
           !run_.control.is_there() && !run_.told_reloading &&
           (run_.main.is_there() || run_.identifying == Token::none);
}

void Service::complete_reload(UnitResult result) {
    if (looks_for_successor()) {
        return;
    }
    const bool is_asked_for = unit_.sub_state == SubState::reload &&
                              settings_.type == ServiceType::notify_reload &&
                              result == UnitResult::success;
    if (is_asked_for && run_.reload_began_at != Time{} && run_.main.is_there()) {
        // ExecReload has ended; the signal that was sent with it has not been answered yet.
        machine_.set_state(unit_,
                           run_.told_reloading ? SubState::reload_notify : SubState::reload_signal);
        return;
    }
    run_.reload_began_at = Time{};
    const UnitResult last = result_of_last_main();
    if (last != UnitResult::success) {  // and not ExecReload, which has ended last
        blame(FailureKind::main_ended);
        failure_.code = run_.main_code;
        failure_.status = run_.main_status;
    }
    enter_running(last);
}

void Service::note_reload_result(UnitResult result) {
    if (run_.reload_result == UnitResult::success && result != UnitResult::success) {
        run_.reload_result = result;
        run_.reload_failure = failure_;
    }
}

void Service::kill_control(SignalCause cause) {
    SignalUnit order;
    order.unit = unit_.id;
    order.scope = SignalScope::control;
    order.control = run_.control.token;
    order.signal = SIGKILL;
    order.cause = cause;
    machine_.order(order);
}

void Service::on_reload_deadline() {
    if (has_effect_of_reload_to_come()) {
        complete_reload(UnitResult::success);
        return;
    }
    run_.told_reloading = false;
    run_.reload_began_at = Time{};
    if (run_.reload_result == UnitResult::success && run_.control.is_there()) {
        blame(FailureKind::command_timeout);
        failure_.limit = settings_.timeout_start;
        failure_.command = run_.control.command;
        machine_.say(Severity::warning, unit_, "ExecReload timed out: it is killed");
        note_reload_result(UnitResult::timeout);
        kill_control(SignalCause::kill_control);
        arm(after(machine_.now, machine_.options.kill_grace));
        return;
    }
    blame(FailureKind::reload_timeout);
    failure_.limit = settings_.timeout_start;
    machine_.say(Severity::warning, unit_, "reload timed out");
    note_reload_result(UnitResult::timeout);
    forget_process(run_.control);
    enter_running(result_of_last_main());
}

}  // namespace svcd
