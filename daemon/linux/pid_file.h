// The PID file of a Type=forking service. What it says is a claim: the caller checks that the
// process is in the unit's cgroup, and the launcher's child.
#pragma once

#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

/// Reads the one number in `path`. ENOENT while the service hasn't written it yet, and EAGAIN for
/// an empty file (it was opened and not yet written). Regular files only; never waits.
Result<Pid> read_pid_file(const std::string& path);

/// Removes one that is of no more use; that there is none is no failure.
Result<void> remove_pid_file(const std::string& path);

}  // namespace svcd
