// Who started a unit, and by which rule svcd restarts it or leaves it down: as svcd wrote it down
// when it acted.
#pragma once

#include <string>

#include "facts.h"

namespace svcd {

/// "by root (uid 0) with 'svctl start web', PID 4711", "by svcd: OnFailure of web.service"; "" of a
/// svcd that does not tell.
std::string started_by_text(const Json& properties);

/// Who asked for the last start, where that was not even tried, since a unit that it needs did not
/// start: "root (uid 0) with ..."; else "".
std::string untried_start_text(const Json& properties);

/// The rule that has restarted it or will, "Restart: always", or that keeps it down,
/// "RestartPreventExitStatus"; "" for none.
std::string restart_rule(const Json& properties);

}  // namespace svcd
