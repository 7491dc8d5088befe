// A plan as JSON: docs/plans.md.
#pragma once

#include <string>

#include "core/supervisor.h"

namespace svcd {

/// `supervisor` is the one that made the plan, in the same turn.
std::string plan_text(const Plan& plan, const Supervisor& supervisor);

}  // namespace svcd
