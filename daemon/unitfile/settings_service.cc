// The rows of the section Service and of Kill (systemd.service(5), systemd.kill(5)).
#include <array>

#include "core/types/text_scan.h"
#include "unitfile/command_line.h"
#include "unitfile/setting_reader.h"
#include "unitfile/signal_names.h"

namespace svcd {
namespace {

/// More restarts than this are no steps.
constexpr std::uint64_t kRestartStepsMax = 1'000'000;
/// D-Bus Specification, "Valid Names".
constexpr std::size_t kBusNameMax = 255;

// In the order of the enums.
constexpr auto kTypes = std::to_array<std::string_view>(
    {"simple", "exec", "oneshot", "forking", "notify", "notify-reload", "dbus", "idle"});
constexpr auto kTypesNotYet = std::to_array<std::string_view>({"probe"});
constexpr auto kRestarts = std::to_array<std::string_view>(
    {"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"});
constexpr auto kRestartModes = std::to_array<std::string_view>({"normal", "direct"});
constexpr auto kKillModes =
    std::to_array<std::string_view>({"control-group", "mixed", "process", "none"});
constexpr auto kNotifyAccess = std::to_array<std::string_view>({"none", "main", "exec", "all"});
constexpr auto kExitTypes = std::to_array<std::string_view>({"main", "cgroup"});
constexpr auto kTimeoutModes = std::to_array<std::string_view>({"terminate", "abort", "kill"});
constexpr auto kOomPolicies = std::to_array<std::string_view>({"continue", "stop", "kill"});

ExpandWord expander(const Reading& reading) {
    return
        [&reading](std::string_view word) { return reading.specifiers.expand(word, reading.name); };
}

void take_command(Reading& reading,
                  const YamlNode& node,
                  ReadCommand read,
                  std::vector<Command>& commands) {
    if (!read.warning.empty()) {
        reading.warn(node.mark, std::string(reading.key) + ": " + read.warning);
    }
    commands.push_back(std::move(read.command));
}

void add_command_string(Reading& reading,
                        CommandRole role,
                        const YamlNode& node,
                        std::vector<Command>& commands) {
    auto parsed = parse_command_string(role, node.text, expander(reading));
    if (!parsed) {
        fail_value(reading, node, parsed.error());
        return;
    }
    for (ReadCommand& read : *parsed) {
        take_command(reading, node, std::move(read), commands);
    }
}

void add_command_words(Reading& reading,
                       CommandRole role,
                       const YamlNode& list,
                       std::vector<Command>& commands) {
    std::vector<std::string> words;
    for (const YamlNodePtr& item : list.items) {
        if (item->kind == YamlNode::Kind::sequence || item->kind == YamlNode::Kind::map) {
            fail_value(reading, *item, "a word of a command can't be a list or map");
            return;
        }
        words.push_back(item->text);
    }
    auto command = parse_command_words(role, words, expander(reading));
    if (!command) {
        fail_value(reading, list, command.error());
        return;
    }
    take_command(reading, list, *std::move(command), commands);
}

/// Whether a list holds several commands rather than the words of one: it holds lists, begins with
/// null, or its first string has blanks.
enum class ListMeaning { words, commands, unclear };
ListMeaning meaning_of_list(const YamlNode& list) {
    bool later_line = false;
    for (const YamlNodePtr& item : list.items) {
        if (item->kind == YamlNode::Kind::sequence) {
            return ListMeaning::commands;
        }
    }
    const YamlNode& first = *list.items.front();
    if (first.kind == YamlNode::Kind::null || looks_like_command_line(first.text)) {
        return ListMeaning::commands;
    }
    for (std::size_t i = 1; i < list.items.size(); ++i) {
        const std::string& text = list.items[i]->text;
        if (!text.starts_with('/')) {
            return ListMeaning::words;
        }
        later_line = later_line || looks_like_command_line(text);
    }
    return later_line ? ListMeaning::unclear : ListMeaning::words;
}

template <CommandRole role>
void read_commands(Reading& reading, const YamlNode& value) {
    auto& commands = reading.draft.commands[static_cast<std::size_t>(role)];
    if (is_reset(value)) {
        commands.clear();
        return;
    }
    if (value.kind == YamlNode::Kind::map) {
        fail_value(reading, value, "takes a command line or a list, not a map");
        return;
    }
    if (value.kind == YamlNode::Kind::scalar) {
        add_command_string(reading, role, value, commands);
        return;
    }
    switch (meaning_of_list(value)) {
        case ListMeaning::words:
            add_command_words(reading, role, value, commands);
            return;
        case ListMeaning::unclear:
            fail_value(reading, value,
                       "one command or several? Write each command as a list of its own: "
                       "[[/bin/a], [/bin/b, x]]");
            return;
        case ListMeaning::commands:
            break;
    }
    for (const YamlNodePtr& item : value.items) {
        if (is_reset(*item)) {
            commands.clear();
        } else if (item->kind == YamlNode::Kind::sequence) {
            add_command_words(reading, role, *item, commands);
        } else if (item->kind == YamlNode::Kind::scalar) {
            add_command_string(reading, role, *item, commands);
        } else {
            fail_value(reading, *item, "a command can't be a map");
        }
    }
}

void read_type(Reading& reading, const YamlNode& value) {
    reading.draft.service.type_given = !is_reset(value);
    read_single<parse_enum<ServiceType, kTypes, kTypesNotYet>, &ServiceSettings::type>(reading,
                                                                                       value);
}

void read_timeout_start(Reading& reading, const YamlNode& value) {
    reading.draft.timeout_start_given = !is_reset(value);
    read_single<parse_timeout, &ServiceSettings::timeout_start>(reading, value);
}

void read_timeout(Reading& reading, const YamlNode& value) {
    const std::size_t faults = reading.faults.size();
    read_timeout_start(reading, value);
    if (reading.faults.size() == faults) {
        read_single<parse_timeout, &ServiceSettings::timeout_stop>(reading, value);
    }
}

/// A watchdog that waits for ever is one that is off.
Parsed<Duration> parse_watchdog(std::string_view text) {
    Parsed<Duration> duration = parse_duration(text);
    if (duration && *duration == kInfinity) {
        return Duration{0};
    }
    return duration;
}

void read_pid_file(Reading& reading, const YamlNode& value) {
    std::string& pid_file = reading.draft.service.pid_file;
    read_text<&ServiceSettings::pid_file>(reading, value);
    if (!pid_file.empty() && !pid_file.starts_with('/')) {
        pid_file = reading.specifiers.runtime_directory() + "/" + pid_file;
    }
}

template <ExitStatusSet RareServiceSettings::*Member>
void read_exit_statuses(Reading& reading, const YamlNode& value) {
    ExitStatusSet& set = reading.draft.rare_service.*Member;
    read_words(
        reading, value, [&] { set = {}; },
        [&](const std::string& word, const YamlNode& node) {
            if (const auto added = add_exit_status(word, set); !added) {
                fail_value(reading, node, added.error());
            }
        });
}

/// "none" is no wish to shut out a service that has to notify: systemd takes it for not said.
void read_notify_access(Reading& reading, const YamlNode& value) {
    auto& access = reading.draft.service.notify_access;
    read_single<parse_enum<NotifyAccess, kNotifyAccess, kNoWords>, &ServiceSettings::notify_access>(
        reading, value);
    if (access == NotifyAccess::none) {
        access.reset();
    }
}

Parsed<Duration> parse_finite_duration(std::string_view text) {
    const Parsed<Duration> duration = parse_duration(text);
    if (duration && *duration == kInfinity) {
        return Unparsable{"infinity is not possible here"};
    }
    return duration;
}

Parsed<std::uint32_t> parse_steps(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number || *number > kRestartStepsMax) {
        return Unparsable{"'" + std::string(text) + "' is not a number from 0 to " +
                          std::to_string(kRestartStepsMax)};
    }
    return static_cast<std::uint32_t>(*number);
}

/// A well-known name (D-Bus Specification, "Valid Names").
Parsed<std::string> parse_bus_name(std::string_view text) {
    const auto fault = [text] {
        return Unparsable{"'" + std::string(text) +
                          "' is not the name of a service on the bus, such as 'org.example.Web'"};
    };
    if (text.size() > kBusNameMax || text.find('.') == std::string_view::npos) {
        return fault();
    }
    char before = '.';
    for (const char c : text) {
        const bool is_letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
        const bool may_follow = before == '.' ? is_letter : is_letter || is_digit(c) || c == '.';
        if (!may_follow) {
            return fault();
        }
        before = c;
    }
    return before == '.' ? Parsed<std::string>{fault()} : std::string{text};
}

Parsed<std::string> parse_slice(std::string_view text) {
    const auto name = parse_unit_name(text);
    if (name && name->type() == UnitType::slice) {
        return name->full;
    }
    const bool lacks_suffix = is_slice_name(std::string(text) + ".slice");
    return Unparsable{"'" + std::string(text) +
                      "' is not the name of a slice, such as 'a-b.slice'" +
                      (lacks_suffix ? ", did you mean '" + std::string(text) + ".slice'?" : "")};
}

template <const auto& Words, auto Member>
constexpr auto word_in =
    [](const UnitDefinition& unit) { return word_of<Words>(service_of(unit).*Member); };
template <ExitStatusSet RareServiceSettings::*Member>
constexpr auto statuses_of = [](const UnitDefinition& unit) {
    return shown_exit_statuses(service_of(unit).rarely().*Member);
};
constexpr auto kPidFile = [](const UnitDefinition& unit) { return service_of(unit).pid_file; };
constexpr auto kBusName = [](const UnitDefinition& unit) {
    return service_of(unit).rarely().bus_name;
};
constexpr auto kPreStopDelay = [](const UnitDefinition& unit) {
    return shown_duration(service_of(unit).rarely().pre_stop_delay);
};
constexpr auto kLeftoverTimeout = [](const UnitDefinition& unit) {
    return shown_duration(service_of(unit).rarely().leftover_timeout.value_or(kInfinity));
};
constexpr auto kRestartMode = [](const UnitDefinition& unit) {
    return word_of<kRestartModes>(service_of(unit).rarely().restart_mode);
};
constexpr auto kRestartRandomizedDelay = [](const UnitDefinition& unit) {
    return shown_duration(service_of(unit).rarely().restart_randomized_delay);
};
constexpr auto kSlice = [](const UnitDefinition& unit) { return unit.slice(); };
constexpr auto kRestartSteps = [](const UnitDefinition& unit) {
    return service_of(unit).restart_steps;
};
constexpr auto kTimeoutAbort = [](const UnitDefinition& unit) {
    const ServiceSettings& service = service_of(unit);
    return shown_duration(service.timeout_abort.value_or(service.timeout_stop));
};
constexpr auto kShownNotifyAccess = [](const UnitDefinition& unit) {
    return word_of<kNotifyAccess>(service_of(unit).notify_access_in_force());
};
constexpr auto kRestartKillSignal = [](const UnitDefinition& unit) {
    const ServiceSettings& service = service_of(unit);
    return static_cast<std::int32_t>(service.restart_kill_signal != 0 ? service.restart_kill_signal
                                                                      : service.kill_signal);
};

template <CommandRole role>
constexpr auto commands_of = [](const UnitDefinition& unit) {
    std::vector<CommandProperty> shown;
    for (const Command& command : service_of(unit).commands) {
        if (command.role == role) {
            shown.push_back({command.path, command.argv, command.ignore_failure});
        }
    }
    return shown;
};
template <Duration ServiceSettings::*Member>
constexpr auto duration_of =
    [](const UnitDefinition& unit) { return shown_duration(service_of(unit).*Member); };
template <bool ServiceSettings::*Member>
constexpr auto flag_of = [](const UnitDefinition& unit) { return service_of(unit).*Member; };
template <std::uint8_t ServiceSettings::*Member>
constexpr auto signal_of =
    [](const UnitDefinition& unit) { return static_cast<std::int32_t>(service_of(unit).*Member); };

using enum SettingGroup;
using S = ServiceSettings;
using Role = CommandRole;

// clang-format off
const auto kRows = std::to_array<SettingRow>({
    {service, "Type", SettingKind::choice, read_type,
     "When the service counts as started: `simple` at once, `exec` when the program runs, `notify` when it says READY=1, `notify-reload` too and it is reloaded by ReloadSignal, `dbus` when it has BusName, `forking` when its first process has ended, `oneshot` when all commands have ended, `idle` as simple, but run only when other jobs are done (5 s at most). Default dbus with BusName, else simple, and oneshot without ExecStart.",
     {property<word_in<kTypes, &S::type>>("Type")}, kTypes},
    {service, "ExecStart", SettingKind::commands, read_commands<Role::start>,
     "The main command. Several, one after another, with `Type: oneshot`.",
     {property<commands_of<Role::start>>("ExecStart")}, {}},
    {service, "ExecStartPre", SettingKind::commands, read_commands<Role::start_pre>,
     "Commands before ExecStart; one that fails ends the start.",
     {property<commands_of<Role::start_pre>>("ExecStartPre")}, {}},
    {service, "ExecStartPost", SettingKind::commands, read_commands<Role::start_post>,
     "Commands after the service has started.",
     {property<commands_of<Role::start_post>>("ExecStartPost")}, {}},
    {service, "ExecCondition", SettingKind::commands, read_commands<Role::condition>,
     "Commands before ExecStartPre; exit status 1 to 254 skips the start without a failure.",
     {property<commands_of<Role::condition>>("ExecCondition")}, {}},
    {service, "ExecReload", SettingKind::commands, read_commands<Role::reload>,
     "Commands that make the service read its configuration again.",
     {property<commands_of<Role::reload>>("ExecReload")}, {}},
    {service, "ExecStop", SettingKind::commands, read_commands<Role::stop>,
     "Commands that ask the service to end, before KillSignal is sent.",
     {property<commands_of<Role::stop>>("ExecStop")}, {}},
    {service, "ExecStopPost", SettingKind::commands, read_commands<Role::stop_post>,
     "Commands after the service has ended, also after a failed start.",
     {property<commands_of<Role::stop_post>>("ExecStopPost")}, {}},
    {service, "Restart", SettingKind::choice, read_single<parse_enum<RestartPolicy, kRestarts, kNoWords>, &S::restart>,
     "Which ends of the service start it anew. Default no.",
     {property<word_in<kRestarts, &S::restart>>("Restart")}, kRestarts},
    {service, "RestartMode", SettingKind::choice, read_single<parse_enum<RestartMode, kRestartModes, kNoWords>, &RareServiceSettings::restart_mode>,
     "How a restart by Restart looks to others: `normal` as an end and a start, of which dependents and OnFailure hear; `direct` as one start that goes on, of which they hear nothing. Default normal.",
     {property<kRestartMode>("RestartMode")}, kRestartModes},
    {service, "RestartSec", SettingKind::duration, read_single<parse_duration, &S::restart_delay>,
     "The wait before a restart. Default 100ms.",
     {property<duration_of<&S::restart_delay>>("RestartUSec")}, {}},
    {service, "RestartRandomizedDelaySec", SettingKind::duration, read_single<parse_finite_duration, &RareServiceSettings::restart_randomized_delay>,
     "Each wait before a restart is longer by a random time from 0 to this. Default 0.",
     {property<kRestartRandomizedDelay>("RestartRandomizedDelayUSec")}, {}},
    {service, "RestartSteps", SettingKind::number, read_single<parse_steps, &S::restart_steps>,
     "In how many restarts the wait grows from RestartSec to RestartMaxDelaySec. Default 0: it does not.",
     {property<kRestartSteps>("RestartSteps")}, {}},
    {service, "RestartMaxDelaySec", SettingKind::duration, read_single<parse_duration, &S::restart_max_delay>,
     "The longest wait that RestartSteps lead to. Default infinity: none.",
     {property<duration_of<&S::restart_max_delay>>("RestartMaxDelayUSec")}, {}},
    {service, "TimeoutStartSec", SettingKind::duration, read_timeout_start,
     "How long a start may take; 0 or infinity for no limit. Default 90s, of a oneshot infinity.",
     {property<duration_of<&S::timeout_start>>("TimeoutStartUSec")}, {}},
    {service, "TimeoutStopSec", SettingKind::duration, read_single<parse_timeout, &S::timeout_stop>,
     "How long a stop may take, ExecStop included, before what is left gets FinalKillSignal; 0 or infinity for no limit. Default 90s.",
     {property<duration_of<&S::timeout_stop>>("TimeoutStopUSec")}, {}},
    {service, "PreStopDelaySec", SettingKind::duration, read_single<parse_finite_duration, &RareServiceSettings::pre_stop_delay>,
     "How long the service goes on serving between the decision to stop it and ExecStop or the stop signal, so that load balancers can turn away; counted inside TimeoutStopSec, at most half of it. Default 0.",
     {property<kPreStopDelay>("PreStopDelayUSec")}, {}},
    {service, "LeftoverTimeoutSec", SettingKind::duration, read_single<parse_finite_duration, &RareServiceSettings::leftover_timeout>,
     "The stop signal goes to the main process alone. What is left in the unit when that has ended, by the stop or by itself, gets SIGTERM, and FinalKillSignal so long after it. For KillMode control-group. Default: the stop signal goes to all of the unit.",
     {property<kLeftoverTimeout>("LeftoverTimeoutUSec")}, {}},
    {service, "TimeoutSec", SettingKind::duration, read_timeout,
     "Sets TimeoutStartSec and TimeoutStopSec.", {}, {}},
    {service, "TimeoutAbortSec", SettingKind::duration, read_single<parse_duration, &S::timeout_abort>,
     "How long a service may take to end after WatchdogSignal, and to write its core dump. Default TimeoutStopSec.",
     {property<kTimeoutAbort>("TimeoutAbortUSec")}, {}},
    {service, "TimeoutStartFailureMode", SettingKind::choice, read_single<parse_enum<TimeoutFailureMode, kTimeoutModes, kNoWords>, &S::timeout_start_failure_mode>,
     "How a start that takes too long is ended: `terminate` as by a stop, `abort` with WatchdogSignal, `kill` with FinalKillSignal. Default terminate.",
     {property<word_in<kTimeoutModes, &S::timeout_start_failure_mode>>("TimeoutStartFailureMode")}, kTimeoutModes},
    {service, "TimeoutStopFailureMode", SettingKind::choice, read_single<parse_enum<TimeoutFailureMode, kTimeoutModes, kNoWords>, &S::timeout_stop_failure_mode>,
     "The same for a stop that takes too long.",
     {property<word_in<kTimeoutModes, &S::timeout_stop_failure_mode>>("TimeoutStopFailureMode")}, kTimeoutModes},
    {service, "RuntimeMaxSec", SettingKind::duration, read_single<parse_duration, &S::runtime_max>,
     "How long the service may be active; then it is stopped and counts as failed. Default infinity.",
     {property<duration_of<&S::runtime_max>>("RuntimeMaxUSec")}, {}},
    {service, "WatchdogSec", SettingKind::duration, read_single<parse_watchdog, &S::watchdog>,
     "The service must say WATCHDOG=1 at least this often, or it is ended and counts as failed. Default 0: off.",
     {property<duration_of<&S::watchdog>>("WatchdogUSec")}, {}},
    {service, "RemainAfterExit", SettingKind::boolean, read_single<parse_boolean, &S::remain_after_exit>,
     "Whether the service stays active when all its processes have ended well. Default no.",
     {property<flag_of<&S::remain_after_exit>>("RemainAfterExit")}, {}},
    {service, "ExitType", SettingKind::choice, read_single<parse_enum<ExitType, kExitTypes, kNoWords>, &S::exit_type>,
     "What the end of the service is: of its main process (`main`), or of its last process (`cgroup`). Default main.",
     {property<word_in<kExitTypes, &S::exit_type>>("ExitType")}, kExitTypes},
    {service, "GuessMainPID", SettingKind::boolean, read_single<parse_boolean, &S::guess_main_pid>,
     "Whether the main process of a `forking` service without PIDFile is looked for among its processes. Default yes.",
     {property<flag_of<&S::guess_main_pid>>("GuessMainPID")}, {}},
    {service, "NotifyAccess", SettingKind::choice, read_notify_access,
     "Whose messages by sd_notify(3) count: `main` of the main process, `exec` of the processes of commands too, `all` of all. Default main for a service that has to notify (its Type, a WatchdogSec), else none.",
     {property<kShownNotifyAccess>("NotifyAccess")}, kNotifyAccess},
    {service, "BusName", SettingKind::text, read_expanded<parse_bus_name, &RareServiceSettings::bus_name>,
     "The name on the bus that makes a service of `Type: dbus` count as started.",
     {property<kBusName>("BusName")}, {}},
    {service, "OOMPolicy", SettingKind::choice, read_single<parse_enum<OomPolicy, kOomPolicies, kNoWords>, &S::oom_policy>,
     "What follows when the kernel ended one of the processes because memory ran out: `continue` nothing, `stop` the service is stopped, `kill` the kernel ends them all. Default stop.",
     {property<word_in<kOomPolicies, &S::oom_policy>>("OOMPolicy")}, kOomPolicies},
    {service, "ReloadSignal", SettingKind::signal, read_single<parse_signal, &S::reload_signal>,
     "The signal that reloads a service of `Type: notify-reload`. Default SIGHUP.",
     {property<signal_of<&S::reload_signal>>("ReloadSignal")}, {}},
    {service, "Slice", SettingKind::text, read_expanded<parse_slice, &RareUnitSettings::slice>,
     "The slice that the service's cgroup is in; `a-b.slice` is in `a.slice`. Default system.slice, of an instance `NAME@x` system-NAME.slice.",
     {property<kSlice>("Slice")}, {}},
    {service, "PIDFile", SettingKind::text, read_pid_file,
     "Where a `forking` service writes the PID of its main process; a relative path is below the runtime directory (`%t`).",
     {property<kPidFile>("PIDFile")}, {}},
    {service, "SuccessExitStatus", SettingKind::words, read_exit_statuses<&RareServiceSettings::success_exit_status>,
     "Exit statuses (numbers or names) and signals that count as a good end, besides 0 and the stop signals.",
     {property<statuses_of<&RareServiceSettings::success_exit_status>>("SuccessExitStatus")}, {}},
    {service, "RestartPreventExitStatus", SettingKind::words, read_exit_statuses<&RareServiceSettings::restart_prevent_exit_status>,
     "Those after which there is no restart, whatever Restart says.",
     {property<statuses_of<&RareServiceSettings::restart_prevent_exit_status>>("RestartPreventExitStatus")}, {}},
    {service, "RestartForceExitStatus", SettingKind::words, read_exit_statuses<&RareServiceSettings::restart_force_exit_status>,
     "Those after which there is a restart, whatever Restart says.",
     {property<statuses_of<&RareServiceSettings::restart_force_exit_status>>("RestartForceExitStatus")}, {}},
    {kill, "KillMode", SettingKind::choice, read_single<parse_enum<KillMode, kKillModes, kNoWords>, &S::kill_mode>,
     "Who gets the stop signals: `control-group` all processes, `mixed` the main process and at the deadline all, `process` the main process only, `none` nobody. Default control-group.",
     {property<word_in<kKillModes, &S::kill_mode>>("KillMode")}, kKillModes},
    {kill, "KillSignal", SettingKind::signal, read_single<parse_signal, &S::kill_signal>,
     "The first signal of a stop. Default SIGTERM.",
     {property<signal_of<&S::kill_signal>>("KillSignal")}, {}},
    {kill, "RestartKillSignal", SettingKind::signal, read_single<parse_signal, &S::restart_kill_signal>,
     "The first signal of a stop that is part of a restart. Default KillSignal.",
     {property<kRestartKillSignal>("RestartKillSignal")}, {}},
    {kill, "SendSIGHUP", SettingKind::boolean, read_single<parse_boolean, &S::send_sighup>,
     "Whether SIGHUP is sent right after the first signal of a stop, as shells like it. Default no.",
     {property<flag_of<&S::send_sighup>>("SendSIGHUP")}, {}},
    {kill, "SendSIGKILL", SettingKind::boolean, read_single<parse_boolean, &S::send_sigkill>,
     "Whether FinalKillSignal is sent at the deadline. Default yes.",
     {property<flag_of<&S::send_sigkill>>("SendSIGKILL")}, {}},
    {kill, "FinalKillSignal", SettingKind::signal, read_single<parse_signal, &S::final_kill_signal>,
     "The signal at the deadline. Default SIGKILL.",
     {property<signal_of<&S::final_kill_signal>>("FinalKillSignal")}, {}},
    {kill, "WatchdogSignal", SettingKind::signal, read_single<parse_signal, &S::watchdog_signal>,
     "The signal that ends a service whose watchdog is overdue. Default SIGABRT.",
     {property<signal_of<&S::watchdog_signal>>("WatchdogSignal")}, {}},
});
// clang-format on

}  // namespace

std::span<const SettingRow> service_settings() {
    return kRows;
}

}  // namespace svcd
