// Process descriptors: pidfd_open(2), pidfd_send_signal(2).
//
// svcd holds none. A process in a LIVE slot of the process table has not been reaped, so its PID
// can't have been given to another: open the pidfd, look at the slot again, and if it is still LIVE
// with the same token the descriptor is that process.
#pragma once

#include "core/types/ids.h"
#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

Result<UniqueFd> open_pidfd(Pid pid);
/// ESRCH when the process has ended (also while it is a zombie: then the signal is accepted and
/// does nothing).
Result<void> send_signal(const UniqueFd& pidfd, int signal);

}  // namespace svcd
