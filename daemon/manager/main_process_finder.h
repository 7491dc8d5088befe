// Finds and pins the main process of a service that svcd did not spawn as such: one that a forking
// service left behind, or that a service named with MAINPID=.
//
// The order of doing is what makes it safe: first the slot of the process table is taken and given
// the PID, so that from here on the launcher keeps the exit for us; then it is checked that the
// process is alive, the launcher's child and in the unit's cgroup. Had the PID been given to
// another process in between, one of the three would not hold.
//
// One that is not the launcher's child, and whose parent is outside of the unit's cgroup, is held
// by a pidfd instead: what a service did on its own after its launcher was killed.
#pragma once

#include "core/types/effect.h"
#include "core/types/event.h"
#include "linux/process_tracker.h"
#include "linux/procfs.h"
#include "state/adopted_processes.h"
#include "state/process_table.h"

namespace svcd {

/// What is being looked for, in the words of the shell.
struct MainProcessQuery {
    IdentifyMainProcess order;  ///< `pid`: of `named`, and what the PID file says
    std::string_view unit;
    Pid control = 0;  ///< the control process, which is not it
};

class MainProcessFinder {
public:
    MainProcessFinder(ProcessTable& table,
                      AdoptedProcesses& adopted,
                      ProcessTracker& tracker,
                      Pid launcher)
        : table_(table), adopted_(adopted), tracker_(tracker), launcher_(launcher) {}

    /// The slot of the token is taken when it succeeds (but for a foreign process), and free when
    /// it doesn't.
    Result<MainProcessFound> find(const MainProcessQuery& query);

private:
    Result<Pid> candidate(const MainProcessQuery& query) const;
    Result<Pid> guess(const MainProcessQuery& query) const;
    Result<MainProcessFound> pin_child(Token token, Pid pid, std::string_view unit);
    Result<MainProcessFound> hold_foreign(Token token, Pid pid, std::string_view unit);
    Result<ProcessInfo> check(Pid pid, std::string_view unit) const;
    Result<void> belongs_to(Pid pid, std::string_view unit) const;

    ProcessTable& table_;
    AdoptedProcesses& adopted_;
    ProcessTracker& tracker_;
    Pid launcher_;
};

}  // namespace svcd
