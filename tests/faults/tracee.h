// A manager that stands at a system call, as ptrace(2) sees it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "faults/rule.h"

namespace svcd::faults {

/// Where a process stands that ptrace has stopped at a call.
struct Stop {
    bool is_entry;
    std::uint64_t number;   ///< of the call; valid at the entry
    std::uint64_t args[6];  ///< valid at the entry
    std::int64_t result;    ///< valid at the exit; -errno when it failed
};

/// No value: it has died in the meantime, or stands elsewhere.
std::optional<Stop> stop_of(pid_t pid);

/// The name of the call, and the path of the file that it is about.
Call call_of(pid_t pid, const Stop& stop);

/// At the entry: the call is not done. Its exit is a stop too, at which set_result() is due.
bool skip_call(pid_t pid);
/// At the exit.
bool set_result(pid_t pid, std::int64_t result);

}  // namespace svcd::faults
