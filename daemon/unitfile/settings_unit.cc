// The rows of the sections Unit and Install (systemd.unit(5)).
#include <algorithm>

#include "core/types/record.h"
#include "unitfile/setting_reader.h"

namespace svcd {
namespace {

/// A name in a list of units: "db.service", or "db@.service" in a template's instance, where the
/// instance is meant. On an error a fault, and nothing.
std::optional<UnitName> read_unit_name(Reading& reading,
                                       const std::string& word,
                                       const YamlNode& node) {
    auto name = parse_unit_name(word);
    if (!name) {
        const bool lacks_suffix = parse_unit_name(word + ".service").has_value();
        fail_value(reading, node,
                   "'" + word + "' is not the name of a unit" +
                       (lacks_suffix ? ", did you mean '" + word + ".service'?" : std::string{}));
        return std::nullopt;
    }
    if (name->is_template() && reading.name.is_instance()) {
        name = parse_unit_name(name->instance_name(reading.name.instance));
    }
    return name;
}

bool is_requirement(Relation relation) {
    return relation == Relation::requires_ || relation == Relation::requisite ||
           relation == Relation::binds_to;
}

template <Relation relation>
void read_relation(Reading& reading, const YamlNode& value) {
    auto& dependencies = reading.draft.unit.dependencies;
    read_words(
        reading, value,
        [&] {
            std::erase_if(dependencies,
                          [](const Dependency& each) { return each.relation == relation; });
        },
        [&](const std::string& word, const YamlNode& node) {
            const auto name = read_unit_name(reading, word, node);
            if (!name || name->full == reading.name.full) {
                return;  // a unit's relation with itself says nothing
            }
            if (name->is_template()) {
                fail_value(reading, node,
                           "'" + word + "' is a template: name an instance, such as '" +
                               name->instance_name("1") + "'");
                return;
            }
            if (!name->type()) {
                if (is_requirement(relation)) {
                    fail_value(reading, node,
                               "'" + word + "': units of type '" + name->suffix +
                                   "' are not supported by this version");
                }
                return;  // an order or a wish about what can't be here is kept by itself
            }
            const Dependency dependency{relation, name->full};
            if (std::find(dependencies.begin(), dependencies.end(), dependency) ==
                dependencies.end()) {
                dependencies.push_back(dependency);
            }
        });
}

void read_documentation(Reading& reading, const YamlNode& value) {
    auto& documentation = reading.draft.unit.documentation;
    read_words(
        reading, value, [&] { documentation.clear(); },
        [&](const std::string& word, const YamlNode& node) {
            for (const std::string_view scheme :
                 {"http://", "https://", "file:", "info:", "man:"}) {
                if (word.starts_with(scheme) && word.size() > scheme.size()) {
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

template <bool UnitDefinition::*Member>
constexpr auto flag = [](const UnitDefinition& unit) { return unit.*Member; };

constexpr auto kInterval = [](const UnitDefinition& unit) {
    return shown_duration(unit.start_limit_interval);
};
constexpr auto kBurst = [](const UnitDefinition& unit) { return unit.start_limit_burst; };

using enum SettingGroup;
using U = UnitDefinition;

// clang-format off
const auto kRows = std::to_array<SettingRow>({
    {unit, "Description", SettingKind::text, read_text<&U::description>,
     "What the unit is, for people: shown by `status` and in the log.", {}, {}},
    {unit, "Documentation", SettingKind::words, read_documentation,
     "Where to read more: `http://`, `https://`, `file:`, `info:` or `man:` addresses.", {}, {}},
    {unit, "Requires", SettingKind::words, read_relation<Relation::requires_>,
     "Units that are started with this one; when one of them fails to start or is stopped, this one is stopped too. Says nothing about order: see After.", {}, {}},
    {unit, "Requisite", SettingKind::words, read_relation<Relation::requisite>,
     "Units that must be active already; else the start fails at once.", {}, {}},
    {unit, "Wants", SettingKind::words, read_relation<Relation::wants>,
     "Units that are started with this one; their failure is no failure of this one.", {}, {}},
    {unit, "BindsTo", SettingKind::words, read_relation<Relation::binds_to>,
     "As Requires; besides, when one of them ends for whatever reason, this one is stopped.", {}, {}},
    {unit, "PartOf", SettingKind::words, read_relation<Relation::part_of>,
     "Units whose stop and restart are done to this one too.", {}, {}},
    {unit, "Conflicts", SettingKind::words, read_relation<Relation::conflicts>,
     "Units that can't run at the same time: the start of one stops the other.", {}, {}},
    {unit, "Before", SettingKind::words, read_relation<Relation::before>,
     "Units that are started only after this one has started, and stopped before it is stopped.", {}, {}},
    {unit, "After", SettingKind::words, read_relation<Relation::after>,
     "Units that must have started before this one is started; it is stopped before them.", {}, {}},
    {unit, "DefaultDependencies", SettingKind::boolean, read_single<parse_boolean, &U::default_dependencies>,
     "Whether the usual dependencies are added: a service after basic.target, a target after what it wants. Default yes.",
     {property<flag<&U::default_dependencies>>("DefaultDependencies")}, {}},
    {unit, "IgnoreOnIsolate", SettingKind::boolean, read_single<parse_boolean, &U::ignore_on_isolate>,
     "Whether `isolate` of another unit leaves this one running. Default no.",
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
    {unit, "StartLimitIntervalSec", SettingKind::duration, read_single<parse_duration, &U::start_limit_interval>,
     "In this time a unit is started StartLimitBurst times at most; 0 turns the limit off. Default 10s.",
     {property<kInterval>("StartLimitIntervalUSec")}, {}},
    {unit, "StartLimitBurst", SettingKind::number, read_single<parse_start_limit_burst, &U::start_limit_burst>,
     "See StartLimitIntervalSec. At most 64; default 5.",
     {property<kBurst>("StartLimitBurst")}, {}},
    {install, "WantedBy", SettingKind::words, read_install_names,
     "The units that want this one once it is enabled.", {}, {}},
    {install, "RequiredBy", SettingKind::words, read_install_names,
     "The units that require this one once it is enabled.", {}, {}},
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
