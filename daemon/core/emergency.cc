// FailureAction, SuccessAction, StartLimitAction, JobTimeoutAction (systemd.unit(5)): a unit that
// takes the whole of svcd with it.
#include <cerrno>
#include <csignal>
#include <iterator>

#include "core/machine.h"

namespace svcd {
namespace {

struct EmergencyTraits {
    EmergencyAction action;
    ShutdownKind kind;
    bool force;  ///< nothing is stopped in order: it is killed
};

// clang-format off
constexpr EmergencyTraits kEmergencies[] = {
    {EmergencyAction::none,               ShutdownKind::exit,     false},
    {EmergencyAction::exit,               ShutdownKind::exit,     false},
    {EmergencyAction::exit_force,         ShutdownKind::exit,     true},
    {EmergencyAction::reboot,             ShutdownKind::reboot,   false},
    {EmergencyAction::reboot_force,       ShutdownKind::reboot,   true},
    {EmergencyAction::reboot_immediate,   ShutdownKind::reboot,   true},
    {EmergencyAction::poweroff,           ShutdownKind::poweroff, false},
    {EmergencyAction::poweroff_force,     ShutdownKind::poweroff, true},
    {EmergencyAction::poweroff_immediate, ShutdownKind::poweroff, true},
};
// clang-format on

/// What svcd exits with for a main process that did not exit but was killed, as systemd does; in a
/// container kSignalStatus and the number of the signal.
constexpr std::int32_t kKilledStatus = 255;

/// A shell's statuses for a program that is not there, and one that can't be executed.
constexpr std::int32_t kNotFoundStatus = 127;
constexpr std::int32_t kNotExecutableStatus = 126;

std::int32_t status_of_main(const ServiceRun& run,
                            const SupervisorOptions& options,
                            bool is_command) {
    const ExecError error = run.exec_notes ? run.exec_notes->error : ExecError{};
    const bool has_failed = error.step == ExecStep::exec && error.role == CommandRole::start;
    switch (run.main_code) {
        case ExitCode::exited:
            return !is_command || !has_failed ? run.main_status
                   : error.error_number == ENOENT || error.error_number == ENOTDIR
                       ? kNotFoundStatus
                       : kNotExecutableStatus;
        case ExitCode::killed:
        case ExitCode::dumped:
            return options.counts_as_shell ? kSignalStatus + run.main_status : kKilledStatus;
        case ExitCode::none:
        case ExitCode::unknown:
            return -1;
    }
    return -1;
}

constexpr bool emergencies_follow_enum_order() {
    for (std::size_t i = 0; i < std::size(kEmergencies); ++i) {
        if (static_cast<std::size_t>(kEmergencies[i].action) != i) {
            return false;
        }
    }
    return true;
}
static_assert(emergencies_follow_enum_order());

}  // namespace

void Machine::take_emergency_action(EmergencyAction action,
                                    const Unit& unit,
                                    int status,
                                    const std::string& why) {
    if (action == EmergencyAction::none || has_exited) {
        return;
    }
    const EmergencyTraits& traits = kEmergencies[static_cast<std::size_t>(action)];
    const bool is_command = unit.name() == options.command_unit;
    say(is_command ? Severity::debug : Severity::error, unit,
        why + ": svcd goes down (" + std::string(name_of(action)) + ")");
    if (traits.kind == ShutdownKind::exit && status >= 0) {
        exit_status = status;
    }
    effects->supervisor_dirty = true;
    if (!traits.force) {
        ShutdownRequested shutdown;
        shutdown.kind = traits.kind;
        shutdown.is_quiet = is_command;
        shutdown.requester.reason = unit.name() + " " + why;
        request_shutdown(shutdown);
        return;
    }
    shutting_down = true;
    shutdown_kind = traits.kind;
    for (const auto& each : units) {
        if (each->populated) {
            SignalUnit kill;
            kill.unit = each->id;
            kill.signal = SIGKILL;
            kill.cause = SignalCause::emergency;
            order(kill);
        }
    }
    while (!jobs.empty()) {
        finish(jobs.begin()->first, JobResult::canceled, false);
    }
    has_exited = true;
    exit_status = exit_status >= 0 ? exit_status : 1;
    order(Exit{shutdown_kind, exit_status, true});
}

/// FailureAction and SuccessAction.
void Machine::act_on_end(const Unit& unit, ActiveState old_state) {
    const RareUnitSettings& settings = unit.definition.rarely();
    const auto status_or_main = [&](std::int32_t chosen) {
        if (chosen >= 0 || unit.run == nullptr) {
            return chosen;
        }
        return status_of_main(*unit.run, options, unit.name() == options.command_unit);
    };
    if (unit.will_restart) {
        return;
    }
    if (unit.active_state() == ActiveState::failed && old_state != ActiveState::failed) {
        take_emergency_action(settings.failure_action, unit,
                              status_or_main(settings.failure_action_exit_status), "has failed");
    } else if (has_succeeded(unit, old_state)) {
        take_emergency_action(settings.success_action, unit,
                              status_or_main(settings.success_action_exit_status), "has ended");
    }
}

}  // namespace svcd
