// The one rule of carrying out effects: **what is about to happen is written down before it
// happens.** All that the step changes goes to the state file first, where it counts as a whole or
// not at all; then the orders are carried out in the order given, then the changes are noted for
// publication. A manager that dies in between finds, when it starts again, what it was about to do.
//
// A template, so that the rule can be tested with hands that only take notes.
#pragma once

#include <variant>

#include "core/types/effect.h"

namespace svcd {

/// `Hands` has write_down(const Effects&), carry_out(const E&) for each effect E, and
/// changed(UnitId).
template <typename Hands>
void carry_out_in_order(const Effects& effects, Hands& hands) {
    hands.write_down(effects);
    for (const Effect& effect : effects.orders) {
        std::visit([&hands](const auto& order) { hands.carry_out(order); }, effect);
    }
    for (const UnitId unit : effects.dirty) {
        hands.changed(unit);
    }
    for (const UnitId unit : effects.shown) {
        hands.changed(unit);
    }
}

}  // namespace svcd
