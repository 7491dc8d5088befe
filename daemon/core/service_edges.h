#pragma once
#include "core/types/states.h"
namespace svcd {
constexpr bool is_edge(UnitType, SubState, SubState) {
    return true;
}
}  // namespace svcd
