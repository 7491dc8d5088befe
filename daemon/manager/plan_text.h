// A plan as JSON: docs/plans.md.
#pragma once

#include <functional>

#include "bus/manager_api.h"
#include "core/supervisor.h"

namespace svcd {

/// In pieces, of which the first makes the plan: so nobody who waits for their turn has one in
/// memory. `supervisor` is the one that makes it.
TextPieces plan_text(const std::function<Plan()>& make, const Supervisor& supervisor);

}  // namespace svcd
