// Processes that svcd watches and whose parent isn't its launcher: those that lived on when an
// earlier launcher was killed, and main processes that somebody else started (MAINPID=, PIDFile).
// They stand in no slot of the process table, for no exit record of theirs will ever come. Instead
// a pidfd of each is held: it is what signals go to, it becomes readable when the process ends, and
// while it is held it can be no other's, whatever becomes of the PID.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "linux/process_tracker.h"
#include "linux/unique_fd.h"
#include "state/process_table.h"

namespace svcd {

/// What is known of a process: its PID, when it began, and where it has to be.
struct ProcessIdentity {
    Pid pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot; 0: not known, any will do
    std::string_view unit;         ///< whose cgroup it has to be in
    /// It may be in any cgroup: its start time, if that is known, says that it is the one.
    bool may_have_moved = false;
};

/// A pidfd of the process, if it is there and is the one that is meant. One that has ended and was
/// not reaped yet counts, since how it ended can still be learned. ESRCH: there is none, or the PID
/// is another process's now (the detail says which).
Result<UniqueFd> open_identified(const ProcessIdentity& identity, const ProcessTracker& tracker);

class AdoptedProcesses {
public:
    static Result<AdoptedProcesses> open();

    /// Readable when one has ended.
    int watch_fd() const { return epoll_.get(); }

    /// Watches the process until it ends or is forgotten. EEXIST: it is watched under another
    /// token.
    Result<void> hold(Token token, UniqueFd pidfd, Pid pid, std::uint64_t start_time);
    /// Those that have ended, at most kExitsPerTake; call again while it returns that many. Each is
    /// reported once.
    std::vector<ExitRecord> take_exits(Time now);
    /// Nothing happens when the token is none of them.
    void forget(Token token);

    /// 0 when the token is none of them.
    Pid pid_of(Token token) const;
    /// Null when the token is none of them.
    const UniqueFd* pidfd_of(Token token) const;

private:
    struct Held {
        UniqueFd pidfd;
        Pid pid = 0;
        std::uint64_t start_time = 0;
    };
    void stop_watching(const Held& held);
    explicit AdoptedProcesses(UniqueFd epoll) : epoll_(std::move(epoll)) {}

    UniqueFd epoll_;
    std::unordered_map<Token, Held> held_;
    std::unordered_set<Pid> pids_;
};

}  // namespace svcd
