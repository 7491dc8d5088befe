// A restart with a definition that is not the one in the file is seldom what was meant: it takes
// --reload, --stale, or an answer.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace svcd {

/// Before a restart of these units: has one of their files changed since it was loaded? Then it is
/// read first, or the restart goes on with the old definition, as the options or the answer say.
/// Throws Trouble when nothing is to be done.
void settle_stale_files(Session& session, const std::vector<std::string>& units);

}  // namespace svcd
