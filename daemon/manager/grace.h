// The time that a container's runtime grants a stop (docs/container.md).
#pragma once

#include <string>

#include "core/supervisor.h"
#include "core/types/result.h"
#include "manager/config.h"
#include "manager/log.h"
#include "manager/options.h"

namespace svcd {

/// What svcd.yaml leaves open: in a container ShutdownBudgetSec is 10 s, as Docker grants, and
/// ShutdownMarginSec 1 s.
Config config_defaults(const ManagerOptions& options);

/// "20s", or "@FILE" for a file that has it.
Result<Duration> read_shutdown_budget(const std::string& text);

/// Puts --shutdown-budget, or else $SVCD_SHUTDOWN_BUDGET, in the place of what svcd.yaml says. An
/// error says which of them is wrong.
Result<void> choose_shutdown_budget(const ManagerOptions& options, Config& config);

/// Says of each unit whose own TimeoutStopSec is more than a shutdown leaves it, at most
/// kCutUnitsMax of them.
void warn_of_cut_stops(const Supervisor& supervisor, const Config& config, Log& log);
inline constexpr std::size_t kCutUnitsMax = 10;

}  // namespace svcd
