#include "core/types/unit.h"

namespace svcd {
namespace {

constexpr std::string_view kRootSlice = "-.slice";
constexpr std::string_view kSliceSuffix = ".slice";
constexpr std::string_view kSystemSlice = "system.slice";

/// "a-b.slice" is in "a.slice", "a.slice" in the root slice (systemd.slice(5)).
std::string parent_of_slice(std::string_view name) {
    const std::string_view stem = name.substr(0, name.rfind('.'));
    const std::size_t dash = stem.rfind('-');
    return dash == std::string_view::npos ? std::string(kRootSlice)
                                          : std::string(stem.substr(0, dash)).append(kSliceSuffix);
}

/// A part of a unit's name as a part of a slice's: the dash there means "in", so it is escaped, and
/// with it what begins an escape.
std::string escape_for_slice(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '-') {
            escaped += "\\x2d";
        } else if (c == '\\') {
            escaped += "\\x5c";
        } else if (c == '.' && escaped.empty()) {
            escaped += "\\x2e";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

}  // namespace

std::string setting_of(const Condition& condition) {
    const std::string name{name_of(condition.kind)};
    if (condition.kind == ConditionKind::mounts_for) {
        return name;
    }
    return (condition.is_assert ? "Assert" : "Condition") + name;
}

std::string describe(const Condition& condition) {
    return setting_of(condition) + "=" + (condition.trigger ? "|" : "") +
           (condition.negate ? "!" : "") + condition.parameter;
}

bool is_slice_name(std::string_view name) {
    if (name == kRootSlice) {
        return true;
    }
    if (!name.ends_with(kSliceSuffix) || name.find('@') != std::string_view::npos) {
        return false;
    }
    const std::string_view stem = name.substr(0, name.size() - kSliceSuffix.size());
    return !stem.empty() && stem.front() != '-' && stem.back() != '-' &&
           stem.find("--") == std::string_view::npos;
}

bool is_perpetual(std::string_view name) {
    return name == kRootSlice || name == kSystemSlice;
}

const RareServiceSettings& ServiceSettings::rarely() const {
    static const RareServiceSettings kNothing;
    return rare ? *rare : kNothing;
}

NotifyAccess ServiceSettings::notify_access_in_force() const {
    const NotifyAccess given = notify_access.value_or(NotifyAccess::none);
    const bool has_to = type == ServiceType::notify || type == ServiceType::notify_reload ||
                        watchdog > Duration::zero();
    return given == NotifyAccess::none && has_to ? NotifyAccess::main : given;
}

const RareUnitSettings& UnitDefinition::rarely() const {
    static const RareUnitSettings kNothing;
    return rare ? *rare : kNothing;
}

std::string UnitDefinition::slice() const {
    switch (unit_type_of(name).value_or(UnitType::target)) {
        case UnitType::target:
            return {};
        case UnitType::slice:
            return name == kRootSlice ? std::string{} : parent_of_slice(name);
        case UnitType::service:
            break;
    }
    if (!rarely().slice.empty()) {
        return rarely().slice;
    }
    const std::size_t at = name.find('@');
    return at == std::string::npos
               ? std::string(kSystemSlice)
               : "system-" + escape_for_slice(std::string_view{name}.substr(0, at)) + ".slice";
}

}  // namespace svcd
