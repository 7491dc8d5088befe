#include "exec/conditions.h"

#include <algorithm>
#include <array>

#include "exec/condition_kinds.h"

namespace svcd {
namespace {

/// In the order of ConditionKind.
constexpr std::array<ConditionTest, kConditionKinds> kTests{
    path_exists,
    path_exists_glob,
    path_is_directory,
    path_is_symbolic_link,
    path_is_mount_point,
    path_is_read_write,
    directory_not_empty,
    file_not_empty,
    file_is_executable,
    user,
    group,
    host,
    kernel_command_line,
    kernel_version,
    virtualization,
    architecture,
    capability,
    environment,
    control_group_controller,
    memory,
    cpus,
    first_boot,
    needs_update,
    ac_power,
    security,
    mounts_for,
};

/// Conditions or asserts. Nothing: they hold; else the place of the one that decided.
std::optional<std::size_t> decisive(const std::vector<Condition>& conditions,
                                    bool asserts,
                                    const ConditionView& view) {
    std::optional<std::size_t> first_trigger;
    bool triggered = false;
    for (std::size_t place = 0; place < conditions.size(); ++place) {
        const Condition& condition = conditions[place];
        if (condition.is_assert != asserts || (condition.trigger && triggered)) {
            continue;
        }
        const bool is_met = holds(condition, view);
        if (!condition.trigger && !is_met) {
            return place;
        }
        if (condition.trigger) {
            triggered = is_met;
            first_trigger = first_trigger.value_or(place);
        }
    }
    return triggered ? std::nullopt : first_trigger;
}

}  // namespace

bool holds(const Condition& condition, const ConditionView& view) {
    const auto kind = static_cast<std::size_t>(condition.kind);
    const Verdict verdict =
        kind < kTests.size() ? kTests[kind](condition.parameter, view) : std::nullopt;
    return verdict && *verdict != condition.negate;
}

int look_at_conditions(const std::vector<Condition>& conditions, const ConditionView& view) {
    for (const bool asserts : {false, true}) {
        if (const auto place = decisive(conditions, asserts, view)) {
            return static_cast<int>(std::min(*place + 1, kConditionsMax));
        }
    }
    return 0;
}

}  // namespace svcd
