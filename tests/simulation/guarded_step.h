// A step of the supervisor in which an assertion of its own may fail: that ends the run, and not
// the simulator, so that the failing seed can be told and shrunk.
#pragma once

#include "core/supervisor.h"

namespace svcd::simulation {

/// False when an assertion has failed. The supervisor is then good for nothing, not even for being
/// destroyed.
bool step_guarded(Supervisor& supervisor, Event event, Time now, Effects& effects);

}  // namespace svcd::simulation
