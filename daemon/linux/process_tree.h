// Who is whose child: /proc/PID/task/TID/children (proc(5), Linux 3.5 with CONFIG_PROC_CHILDREN),
// or the parents of all processes where the kernel has no such file.
#pragma once

#include <cstddef>
#include <vector>

#include "core/types/ids.h"

namespace svcd {

/// The children of all threads of a process; none of one that is gone.
std::vector<Pid> children_of(Pid pid);

/// `roots`, their children, the children of those ... : each once, at most `limit`. Looked at again
/// until nothing new is found, for what forks meanwhile may be missed at one look (a few times:
/// who forks without end is never all seen). Processes that are zombies are left out.
std::vector<Pid> with_descendants(const std::vector<Pid>& roots, std::size_t limit);

}  // namespace svcd
