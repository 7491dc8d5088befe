// Answers of the bus that put many units beside each other, as JSON (docs/stop-records.md): who
// waited for whom when everything went down, and when it came up.
#pragma once

#include "bus/manager_api.h"
#include "core/supervisor.h"
#include "state/stop_log.h"

namespace svcd {

/// No answer grows beyond so many bytes; `more` counts what is left out.
inline constexpr std::size_t kTimelineTextMax = 4 * 1024 * 1024;

/// The records of the latest request, or of the latest shutdown, and which of these units are
/// ordered after which.
TextPieces stop_timeline(const StopLog& log, const Supervisor& supervisor);

/// When each unit that has been started came up. `began`: when svcd was started.
TextPieces boot_timeline(const Supervisor& supervisor, Time began);

}  // namespace svcd
