// The rows of the section Service and of Kill (systemd.service(5), systemd.kill(5)).
#include <array>

#include "unitfile/command_line.h"
#include "unitfile/setting_reader.h"
#include "unitfile/signal_names.h"

namespace svcd {
namespace {

// In the order of the enums.
constexpr auto kTypes =
    std::to_array<std::string_view>({"simple", "exec", "oneshot", "forking", "notify"});
constexpr auto kTypesNotYet =
    std::to_array<std::string_view>({"notify-reload", "dbus", "idle", "probe"});
constexpr auto kRestarts = std::to_array<std::string_view>(
    {"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"});
constexpr auto kKillModes =
    std::to_array<std::string_view>({"control-group", "mixed", "process", "none"});
constexpr std::array<std::string_view, 0> kNothing{};

ExpandWord expander(const Reading& reading) {
    return
        [&reading](std::string_view word) { return reading.specifiers.expand(word, reading.name); };
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
    for (Command& command : *parsed) {
        commands.push_back(std::move(command));
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
    commands.push_back(*std::move(command));
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

void read_success_exit_status(Reading& reading, const YamlNode& value) {
    ExitStatusSet& set = reading.draft.service.success_exit_status;
    read_words(
        reading, value, [&] { set = {}; },
        [&](const std::string& word, const YamlNode& node) {
            if (const auto added = add_exit_status(word, set); !added) {
                fail_value(reading, node, added.error());
            }
        });
}

constexpr auto kType = [](const UnitDefinition& unit) {
    return std::string{kTypes[static_cast<std::size_t>(service_of(unit).type)]};
};
constexpr auto kRestart = [](const UnitDefinition& unit) {
    return std::string{kRestarts[static_cast<std::size_t>(service_of(unit).restart)]};
};
constexpr auto kShownKillMode = [](const UnitDefinition& unit) {
    return std::string{kKillModes[static_cast<std::size_t>(service_of(unit).kill_mode)]};
};
constexpr auto kSuccessExitStatus = [](const UnitDefinition& unit) {
    return exit_status_words(service_of(unit).success_exit_status);
};
constexpr auto kPidFile = [](const UnitDefinition& unit) { return service_of(unit).pid_file; };

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
     "When the service counts as started: `simple` at once, `exec` when the program runs, `notify` when it says READY=1, `forking` when its first process has ended, `oneshot` when all commands have ended. Default simple, and oneshot without ExecStart.",
     {property<kType>("Type")}, kTypes},
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
    {service, "Restart", SettingKind::choice, read_single<parse_enum<RestartPolicy, kRestarts, kNothing>, &S::restart>,
     "Which ends of the service start it anew. Default no.",
     {property<kRestart>("Restart")}, kRestarts},
    {service, "RestartSec", SettingKind::duration, read_single<parse_duration, &S::restart_delay>,
     "The wait before a restart. Default 100ms.",
     {property<duration_of<&S::restart_delay>>("RestartUSec")}, {}},
    {service, "TimeoutStartSec", SettingKind::duration, read_timeout_start,
     "How long a start may take; 0 or infinity for no limit. Default 90s, of a oneshot infinity.",
     {property<duration_of<&S::timeout_start>>("TimeoutStartUSec")}, {}},
    {service, "TimeoutStopSec", SettingKind::duration, read_single<parse_timeout, &S::timeout_stop>,
     "How long a stop may take, ExecStop included, before what is left gets FinalKillSignal; 0 or infinity for no limit. Default 90s.",
     {property<duration_of<&S::timeout_stop>>("TimeoutStopUSec")}, {}},
    {service, "TimeoutSec", SettingKind::duration, read_timeout,
     "Sets TimeoutStartSec and TimeoutStopSec.", {}, {}},
    {service, "WatchdogSec", SettingKind::duration, read_single<parse_watchdog, &S::watchdog>,
     "The service must say WATCHDOG=1 at least this often, or it is ended and counts as failed. Default 0: off.",
     {property<duration_of<&S::watchdog>>("WatchdogUSec")}, {}},
    {service, "RemainAfterExit", SettingKind::boolean, read_single<parse_boolean, &S::remain_after_exit>,
     "Whether the service stays active when all its processes have ended well. Default no.",
     {property<flag_of<&S::remain_after_exit>>("RemainAfterExit")}, {}},
    {service, "PIDFile", SettingKind::text, read_pid_file,
     "Where a `forking` service writes the PID of its main process; a relative path is below the runtime directory (`%t`).",
     {property<kPidFile>("PIDFile")}, {}},
    {service, "SuccessExitStatus", SettingKind::words, read_success_exit_status,
     "Exit statuses (numbers or names) and signals that count as a good end, besides 0 and the stop signals.",
     {property<kSuccessExitStatus>("SuccessExitStatus")}, {}},
    {kill, "KillMode", SettingKind::choice, read_single<parse_enum<KillMode, kKillModes, kNothing>, &S::kill_mode>,
     "Who gets the stop signals: `control-group` all processes, `mixed` the main process and at the deadline all, `process` the main process only, `none` nobody. Default control-group.",
     {property<kShownKillMode>("KillMode")}, kKillModes},
    {kill, "KillSignal", SettingKind::signal, read_single<parse_signal, &S::kill_signal>,
     "The first signal of a stop. Default SIGTERM.",
     {property<signal_of<&S::kill_signal>>("KillSignal")}, {}},
    {kill, "SendSIGKILL", SettingKind::boolean, read_single<parse_boolean, &S::send_sigkill>,
     "Whether FinalKillSignal is sent at the deadline. Default yes.",
     {property<flag_of<&S::send_sigkill>>("SendSIGKILL")}, {}},
    {kill, "FinalKillSignal", SettingKind::signal, read_single<parse_signal, &S::final_kill_signal>,
     "The signal at the deadline. Default SIGKILL.",
     {property<signal_of<&S::final_kill_signal>>("FinalKillSignal")}, {}},
});
// clang-format on

}  // namespace

std::span<const SettingRow> service_settings() {
    return kRows;
}

}  // namespace svcd
