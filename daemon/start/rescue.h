// `svcd --rescue-shell`: what rescue.service and emergency.service of a machine run.
#pragma once

namespace svcd {

inline constexpr const char* kRescueShellOption = "--rescue-shell";

/// Puts the shell of RescueShell (svcd.yaml) on the console, waits until it is left, and has PID 1
/// go on to default.target then. The status to leave with.
int run_rescue_shell();

}  // namespace svcd
