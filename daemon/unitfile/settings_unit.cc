// The rows of the sections Unit and Install (systemd.unit(5)).
#include <algorithm>
#include <array>
#include <cstdio>

#include "core/types/record.h"
#include "core/types/utf8.h"
#include "unitfile/setting_reader.h"

namespace svcd {
namespace {

void read_documentation(Reading& reading, const YamlNode& value) {
    auto& documentation = reading.draft.unit.documentation;
    read_words(
        reading, value, [&] { documentation.clear(); },
        [&](const std::string& word, const YamlNode& node) {
            for (const std::string_view scheme :
                 {"http://", "https://", "file:", "info:", "man:"}) {
                if (word.starts_with(scheme) && word.size() > scheme.size() &&
                    !control_character_in(word)) {
                    documentation.push_back(word);
                    return;
                }
            }
            fail_value(reading, node,
                       "'" + word + "' is not an address (http://, https://, file:, info:, man:)");
        });
}

Parsed<std::uint32_t> parse_start_limit_burst(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number) {
        return Unparsable{number.error()};
    }
    if (*number > kStartLimitBurstMax) {
        return Unparsable{"'" + std::string(text) + "' is more than " +
                          std::to_string(kStartLimitBurstMax) +
                          " starts, the most that are counted"};
    }
    return static_cast<std::uint32_t>(*number);
}

/// Unit names of [Install] are kept as "KEY=NAME".
void read_install_names(Reading& reading, const YamlNode& value) {
    auto& install = reading.draft.unit.install;
    const std::string prefix = std::string(reading.key) + "=";
    read_words(
        reading, value,
        [&] {
            std::erase_if(install,
                          [&](const std::string& each) { return each.starts_with(prefix); });
        },
        [&](const std::string& word, const YamlNode& node) {
            if (const auto name = read_unit_name(reading, word, node)) {
                install.push_back(prefix + name->full);
            }
        });
}

void read_default_instance(Reading& reading, const YamlNode& value) {
    auto& install = reading.draft.unit.install;
    std::erase_if(install,
                  [](const std::string& each) { return each.starts_with("DefaultInstance="); });
    if (is_reset(value)) {
        return;
    }
    const std::string* text = single_text(reading, value);
    if (text == nullptr) {
        return;
    }
    const auto instance = expand(reading, value, trim(*text));
    if (!instance) {
        return;
    }
    if (!parse_unit_name("x@" + *instance + ".service")) {
        fail_value(reading, value, "'" + *instance + "' can't be part of a unit's name");
        return;
    }
    install.push_back("DefaultInstance=" + *instance);
}

/// Every list of units shows it in one line, to root too: line breaks become blanks, and what else
/// a terminal would obey is an error.
void read_description(Reading& reading, const YamlNode& value) {
    std::string& description = reading.draft.unit.description;
    read_text<&UnitDefinition::description>(reading, value);
    description.resize(description.find_last_not_of(" \n\r\t") + 1);
    std::replace_if(
        description.begin(), description.end(),
        [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    if (const auto control = control_character_in(description)) {
        std::array<char, 12> number{};
        std::snprintf(number.data(), number.size(), *control < 0x100 ? "0x%02X" : "U+%04X",
                      static_cast<unsigned>(*control));
        fail_value(reading, value,
                   "it has a character that a terminal may obey (" + std::string{number.data()} +
                       "); leave that out");
        description.clear();
    }
}

/// Slices stay when another unit is isolated, unless they say otherwise.
void read_ignore_on_isolate(Reading& reading, const YamlNode& value) {
    bool& ignore = reading.draft.unit.ignore_on_isolate;
    if (is_reset(value)) {
        ignore = reading.name.type() == UnitType::slice;
        return;
    }
    read_single<parse_boolean, &UnitDefinition::ignore_on_isolate>(reading, value);
}

/// Also that of a job that has begun, unless that is given by itself.
void read_job_timeout(Reading& reading, const YamlNode& value) {
    RareUnitSettings& rare = reading.draft.rare_unit;
    read_single<parse_timeout, &RareUnitSettings::job_timeout>(reading, value);
    if (!reading.draft.job_running_timeout_given) {
        rare.job_running_timeout = rare.job_timeout;
    }
}

void read_job_running_timeout(Reading& reading, const YamlNode& value) {
    RareUnitSettings& rare = reading.draft.rare_unit;
    reading.draft.job_running_timeout_given = !is_reset(value);
    read_single<parse_timeout, &RareUnitSettings::job_running_timeout>(reading, value);
    if (!reading.draft.job_running_timeout_given) {
        rare.job_running_timeout = rare.job_timeout;
    }
}

// In the order of the enum.
constexpr auto kActions = std::to_array<std::string_view>(
    {"none", "exit", "exit-force", "reboot", "reboot-force", "reboot-immediate", "poweroff",
     "poweroff-force", "poweroff-immediate"});

/// A user's svcd can end, and nothing more.
template <EmergencyAction RareUnitSettings::*Member>
void read_action(Reading& reading, const YamlNode& value) {
    EmergencyAction& action = reading.draft.rare_unit.*Member;
    read_single<parse_enum<EmergencyAction, kActions, kNoWords>, Member>(reading, value);
    if (reading.user_instance && action > EmergencyAction::exit_force) {
        fail_value(reading, value, "'" + value.text + "' is not for the units of a user");
        action = EmergencyAction::none;
    }
}

Parsed<std::int32_t> parse_exit_status(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number || *number > 255) {
        return Unparsable{"'" + std::string(text) + "' is not an exit status from 0 to 255"};
    }
    return static_cast<std::int32_t>(*number);
}

template <bool UnitDefinition::*Member>
constexpr auto flag = [](const UnitDefinition& unit) { return unit.*Member; };

constexpr auto kInterval = [](const UnitDefinition& unit) {
    return shown_duration(unit.start_limit_interval);
};
/// All that the section says, as "KEY=NAME".
constexpr auto kInstall = [](const UnitDefinition& unit) { return unit.install; };
constexpr auto kBurst = [](const UnitDefinition& unit) { return unit.start_limit_burst; };

template <Duration RareUnitSettings::*Member>
constexpr auto duration_of =
    [](const UnitDefinition& unit) { return shown_duration(unit.rarely().*Member); };
template <EmergencyAction RareUnitSettings::*Member>
constexpr auto action_of =
    [](const UnitDefinition& unit) { return word_of<kActions>(unit.rarely().*Member); };
/// A member of RareUnitSettings as it is.
template <auto Member>
constexpr auto rare_of = [](const UnitDefinition& unit) { return unit.rarely().*Member; };

using enum SettingGroup;
using U = UnitDefinition;
using R = RareUnitSettings;

template <EmergencyAction RareUnitSettings::*Member>
constexpr SettingRow action_row(std::string_view key, std::string_view doc) {
    return {unit,
            key,
            SettingKind::choice,
            read_action<Member>,
            doc,
            {property<action_of<Member>>(key)},
            kActions};
}

// clang-format off
const auto kRows = std::to_array<SettingRow>({
    {unit, "Description", SettingKind::text, read_description,
     "What the unit is, for people: shown by `status` and in the log.", {}, {}},
    {unit, "Documentation", SettingKind::words, read_documentation,
     "Where to read more: `http://`, `https://`, `file:`, `info:` or `man:` addresses.", {}, {}},
    {unit, "DefaultDependencies", SettingKind::boolean, read_single<parse_boolean, &U::default_dependencies>,
     "Whether the usual dependencies are added: a service after basic.target, a target after what it wants. Default yes.",
     {property<flag<&U::default_dependencies>>("DefaultDependencies")}, {}},
    {unit, "IgnoreOnIsolate", SettingKind::boolean, read_ignore_on_isolate,
     "Whether `isolate` of another unit leaves this one running. Default no, of a slice yes.",
     {property<flag<&U::ignore_on_isolate>>("IgnoreOnIsolate")}, {}},
    {unit, "AllowIsolate", SettingKind::boolean, read_single<parse_boolean, &U::allow_isolate>,
     "Whether `isolate` may be used with this unit. Default no.",
     {property<flag<&U::allow_isolate>>("AllowIsolate")}, {}},
    {unit, "RefuseManualStart", SettingKind::boolean, read_single<parse_boolean, &U::refuse_manual_start>,
     "Whether the unit can be started as a dependency only. Default no.",
     {property<flag<&U::refuse_manual_start>>("RefuseManualStart")}, {}},
    {unit, "RefuseManualStop", SettingKind::boolean, read_single<parse_boolean, &U::refuse_manual_stop>,
     "Whether the unit can be stopped as a dependency only. Default no.",
     {property<flag<&U::refuse_manual_stop>>("RefuseManualStop")}, {}},
    {unit, "StopWhenUnneeded", SettingKind::boolean, read_single<parse_boolean, &U::stop_when_unneeded>,
     "Whether the unit is stopped once no active unit needs it any more. Default no.",
     {property<flag<&U::stop_when_unneeded>>("StopWhenUnneeded")}, {}},
    {unit, "JobTimeoutSec", SettingKind::duration, read_job_timeout,
     "How long a job of this unit may take from when it is made; then the job is given up, and the unit left as it is. Default infinity.",
     {property<duration_of<&R::job_timeout>>("JobTimeoutUSec")}, {}},
    {unit, "JobRunningTimeoutSec", SettingKind::duration, read_job_running_timeout,
     "The same, from when the job begins: what it waits for doesn't count. Default JobTimeoutSec.",
     {property<duration_of<&R::job_running_timeout>>("JobRunningTimeoutUSec")}, {}},
    action_row<&R::job_timeout_action>("JobTimeoutAction",
     "What svcd does when one of the two is over: as FailureAction."),
    action_row<&R::failure_action>("FailureAction",
     "What svcd does when the unit fails: `exit` ends svcd, `reboot` and `poweroff` the machine, each after every unit was stopped in order; with `-force` they are killed, with `-immediate` not even that. A user's svcd knows `exit` and `exit-force` only. Default none."),
    action_row<&R::success_action>("SuccessAction",
     "What svcd does when the unit ends well: as FailureAction."),
    {unit, "FailureActionExitStatus", SettingKind::number, read_single<parse_exit_status, &R::failure_action_exit_status>,
     "What svcd exits with after `FailureAction: exit`, from 0 to 255. Default the exit status of the main process, shown as -1.",
     {property<rare_of<&R::failure_action_exit_status>>("FailureActionExitStatus")}, {}},
    {unit, "SuccessActionExitStatus", SettingKind::number, read_single<parse_exit_status, &R::success_action_exit_status>,
     "The same for SuccessAction.",
     {property<rare_of<&R::success_action_exit_status>>("SuccessActionExitStatus")}, {}},
    {unit, "StartLimitIntervalSec", SettingKind::duration, read_single<parse_duration, &U::start_limit_interval>,
     "In this time a unit is started StartLimitBurst times at most; 0 turns the limit off. Default 10s.",
     {property<kInterval>("StartLimitIntervalUSec")}, {}},
    {unit, "StartLimitBurst", SettingKind::number, read_single<parse_start_limit_burst, &U::start_limit_burst>,
     "See StartLimitIntervalSec. At most 64; default 5.",
     {property<kBurst>("StartLimitBurst")}, {}},
    action_row<&R::start_limit_action>("StartLimitAction",
     "What svcd does when that is exceeded: as FailureAction."),
    {unit, "RebootArgument", SettingKind::text, read_text<&R::reboot_argument>,
     "What is handed to reboot(2) with these actions.",
     {property<rare_of<&R::reboot_argument>>("RebootArgument")}, {}},
    {unit, "SourcePath", SettingKind::text, read_expanded<parse_path, &R::source_path>,
     "The file that this unit file was generated from.",
     {property<rare_of<&R::source_path>>("SourcePath")}, {}},
    {install, "WantedBy", SettingKind::words, read_install_names,
     "The units that want this one once it is enabled.", {property<kInstall>("Install")}, {}},
    {install, "RequiredBy", SettingKind::words, read_install_names,
     "The units that require this one once it is enabled.", {}, {}},
    {install, "UpheldBy", SettingKind::words, read_install_names,
     "The units that uphold this one once it is enabled.", {}, {}},
    {install, "Also", SettingKind::words, read_install_names,
     "Units that are enabled and disabled with this one.", {}, {}},
    {install, "Alias", SettingKind::words, read_install_names,
     "Further names of the unit once it is enabled.", {}, {}},
    {install, "DefaultInstance", SettingKind::text, read_default_instance,
     "The instance of a template that is enabled when none is named.", {}, {}},
});
// clang-format on

}  // namespace

std::span<const SettingRow> unit_settings() {
    return kRows;
}

}  // namespace svcd
