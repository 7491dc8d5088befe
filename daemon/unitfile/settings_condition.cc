// The rows of Condition... and Assert... (systemd.unit(5), "Conditions and Asserts"): one pair for
// each ConditionKind, with the names that core/types/names.cc has.
#include <array>

#include "unitfile/condition_value.h"
#include "unitfile/setting_reader.h"

namespace svcd {
namespace {

struct ConditionDoc {
    ConditionKind kind;
    std::string_view doc;
};

// clang-format off
constexpr auto kDocs = std::to_array<ConditionDoc>({
    {ConditionKind::path_exists, "A path that exists."},
    {ConditionKind::path_exists_glob, "A pattern as the shell's that some path matches."},
    {ConditionKind::path_is_directory, "A path that is a directory."},
    {ConditionKind::path_is_symbolic_link, "A path that is a symbolic link."},
    {ConditionKind::path_is_mount_point, "A path where something is mounted."},
    {ConditionKind::path_is_read_write, "A path on a file system that can be written to."},
    {ConditionKind::directory_not_empty, "A directory with something in it."},
    {ConditionKind::file_not_empty, "A file with something in it."},
    {ConditionKind::file_is_executable, "A file that may be executed."},
    {ConditionKind::user, "The user that svcd runs as, by name or number; `@system` for any system user."},
    {ConditionKind::group, "A group that svcd is in, by name or number."},
    {ConditionKind::host, "The name of the host, or a pattern of names, or the machine's ID."},
    {ConditionKind::kernel_command_line, "A word of the kernel's command line, or `NAME=VALUE`."},
    {ConditionKind::kernel_version, "Comparisons with the kernel's version (`uname -r`), of which all must hold: after `<`, `<=`, `==`, `<>`, `>=`, `>` a version, after `=` and `!=` a text, after `$=`, `!$=` or nothing a pattern."},
    {ConditionKind::virtualization, "`yes`, `no`, `vm`, `container`, `private-users`, or a name of systemd-detect-virt(1)."},
    {ConditionKind::architecture, "An architecture as systemd names it, such as `x86-64` or `arm64`; `native` for the one svcd was built for."},
    {ConditionKind::capability, "A capability that svcd's bounding set has, such as `CAP_MKNOD`."},
    {ConditionKind::environment, "A variable of svcd's own environment, or `NAME=VALUE`."},
    {ConditionKind::control_group_controller, "Controllers that cgroups have here, such as `cpu memory`; `v1` or `v2` for the hierarchy."},
    {ConditionKind::memory, "The machine's memory, such as `1G`; `<`, `<=`, `=`, `!=`, `>=` or `>` before it, of which `>=` goes without saying."},
    {ConditionKind::cpus, "The number of CPUs svcd may use, compared in the same way."},
    {ConditionKind::first_boot, "Whether this is the first boot of an installation, `yes` or `no`."},
    {ConditionKind::needs_update, "`/etc` or `/var`, which was not brought up to date since /usr was changed."},
    {ConditionKind::ac_power, "Whether the machine runs on AC power, `yes` or `no`."},
    {ConditionKind::security, "`selinux`, `apparmor`, `tomoyo`, `ima`, `smack`, `audit`, `uefi-secureboot` or `tpm2`."},
});
// clang-format on
// mounts_for has a setting of its own, RequiresMountsFor.
static_assert(kDocs.size() == kConditionKinds - 1);

constexpr std::string_view kCondition = "Condition";
constexpr std::string_view kAssert = "Assert";

/// Takes the prefix off a value.
bool take_prefix(std::string_view& text, char prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text = trim(text.substr(1));
    return true;
}

void add_condition(Reading& reading, const YamlNode& node, ConditionKind kind, bool is_assert) {
    Condition condition{kind, is_assert, false, false, {}};
    std::string_view text = trim(node.text);
    condition.trigger = take_prefix(text, '|');
    condition.negate = take_prefix(text, '!');
    if (text.starts_with('|') ||
        (text.starts_with('!') && !text.starts_with("!=") && !text.starts_with("!$="))) {
        fail_value(reading, node, "of the prefixes '|' comes first, then '!', each once");
        return;
    }
    const auto expanded = expand(reading, node, text);
    if (!expanded) {
        return;
    }
    auto parameter = parse_condition(kind, *expanded);
    if (!parameter) {
        fail_value(reading, node, parameter.error());
        return;
    }
    condition.parameter = *std::move(parameter);
    reading.draft.rare_unit.conditions.push_back(std::move(condition));
}

/// A reset takes back every Condition, or every Assert, of whatever kind, as with systemd.
void read_condition(Reading& reading, const YamlNode& value) {
    const bool is_assert = reading.key.starts_with(kAssert);
    const std::string_view name =
        reading.key.substr(is_assert ? kAssert.size() : kCondition.size());
    const auto clear = [&] {
        std::erase_if(reading.draft.rare_unit.conditions,
                      [&](const Condition& each) { return each.is_assert == is_assert; });
    };
    if (is_reset(value)) {
        clear();
        return;
    }
    const auto add = [&](const YamlNode& node) {
        if (is_reset(node)) {
            clear();
            return;
        }
        if (node.kind != YamlNode::Kind::scalar) {
            fail_value(reading, node, "takes one value, or a list of them");
            return;
        }
        for (const ConditionDoc& each : kDocs) {
            if (name_of(each.kind) == name) {
                add_condition(reading, node, each.kind, is_assert);
            }
        }
    };
    if (value.kind != YamlNode::Kind::sequence) {
        add(value);
        return;
    }
    for (const YamlNodePtr& item : value.items) {
        add(*item);
    }
}

struct ConditionRows {
    std::vector<std::string> keys;
    std::vector<SettingRow> rows;
};

ConditionRows make_rows() {
    ConditionRows made;
    made.keys.reserve(2 * kDocs.size());  // the rows point into it
    for (const std::string_view prefix : {kCondition, kAssert}) {
        for (const ConditionDoc& each : kDocs) {
            made.keys.push_back(std::string(prefix) + std::string(name_of(each.kind)));
            made.rows.push_back({SettingGroup::condition,
                                 made.keys.back(),
                                 SettingKind::texts,
                                 read_condition,
                                 each.doc,
                                 {},
                                 {}});
        }
    }
    return made;
}

}  // namespace

std::span<const SettingRow> condition_settings() {
    static const ConditionRows kMade = make_rows();
    return kMade.rows;
}

}  // namespace svcd
