// What a process is doing, from what /proc tells of it without ever waiting: proc(5).
//
// The manager reads this of processes that don't end, and those may hang in the kernel. Some files
// of /proc then hang their reader too, and with it everything that svcd does:
//
//  - `cmdline`, `environ`, `maps` and the like take the mmap_lock of the process. A thread in
//    uninterruptible sleep (state D) may hold it for as long as its disk or NFS server is away (a
//    page fault, an mmap), or wait for it itself. So a command line is read only when the process
//    has at most kThreadsLookedAt threads and none of them is in state D; else the link `exe` (or
//    the name) has to do. A thread that goes there in the microseconds between is a risk that
//    remains. That the arguments lie in a file of a hung file system, or of one of the process's
//    own, does no harm: the kernel reads anonymous memory only (since 4.17, CVE-2018-1120), and a
//    userfaultfd that stops the kernel takes privileges (since 5.11).
//  - `syscall` and `stack` take a lock (exec_update_lock) that a process in the middle of execve
//    holds while it may wait for the mmap_lock; they are left out when it waits there.
//
// `stat`, `status`, `wchan`, `exe` and the names in `fd` take spinlocks or RCU only: they never
// wait for what the process waits for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/ids.h"
#include "core/types/result.h"

namespace svcd {

inline constexpr std::size_t kThreadsLookedAt = 64;
inline constexpr std::size_t kStackLinesMax = 16;
inline constexpr std::size_t kCommandLineMax = 512;
inline constexpr std::size_t kDescriptorsLookedAt = 1024;
/// The kernel tells the start of a process in ticks of this length.
inline constexpr std::int64_t kStartTimeGrain = 10'000;
inline constexpr std::string_view kProcFolder = "/proc";

/// Signal N is bit N - 1 of the sets.
struct ProcessExamination {
    Pid pid = 0;
    Pid parent = 0;
    Pid session = 0;         ///< each command of a unit begins one: its PID
    std::string name;        ///< comm
    std::string command;     ///< see command_line()
    std::string executable;  ///< the target of /proc/PID/exe, which a script has of its interpreter
    char state = '?';        ///< as ps(1) shows it
    std::uint32_t threads = 0;
    /// µs of CLOCK_MONOTONIC, up to kStartTimeGrain too early, and earlier by the length of a
    /// suspend that came after it, which may make it negative.
    std::int64_t started_usec = 0;
    Pid tracer = 0;                  ///< 0: none
    bool is_namespace_init = false;  ///< PID 1 of its PID namespace
    bool core_dumping = false;
    std::string freezer;             ///< folder of the v1 freezer's cgroup that holds it, or empty
    std::string wait_channel;        ///< function of the kernel that it sleeps in, or empty
    std::string system_call;         ///< its name, "running", or empty
    std::vector<std::string> stack;  ///< functions of the kernel, innermost first
    std::uint32_t sockets = 0;       ///< among its first kDescriptorsLookedAt descriptors
    std::uint64_t caught = 0;
    std::uint64_t ignored = 0;
    std::uint64_t blocked = 0;
    std::uint64_t pending = 0;  ///< of the process and of its main thread
};

/// ESRCH: it is gone. What may not be read (another user's process, in a user instance) is left
/// out. A process with one thread takes about a dozen system calls, and one a descriptor.
Result<ProcessExamination> examine_process(Pid pid, std::string_view proc = kProcFolder);

/// The command line with spaces for NULs, at most `limit` bytes; of a process that hangs, or has
/// more than kThreadsLookedAt threads, the path of its executable; "[comm]" for one without either.
Result<std::string> command_line(Pid pid,
                                 std::size_t limit = kCommandLineMax,
                                 std::string_view proc = kProcFolder);

/// Was the program of this process given a variable of that name? Nothing: that can't be told. It
/// may hang its reader, or has written over its environment, as programs do that set their title.
std::optional<bool> has_in_environment(Pid pid,
                                       std::string_view name,
                                       std::string_view proc = kProcFolder);

/// "ppoll"; "syscall 999" for a number that this architecture's table doesn't have.
std::string system_call_name(long number);

}  // namespace svcd
