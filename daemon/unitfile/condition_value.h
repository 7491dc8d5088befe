// What follows the prefixes of a Condition or Assert setting, checked while the unit is loaded:
// systemd lets a condition that it doesn't understand fail at each start, here it is an error
// (systemd.unit(5), "Conditions and Asserts").
#pragma once

#include <string>
#include <string_view>

#include "core/types/unit.h"
#include "unitfile/values.h"

namespace svcd {

/// The parameter in the one form that Condition::parameter has, or what is wrong with it.
Parsed<std::string> parse_condition(ConditionKind kind, std::string_view text);

}  // namespace svcd
