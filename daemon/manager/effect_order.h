// The one rule of carrying out effects: **what is about to happen is written down before it
// happens.** All dirty records go to the state file first, then the orders are carried out in the
// order given, then the changes are noted for publication. A manager that dies in between finds,
// when it starts again, what it was about to do.
//
// A template, so that the rule can be tested with hands that only take notes.
#pragma once

#include <variant>

#include "core/types/effect.h"

namespace svcd {

/// `Hands` has write_unit(UnitId), write_supervisor(), carry_out(const E&) for each effect E, and
/// changed(UnitId).
template <typename Hands>
void carry_out_in_order(const Effects& effects, Hands& hands) {
    for (const UnitId unit : effects.dirty) {
        hands.write_unit(unit);
    }
    if (effects.supervisor_dirty) {
        hands.write_supervisor();
    }
    for (const Effect& effect : effects.orders) {
        std::visit([&hands](const auto& order) { hands.carry_out(order); }, effect);
    }
    for (const UnitId unit : effects.dirty) {
        hands.changed(unit);
    }
}

}  // namespace svcd
