// Facts about processes from /proc: proc(5). All reads are bounded; a process that is gone is
// ESRCH.
#pragma once

#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

struct ProcessInfo {
    Pid pid = 0;
    Pid parent = 0;
    char state = '?';
    std::uint64_t start_time = 0;  ///< clock ticks since boot: with the PID, an identity
    std::string name;              ///< comm
};

Result<ProcessInfo> process_info(Pid pid);
/// The command line with spaces for NULs, at most `limit` bytes; "[comm]" for a process without
/// one.
Result<std::string> command_line(Pid pid, std::size_t limit = 4096);
/// The v2 cgroup path of a process ("0::" of /proc/PID/cgroup).
Result<std::string> cgroup_of(Pid pid);
/// Is the kernel writing its core dump now? No of a process that is gone.
bool is_dumping_core(Pid pid);
std::string boot_id();

}  // namespace svcd
