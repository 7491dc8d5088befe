// The end of the whole tree, once the manager has stopped all units and has ended (or nobody waited
// for it): kill what is left, unmount, and switch off.
#pragma once

#include "launcher/helpers.h"
#include "launcher/table.h"

namespace svcd {

/// What has no unit any more (µs): so long for SIGTERM, and for the kernel to clear up after
/// SIGKILL. What is there then hangs in the kernel.
inline constexpr std::int64_t kTermMost = 5'000'000;
inline constexpr std::int64_t kKillMost = 2'000'000;

/// The status to leave with. As PID 1 every process that is left is killed first. On a machine
/// (`is_machine`) it does not return: it unmounts everything and calls reboot(2).
int take_last_steps(const EndOrder& end, bool is_machine, int signals);

}  // namespace svcd
