// Process descriptors: pidfd_open(2), pidfd_send_signal(2).
//
// Of its launcher's children svcd holds none. A process in a LIVE slot of the process table has not
// been reaped, so its PID can't have been given to another: open the pidfd, look at the slot again,
// and if it is still LIVE with the same token the descriptor is that process. Of a process that
// another parent reaps a pidfd has to be held: state/adopted_processes.h.
#pragma once

#include <cstdint>
#include <optional>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/states.h"
#include "linux/unique_fd.h"

namespace svcd {

Result<UniqueFd> open_pidfd(Pid pid);
/// ESRCH when the process has ended (also while it is a zombie: then the signal is accepted and
/// does nothing). With a value it is as sigqueue(3) sends it.
Result<void> send_signal(const UniqueFd& pidfd,
                         int signal,
                         std::optional<std::int32_t> value = std::nullopt);

/// Whom signals go to. Without a descriptor, as none was free, it is meant by its number, which may
/// be another's once it has been reaped: what gives resources back never waits for some.
struct Recipient {
    Pid pid = 0;
    UniqueFd pidfd;
};

/// ESRCH when there is no such process.
Result<Recipient> open_recipient(Pid pid);
/// As above, and kill(2) or sigqueue(3) where there is no descriptor.
Result<void> send_signal(const Recipient& recipient,
                         int signal,
                         std::optional<std::int32_t> value = std::nullopt);

/// Has the process ended, reaped or not? No system call waits.
bool has_ended(const UniqueFd& pidfd);

/// How a process ended, in the words of ProcessExited.
struct EndOfProcess {
    ExitCode code = ExitCode::unknown;
    int status = 0;
};

/// Of a wait status as waitpid(2) has it.
EndOfProcess end_of(int wait_status);

/// How the process of a pidfd has ended, whoever its parent is. From /proc/PID/stat while it is a
/// zombie; once its parent has reaped it the kernel tells since Linux 6.15, if the pidfd was opened
/// before the end. Else ExitCode::unknown, UnknownEnd::not_told. `start_time` (0: not known) makes
/// sure of whose the PID is.
EndOfProcess end_of(const UniqueFd& pidfd, Pid pid, std::uint64_t start_time);

}  // namespace svcd
