#include "manager/unit_lines.h"

#include "core/service.h"
#include "core/sub_state.h"

namespace svcd {
namespace {

/// The transition with which a failure of the unit shows: the first of its way down, or, where it
/// failed on that way only, the last.
bool shows_failure(const Transition& transition, const UnitStatus& status) {
    const SubStateTraits& from = traits(transition.from);
    const SubStateTraits& to = traits(transition.to);
    if (!is_failure(transition.result) || transition.from == SubState::auto_restart) {
        return false;
    }
    const bool was_up = is_up_or_starting(from.active);
    const bool is_end =
        transition.to == SubState::failed || transition.to == SubState::auto_restart;
    return was_up ? to.stopping || is_end
                  : from.stopping && is_end && traits(status.failure.during).stopping;
}

/// The supervisor says these itself when they happen, with all that is known of them.
bool is_said_already(FailureKind kind) {
    switch (kind) {
        case FailureKind::not_executed:
        case FailureKind::reload_timeout:
        case FailureKind::stop_timeout:
        case FailureKind::runtime_max:
        case FailureKind::watchdog:
        case FailureKind::watchdog_never:
        case FailureKind::watchdog_trigger:
        case FailureKind::not_ready:
        case FailureKind::no_pid_file:
        case FailureKind::oom_kill:
        case FailureKind::start_limit:
        case FailureKind::ended_before_ready:
            return true;
        case FailureKind::none:
        case FailureKind::main_ended:
        case FailureKind::command_failed:
        case FailureKind::start_timeout:
        case FailureKind::ready_refused:
        case FailureKind::command_timeout:
        case FailureKind::ready_missing:
        case FailureKind::pid_file_wrong:
            return false;
    }
    return false;
}

/// "its main process (PID 815, /usr/bin/web) exited with status 1"; "" where none has ended.
std::string main_in_words(const Transition& transition, const UnitDefinition* definition) {
    if (transition.main_code == ExitCode::none) {
        return {};
    }
    const auto command = definition == nullptr || definition->service == nullptr
                             ? std::nullopt
                             : first_command(*definition->service, CommandRole::start);
    const std::string path =
        command ? ", " + definition->service->commands[*command].path : std::string{};
    return "its main process (PID " + std::to_string(transition.main_pid) + path + ") " +
           end_in_words(transition.main_code, transition.main_status);
}

std::string failure_line(const Transition& transition,
                         const UnitStatus& status,
                         const UnitDefinition* definition) {
    const std::string why =
        status.failure_text.empty() ? main_in_words(transition, definition) : status.failure_text;
    return "failed (" + std::string{name_of(transition.result)} + ")" +
           (why.empty() ? "" : ": " + why);
}

/// A command of its reload has failed, and the service goes on. A reload whose time was over is the
/// supervisor's to say.
bool has_failed_reload(const Transition& transition, const UnitStatus& status) {
    return traits(transition.from).active == ActiveState::reloading &&
           transition.to == SubState::running &&
           status.reload_failure.kind == FailureKind::command_failed;
}

std::string restart_line(const Transition& transition,
                         const UnitStatus& status,
                         const UnitDefinition* definition,
                         Time now) {
    // A failure has had its own line.
    const std::string end =
        is_failure(transition.result) ? std::string{} : main_in_words(transition, definition);
    const Duration delay = status.next_start > now && status.next_start != kNever
                               ? status.next_start - now
                               : Duration{0};
    // Of a life that was longer than the interval none of the starts counts any more.
    const bool may_be_given_up = status.start_limit_burst > 0 &&
                                 status.starts_counted >= status.start_limit_burst &&
                                 now - status.inactive_exit_at < status.start_limit_interval;
    return (end.empty() ? "" : end + "; ") + std::string{"restarts in "} + seconds_of(delay) +
           ", restart " + std::to_string(status.restarts + 1) + " (" +
           std::string{name_of(status.restart_rule)} + ")" +
           (may_be_given_up
                ? ", unless StartLimitBurst (" + std::to_string(status.start_limit_burst) +
                      " starts in " + seconds_of(status.start_limit_interval) + ") forbids it"
                : std::string{});
}

}  // namespace

std::vector<UnitLine> lines_of_step(const Effects& effects,
                                    const Supervisor& supervisor,
                                    Time now) {
    std::vector<UnitLine> lines;
    for (const Transition& transition : effects.transitions) {
        const bool restarts = transition.to == SubState::auto_restart;
        const bool may_tell = restarts || is_failure(transition.result) ||
                              traits(transition.from).active == ActiveState::reloading;
        if (!may_tell || !supervisor.is_known(transition.unit)) {
            continue;
        }
        const UnitStatus status = supervisor.status(transition.unit);
        const UnitDefinition* definition = supervisor.definition(transition.unit);
        if (shows_failure(transition, status) && !is_said_already(status.failure.kind)) {
            lines.push_back(
                {Severity::error, transition.unit, failure_line(transition, status, definition)});
        }
        if (has_failed_reload(transition, status)) {
            lines.push_back(
                {Severity::error, transition.unit, "reload failed: " + status.reload_failure_text});
        }
        // One that has been left in the same step was no wait.
        if (restarts && status.sub_state == SubState::auto_restart) {
            lines.push_back({Severity::notice, transition.unit,
                             restart_line(transition, status, definition, now)});
        }
    }
    return lines;
}

}  // namespace svcd
