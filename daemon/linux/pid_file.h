// The PID file of a Type=forking service. What it says is a claim: the caller checks that the
// process is in the unit's cgroup, and the launcher's child.
//
// Its folder may be the service's own, and so what is on the way to it: a link is followed only
// when it and the folder that it is in are root's (exec/trusted_path.h): else a service could have
// root read, or remove, a file that it may not touch itself.
//
// The file may lie on a file system that hangs, so these are not for the manager to call: a process
// of its own does (manager/file_looks.h).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

/// Reads the one number in `path`. ENOENT while the service hasn't written it yet, and EAGAIN for
/// an empty file (it was opened and not yet written). Regular files only; nothing else is opened.
Result<Pid> read_pid_file(const std::string& path);

/// Removes a PID file that a service has left behind, so that it can start again: a regular file
/// that holds nothing but a number, which is not that of a process that `is_others` (alive, and
/// none of the service's). Only the file that was read is removed, not what has taken its place
/// since. Returns the number; nothing when there is no such file. EBUSY: another process has that
/// PID. A link is no such file.
Result<std::optional<Pid>> remove_stale_pid_file(const std::string& path,
                                                 const std::function<bool(Pid)>& is_others);

}  // namespace svcd
