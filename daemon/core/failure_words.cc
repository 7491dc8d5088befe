// The words for what made a unit's Result (types/failure.h).
#include <string>

#include "core/reload_signal.h"
#include "core/service.h"

namespace svcd {
namespace {

/// Of a command line, in a sentence.
constexpr std::size_t kCommandMax = 80;

/// "ExecStartPre (/usr/bin/migrate --all), number 2 of 3,"
std::string command_in_words(std::uint16_t index, const ServiceSettings& settings) {
    if (index >= settings.commands.size()) {
        return "a command that its file has no more";
    }
    const Command& command = settings.commands[index];
    std::string line;
    for (const std::string& word : command.argv) {
        line += (line.empty() ? "" : " ") + word;
    }
    if (line.size() > kCommandMax) {
        line.resize(kCommandMax);
        line += " ...";
    }
    std::size_t count = 0;
    std::size_t number = 0;
    for (std::size_t each = 0; each < settings.commands.size(); ++each) {
        count += settings.commands[each].role == command.role ? 1U : 0U;
        number = each == index ? count : number;
    }
    std::string text = std::string{name_of(command.role)} + " (" + line + ")";
    return count < 2
               ? text
               : text + ", number " + std::to_string(number) + " of " + std::to_string(count) + ",";
}

/// What the program itself had said of what it does.
std::string said_in_words(const UnitFailure& failure) {
    std::string said = failure.said;
    for (char& c : said) {
        const bool is_control = (c >= 0 && c < ' ') || c == '\x7f';
        c = is_control ? '?' : c;  // it goes to logs and terminals
    }
    return said.empty() ? "" : "; its last STATUS= was \"" + said + "\"";
}

/// The time may be the service's own wish (WATCHDOG_USEC, sd_notify(3)).
std::string watchdog_in_words(const UnitFailure& failure, const ServiceSettings& settings) {
    return (failure.limit == settings.watchdog ? "WatchdogSec ("
                                               : "the WATCHDOG_USEC that it set itself (") +
           seconds_of(failure.limit) + ")";
}

std::string stop_limit_in_words(const UnitFailure& failure, const ServiceSettings& settings) {
    const bool aborts = traits(failure.during).asking == Asking::to_abort;
    const Duration usual =
        aborts ? settings.timeout_abort.value_or(settings.timeout_stop) : settings.timeout_stop;
    if (failure.was_extended) {
        return seconds_of(failure.limit) + ", to which its time had been extended";
    }
    return failure.limit < usual
               ? "the " + seconds_of(failure.limit) + " that the shutdown budget left it"
               : std::string{aborts ? "TimeoutAbortSec" : "TimeoutStopSec"} + " (" +
                     seconds_of(failure.limit) + ")";
}

}  // namespace

std::string end_in_words(ExitCode code, int status) {
    if (code == ExitCode::exited) {
        return "exited with status " + std::to_string(status);
    }
    if (code == ExitCode::unknown || code == ExitCode::none) {
        return "ended, with an exit status that nobody knows";
    }
    return (code == ExitCode::dumped ? "ended with a core dump, by " : "was killed by ") +
           signal_text(status);
}

std::string awaited_in_words(const UnitFailure& failure, const ServiceSettings& settings) {
    const std::string more =
        failure.was_extended ? "; it had asked for more time (EXTEND_TIMEOUT_USEC)" : "";
    if (failure.kind == FailureKind::ready_refused) {
        return "READY=1 came from PID " + std::to_string(failure.pid) +
               " and was refused, for NotifyAccess does not allow that process to speak";
    }
    if (failure.command != UnitFailure::kNoCommand) {
        return command_in_words(failure.command, settings) + " has not ended" + more;
    }
    switch (settings.type) {
        case ServiceType::notify:
        case ServiceType::notify_reload:
            return "READY=1 has not come" + more;
        case ServiceType::forking:
            return (failure.detail.empty()
                        ? "it has no main process"
                        : "PIDFile " + settings.pid_file + ": " + failure.detail) +
                   more;
        case ServiceType::dbus:
            return "the bus name " + settings.rarely().bus_name + " has no owner" + more;
        case ServiceType::oneshot:
        case ServiceType::simple:
        case ServiceType::exec:
        case ServiceType::idle:
            return "its process has not got as far as execve" + more;
    }
    return {};
}

std::string describe(const UnitFailure& failure, const ServiceSettings& settings) {
    const std::string limit = seconds_of(failure.limit);
    switch (failure.kind) {
        case FailureKind::none:
        case FailureKind::main_ended:
        case FailureKind::not_executed:
        case FailureKind::start_limit:
            return {};
        case FailureKind::command_failed:
            return command_in_words(failure.command, settings) + " " +
                   end_in_words(failure.code, failure.status);
        case FailureKind::start_timeout:
        case FailureKind::ready_refused:
        case FailureKind::ready_missing:
        case FailureKind::pid_file_wrong:
            return "it did not start within " +
                   (failure.limit == settings.timeout_start ? "TimeoutStartSec (" + limit + ")"
                                                            : limit) +
                   ": " + awaited_in_words(failure, settings) + said_in_words(failure);
        case FailureKind::command_timeout:
            return command_in_words(failure.command, settings) +
                   " had not ended when its share of " +
                   (failure.during == SubState::reload ? "TimeoutStartSec (" + limit + ")"
                                                       : stop_limit_in_words(failure, settings)) +
                   " was over";
        case FailureKind::reload_timeout:
            return "READY=1 had not come within TimeoutStartSec (" + limit + ") of the reload" +
                   said_in_words(failure);
        case FailureKind::stop_timeout:
            return "it did not end within " + stop_limit_in_words(failure, settings);
        case FailureKind::runtime_max:
            return "it ran for RuntimeMaxSec (" + limit + "), and was stopped";
        case FailureKind::watchdog:
            return "it had sent no WATCHDOG=1 for " + watchdog_in_words(failure, settings) +
                   said_in_words(failure);
        case FailureKind::watchdog_never:
            if (failure.pid != 0) {
                return "its WATCHDOG=1 came from PID " + std::to_string(failure.pid) +
                       " and was refused, for NotifyAccess does not allow that process to speak; " +
                       watchdog_in_words(failure, settings) + " was over";
            }
            return "it has never sent WATCHDOG=1 since it was started, and " +
                   watchdog_in_words(failure, settings) + " was over";
        case FailureKind::watchdog_trigger:
            return "it asked to be aborted, by WATCHDOG=trigger";
        case FailureKind::not_ready:
            return "all its processes ended before it was started";
        case FailureKind::ended_before_ready:
            return "it ended before it sent READY=1";
        case FailureKind::no_pid_file:
            return "its processes ended and left no PID file that names one of them" +
                   (failure.detail.empty() ? "" : ": " + failure.detail);
        case FailureKind::oom_kill:
            return "the kernel's OOM killer killed one of its processes";
    }
    return {};
}

UnitFailure start_timeout_now(const Unit& unit) {
    const ServiceRun& run = *unit.run;
    const ServiceSettings& settings = *unit.definition.service;
    const bool is_notify =
        settings.type == ServiceType::notify || settings.type == ServiceType::notify_reload;
    UnitFailure failure;
    failure.kind = FailureKind::start_timeout;
    if (unit.sub_state == SubState::start && !run.control.is_there()) {
        if (is_notify) {
            failure.kind = run.refused_ready_from != 0 ? FailureKind::ready_refused
                                                       : FailureKind::ready_missing;
        } else if (settings.type == ServiceType::forking && !run.pid_file_fault.empty()) {
            failure.kind = FailureKind::pid_file_wrong;
        }
    }
    failure.during = unit.sub_state;
    failure.limit = settings.timeout_start;
    failure.pid = run.refused_ready_from;
    failure.detail = run.pid_file_fault;
    failure.said = run.status_text;
    failure.was_extended = run.state_extended_to != Time{};
    if (failure.was_extended) {
        failure.limit = run.state_extended_to - unit.inactive_exit_at;
    }
    if (run.control.is_there()) {
        failure.command = run.control.command;
    } else if (settings.type == ServiceType::oneshot && run.main.is_there()) {
        failure.command = run.main.command;
    }
    return failure;
}

// ── what note_result() is to remember, if that is what fails the unit

void Service::blame(FailureKind kind) {
    failure_ = {};
    failure_.kind = kind;
    failure_.during = unit_.sub_state;
    failure_.said = run_.status_text;
}

void Service::blame_exit(const Process& process, ExitCode code, int status) {
    const Command* command = command_at(process.command);
    const CommandRole role = command == nullptr ? CommandRole::start : command->role;
    const bool is_own_program = run_.exec_notes == nullptr ||
                                run_.exec_notes->error.step == ExecStep::none ||
                                run_.exec_notes->error.role != role;
    const auto first = first_command(settings_, CommandRole::start);
    const bool is_only_start = role == CommandRole::start && first.has_value() &&
                               !next_command(settings_, *first).has_value();
    blame(!is_own_program                           ? FailureKind::not_executed
          : &process == &run_.main && is_only_start ? FailureKind::main_ended
                                                    : FailureKind::command_failed);
    failure_.command = process.command;
    failure_.code = code;
    failure_.status = status;
}

void Service::blame_start_timeout() {
    failure_ = start_timeout_now(unit_);
}

void Service::blame_stop_timeout() {
    const bool is_command =
        unit_.sub_state == SubState::stop || unit_.sub_state == SubState::stop_post;
    blame(is_command ? FailureKind::command_timeout : FailureKind::stop_timeout);
    failure_.limit = run_.stop_limit;
    const Duration took = machine_.now - run_.stop_began_at;
    if (stop_clock() == StopClock::stop && !is_command && run_.stop_limit != kInfinity &&
        run_.stop_deadline - run_.stop_began_at > run_.stop_limit) {
        failure_.was_extended = true;
        failure_.limit = took;
    }
    if (is_command) {
        failure_.command = run_.control.command;
    }
}

void Service::blame_watchdog(bool was_asked_for) {
    blame(was_asked_for                             ? FailureKind::watchdog_trigger
          : run_.watchdog_at > run_.main_started_at ? FailureKind::watchdog
                                                    : FailureKind::watchdog_never);
    failure_.limit = run_.watchdog_interval;
    failure_.pid = run_.refused_ready_from;
}

}  // namespace svcd
