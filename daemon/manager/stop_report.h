// What svcd says of its last stop when it leaves a container: nobody can ask any more.
#pragma once

#include "core/supervisor.h"
#include "manager/log.h"
#include "manager/options.h"
#include "state/stop_log.h"

namespace svcd {

/// StopReport::text: a line for each unit whose stop was part of the shutdown and needed SIGKILL at
/// its deadline, or used more than 80 % of its limit. StopReport::json: the record of each, as
/// docs/stop-records.md has it, a line each. To standard error; who does not read it is waited for
/// no longer than kReportPatience in all.
void report_stops(StopReport how, const Supervisor& supervisor, StopLog& stops, Log& log);
inline constexpr Duration kReportPatience{200'000};

}  // namespace svcd
