// The rows of the section Unit that name other units, and the paths that must be mounted
// (systemd.unit(5)).
#include <array>

#include "unitfile/setting_reader.h"
#include "unitfile/words.h"

namespace svcd {
namespace {

/// Relations that a unit can't do without: with a unit of a type that svcd doesn't have they are an
/// error. Anything else about what can't be here, an order or a wish, is kept by itself.
bool is_needed(Relation relation) {
    return relation == Relation::requires_ || relation == Relation::requisite ||
           relation == Relation::binds_to || relation == Relation::upholds ||
           relation == Relation::on_failure || relation == Relation::on_success;
}

template <Relation relation>
void read_relation(Reading& reading, const YamlNode& value) {
    UnitDraft& draft = reading.draft;
    read_words(
        reading, value, [&] { draft.drop_dependencies(relation); },
        [&](const std::string& word, const YamlNode& node) {
            const auto name = read_unit_name(reading, word, node);
            if (!name || name->full == reading.name.full) {
                return;
            }
            if (name->is_template()) {
                fail_value(reading, node,
                           "'" + word + "' is a template: name an instance, such as '" +
                               name->instance_name("1") + "'");
                return;
            }
            if (!name->type()) {
                if (is_needed(relation)) {
                    fail_value(reading, node,
                               "'" + word + "': units of type '" + name->suffix +
                                   "' are not supported by this version");
                }
                return;
            }
            draft.add_dependency(
                relation, name->full,
                reading.in_fragment ? static_cast<std::uint32_t>(node.mark.line) : 0);
        });
}

void add_mounted_path(Reading& reading, const YamlNode& node, std::string_view word) {
    const auto expanded = expand(reading, node, word);
    if (!expanded) {
        return;
    }
    auto path = parse_path(*expanded);
    if (!path) {
        fail_value(reading, node, path.error());
        return;
    }
    reading.draft.rare_unit.requires_mounts_for.push_back(*std::move(path));
}

/// A list's items are paths as they stand, blanks and all; a string is split by systemd's quoting.
void read_requires_mounts_for(Reading& reading, const YamlNode& value) {
    auto& paths = reading.draft.rare_unit.requires_mounts_for;
    if (is_reset(value)) {
        paths.clear();
        return;
    }
    if (value.kind == YamlNode::Kind::scalar) {
        const auto words = split_quoted_words(value.text);
        if (!words) {
            fail_value(reading, value, words.error());
            return;
        }
        for (const std::string& word : *words) {
            add_mounted_path(reading, value, word);
        }
        return;
    }
    if (value.kind == YamlNode::Kind::map) {
        fail_value(reading, value, "takes a list of paths, not a map");
        return;
    }
    for (const YamlNodePtr& item : value.items) {
        if (is_reset(*item)) {
            paths.clear();
        } else if (item->kind == YamlNode::Kind::scalar) {
            add_mounted_path(reading, *item, trim(item->text));
        } else {
            fail_value(reading, *item, "takes a list of paths, not of lists or maps");
        }
    }
}

// In the order of the enum.
constexpr auto kJobModes =
    std::to_array<std::string_view>({"replace", "fail", "isolate", "replace-irreversibly", "flush",
                                     "ignore-dependencies", "ignore-requirements"});

template <JobMode RareUnitSettings::*Member>
constexpr auto mode_of =
    [](const UnitDefinition& unit) { return word_of<kJobModes>(unit.rarely().*Member); };
constexpr auto kRequiresMountsFor = [](const UnitDefinition& unit) {
    return unit.rarely().requires_mounts_for;
};

using enum SettingGroup;
using R = RareUnitSettings;

template <Relation which>
constexpr SettingRow row(std::string_view key, std::string_view doc) {
    return {relation, key, SettingKind::words, read_relation<which>, doc, {}, {}};
}

// clang-format off
const auto kRows = std::to_array<SettingRow>({
    row<Relation::requires_>("Requires", "Units that are started with this one; when one of them fails to start or is stopped, this one is stopped too. Says nothing about order: see After."),
    row<Relation::requisite>("Requisite", "Units that must be active already; else the start fails at once."),
    row<Relation::wants>("Wants", "Units that are started with this one; their failure is no failure of this one."),
    row<Relation::binds_to>("BindsTo", "As Requires; besides, when one of them ends for whatever reason, this one is stopped."),
    row<Relation::part_of>("PartOf", "Units whose stop and restart are done to this one too."),
    row<Relation::upholds>("Upholds", "As Wants; besides, as long as this unit is up, they are started again whenever they are found inactive or failed."),
    row<Relation::conflicts>("Conflicts", "Units that can't run at the same time: the start of one stops the other."),
    row<Relation::before>("Before", "Units that are started only after this one has started, and stopped before it is stopped."),
    row<Relation::after>("After", "Units that must have started before this one is started; it is stopped before them."),
    row<Relation::on_failure>("OnFailure", "Units that are started when this one fails."),
    {relation, "OnFailureJobMode", SettingKind::choice, read_single<parse_enum<JobMode, kJobModes, kNoWords>, &R::on_failure_job_mode>,
     "How they are: as `--job-mode` of `svctl`. With `isolate` OnFailure names one unit only. Default replace.",
     {property<mode_of<&R::on_failure_job_mode>>("OnFailureJobMode")}, kJobModes},
    row<Relation::on_success>("OnSuccess", "Units that are started when this one ends well."),
    {relation, "OnSuccessJobMode", SettingKind::choice, read_single<parse_enum<JobMode, kJobModes, kNoWords>, &R::on_success_job_mode>,
     "As OnFailureJobMode. Default fail.",
     {property<mode_of<&R::on_success_job_mode>>("OnSuccessJobMode")}, kJobModes},
    row<Relation::propagates_reload_to>("PropagatesReloadTo", "Units that are reloaded when this one is."),
    row<Relation::reload_propagated_from>("ReloadPropagatedFrom", "Units whose reload is done to this one too."),
    row<Relation::propagates_stop_to>("PropagatesStopTo", "Units that are stopped when this one is."),
    row<Relation::stop_propagated_from>("StopPropagatedFrom", "Units whose stop is done to this one too."),
    row<Relation::joins_namespace_of>("JoinsNamespaceOf", "Units whose /tmp, network and IPC namespaces this one shares where both have private ones."),
    {relation, "RequiresMountsFor", SettingKind::words, read_requires_mounts_for,
     "Absolute paths; the unit is started only when everything is mounted that /etc/fstab mounts on the way to them.",
     {property<kRequiresMountsFor>("RequiresMountsFor")}, {}},
});
// clang-format on

}  // namespace

std::span<const SettingRow> relation_settings() {
    return kRows;
}

}  // namespace svcd
