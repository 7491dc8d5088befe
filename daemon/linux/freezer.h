// The freezer of cgroup v1. Since Linux 6.1 a process that it holds sleeps where it was, in state
// D: only the files of the freezer tell it from one that waits for a disk.
#pragma once

#include <string>
#include <string_view>

#include "core/types/ids.h"

namespace svcd {

/// The folder of the v1 freezer's cgroup that holds the process frozen: the nearest one that was
/// told to. "": none does, or it can't be told.
std::string freezer_of(Pid pid);

/// The freezer's cgroup in the text of /proc/PID/cgroup; "" where there is none.
std::string_view parse_freezer_cgroup(std::string_view text);

}  // namespace svcd
