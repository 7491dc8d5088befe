// Learns which children have left svcd's code (their execve succeeded), and takes back the stacks
// they ran on until then.
//
// The kernel tells it by clearing a word in our memory (CLONE_CHILD_CLEARTID), which wakes nobody:
// so the words are looked at on every wakeup, and from a timer of 10 ms that doubles to 1 s, for as
// long as a child is on its way. When none is, there is no timer, and an idle manager makes no
// system call. For Type=exec, whose start job waits for the execve, a descriptor that ends with it
// reports at once.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>

#include "core/types/event.h"
#include "linux/spawn.h"
#include "manager/event_loop.h"

namespace svcd {

class ExecSweeper {
public:
    ExecSweeper(EventLoop& loop, Spawner& spawner, std::deque<Event>& queue);

    /// A child was started; `report` is SpawnOutcome::exec_report, or nothing.
    Result<void> started(Token token, UniqueFd report);
    /// The process will be started by a keeper, and its PID is in the cell from then on: it is
    /// spawned when it is there, and not when the keeper ends without.
    void await_birth(Token token, const std::atomic<std::int32_t>* cell);
    /// Queues ProcessSpawned for each whose PID is there. No system call when none is awaited.
    void look_for_births();
    /// Queues ExecSucceeded for each child that got there, ExecFailed for others. To be called at
    /// the end of each turn, and before exits are handled: the start counts before the end.
    void sweep(Time now);
    /// The same in the middle of a turn, when a stack is wanted.
    void sweep_now();
    /// Somebody waits for a stack: look again soon.
    void hurry() { delay_ = kShortestDelay; }

private:
    static constexpr Duration kShortestDelay{1'000};

    void not_born(Token token, const ExecReport& report);

    struct Report {
        UniqueFd fd;
        std::unique_ptr<Watch> watch;
        bool ended = false;
    };

    EventLoop& loop_;
    Spawner& spawner_;
    std::deque<Event>& queue_;
    std::unique_ptr<Timer> timer_;
    std::map<Token, Report> reports_;
    std::map<Token, const std::atomic<std::int32_t>*> unborn_;
    Duration delay_;
};

}  // namespace svcd
