// The PID file of a Type=forking service. What it says is a claim: the caller checks that the
// process is in the unit's cgroup, and the launcher's child.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

/// Reads the one number in `path`. ENOENT while the service hasn't written it yet, and EAGAIN for
/// an empty file (it was opened and not yet written). Regular files only; never waits.
Result<Pid> read_pid_file(const std::string& path);

/// Removes a PID file that a service has left behind, so that it can start again: a regular file
/// that holds nothing but a number, which is not that of a process that `is_others` (alive, and
/// none of the service's). Returns the number; nothing when there is no such file. EBUSY: another
/// process has that PID. Never waits.
Result<std::optional<Pid>> remove_stale_pid_file(const std::string& path,
                                                 const std::function<bool(Pid)>& is_others);

}  // namespace svcd
