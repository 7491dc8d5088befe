// Makes a failing run shorter: leaves out faults, commands and units, one after the other, as long
// as the same rule is still broken. What remains is a story that a person can read.
#pragma once

#include "simulation/plan.h"

namespace svcd::simulation {

/// The smallest plan it finds that breaks the same rule as `plan`, which must break one.
Plan shrink(const Plan& plan);

}  // namespace svcd::simulation
