// Why an execve failed, found out by looking at the file: errno alone takes a missing interpreter
// for a missing file, and a directory for a lack of rights.
//
// Runs where the execve ran, as the same user, and raw (no libc, no allocation): in the child of a
// plain spawn, which shares the manager's memory, or in svcd-exec. So a file system that hangs
// holds up that process only. A few system calls, and only after a failure.
#pragma once

#include "exec/child_steps.h"

namespace svcd {

/// Puts into `failure` what a look at `path` shows, after its execve has failed with
/// `failure.error_number`. `path` is of the plan, or of a file that it names.
void look_at_executable(const char* path, ChildFailure& failure);

}  // namespace svcd
