// What has no unit any more: left over by KillMode=process, from a login, started by hand.
#pragma once

#include "shutdown/helpers.h"

namespace svcd {

/// µs: so long for SIGTERM, and for the kernel to clear up after SIGKILL. What is there then hangs
/// in the kernel.
inline constexpr std::int64_t kTermMost = 5'000'000;
inline constexpr std::int64_t kKillMost = 2'000'000;

/// Ends every process but PID 1 and ourselves: SIGTERM (not `at_once`), then SIGKILL, which is said
/// of those who need it. Returns as soon as nothing is left, and when the time is over.
void kill_the_rest(const Helpers& helpers, bool at_once);

}  // namespace svcd
