// One setting, all that is known of it: where it may stand, how it is read, how it is shown, what
// the documentation and the JSON schema say. The rows are in settings_*.cc, one file a group;
// all_settings() is the one table.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types/property.h"
#include "core/types/unit.h"
#include "unitfile/specifier.h"
#include "unitfile/unit_draft.h"
#include "unitfile/unit_name.h"
#include "unitfile/yaml_reader.h"

namespace svcd {

/// What is wrong with a file, before it has been put beside the file's text.
struct Fault {
    Mark mark;
    std::string message;
};

/// What a setting is read with.
struct Reading {
    const UnitName& name;
    const Specifiers& specifiers;
    UnitDraft& draft;
    std::vector<Fault>& faults;
    std::vector<Fault>& warnings;
    std::string_view key;      ///< of the setting that is being read
    bool in_fragment = false;  ///< in the unit file itself rather than in a drop-in
    bool user_instance = false;

    void fail(Mark mark, std::string message) { faults.push_back({mark, std::move(message)}); }
    void warn(Mark mark, std::string message) { warnings.push_back({mark, std::move(message)}); }
};

enum class SettingGroup : std::uint8_t { unit, relation, condition, service, kill, exec, install };

/// Which YAML values a setting takes; the JSON schema and the documentation name it.
enum class SettingKind : std::uint8_t {
    text,
    boolean,
    duration,
    number,
    octal,
    signal,
    limit,
    choice,
    words,  ///< a list, or a string split at blanks
    texts,  ///< a list, or one string that is kept whole
    commands,
    environment,
};

/// How a D-Bus property gets its value.
struct SettingProperty {
    std::string_view name;  ///< empty: none
    std::size_t alternative = 0;
    PropertyValue (*value)(const UnitDefinition&) = nullptr;
};

struct SettingRow {
    SettingGroup group;
    std::string_view key;
    SettingKind kind;
    void (*read)(Reading&, const YamlNode&);
    std::string_view doc;  ///< a sentence or two of Markdown
    std::array<SettingProperty, 2> properties{};
    std::span<const std::string_view> choices{};  ///< of SettingKind::choice
};

std::span<const SettingRow> unit_settings();
std::span<const SettingRow> relation_settings();
std::span<const SettingRow> condition_settings();
std::span<const SettingRow> service_settings();
std::span<const SettingRow> exec_settings();

/// Every row, in the order in which `show` and the documentation list them.
const std::vector<const SettingRow*>& all_settings();

/// The row of a key in a section of a unit file, or null. [Service] takes the groups service, kill
/// and exec.
const SettingRow* find_setting(std::string_view section, std::string_view key);

/// The keys that may stand in a section.
std::vector<std::string_view> keys_of_section(std::string_view section);

/// The settings of a service, also of a unit that is none (then the defaults).
const ServiceSettings& service_of(const UnitDefinition& unit);
const ExecSettings& exec_of(const UnitDefinition& unit);

}  // namespace svcd
