// Facts about processes from /proc: proc(5). All reads are bounded; a process that is gone is
// ESRCH.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

struct ProcessInfo {
    Pid pid = 0;
    Pid parent = 0;
    Pid session = 0;
    char state = '?';
    std::uint64_t start_time = 0;  ///< clock ticks since boot: with the PID, an identity
    std::string name;              ///< comm
    std::uint32_t threads = 0;
    int wait_status = 0;  ///< of a zombie, as waitpid(2) has it
};

Result<ProcessInfo> process_info(Pid pid);
/// The same from the text of /proc/PID/stat; nothing when it isn't one.
std::optional<ProcessInfo> parse_process_stat(std::string_view line);
/// The v2 cgroup path of a process ("0::" of /proc/PID/cgroup).
Result<std::string> cgroup_of(Pid pid);
/// Has this child of `parent` ended, and is it only `parent` that has to reap it? No while a tracer
/// holds it.
bool is_unreaped_child(Pid pid, Pid parent);
/// Is the kernel writing its core dump now? No of a process that is gone.
bool is_dumping_core(Pid pid);
/// The signals that the process catches, blocks or ignores: bit N - 1 is signal N.
Result<std::uint64_t> signals_taken(Pid pid);
/// The same from the text of /proc/PID/status; nothing when it isn't one.
std::optional<std::uint64_t> parse_signals_taken(std::string_view text);
std::string boot_id();

}  // namespace svcd
