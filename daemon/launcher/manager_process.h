// The manager as a process: started, and started again whenever it ends.
//
// It is safe to start it at any time, for everything it needs to go on is in the process table, the
// state file and the fd store. So a death is answered at once; only one that dies kDeathsMax times
// in kDeathWindow waits, twice as long each time, up to kWaitMax. Services don't notice.
// A manager that was ready and leaves with status 0 makes room for another (`svctl daemon-reexec`):
// that is no death.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>

#include "launcher/manager_link.h"
#include "launcher/table.h"

namespace svcd {

inline constexpr int kDeathsMax = 5;
inline constexpr std::int64_t kDeathWindow = 10'000'000;  // µs, as all times here
inline constexpr std::int64_t kWaitFirst = 1'000'000;
inline constexpr std::int64_t kWaitMax = 60'000'000;

/// What the manager is executed with.
struct ManagerCommand {
    const char* path;
    char** arguments;
    rlimit descriptors;  ///< the limit that svcd was started with
};

class ManagerProcess {
public:
    explicit ManagerProcess(const ManagerCommand& command) : command_(command) {}

    /// Its PID; 0 while there is none.
    pid_t pid() const { return pid_; }

    /// Starts it. A failure counts as a death.
    void start(Table& table, ManagerLink& link);
    /// It serves: all it needs to start is there.
    void is_ready() { was_ready_ = true; }
    bool was_ready() const { return was_ready_; }
    /// It has been reaped: says how it ended, and decides when it starts again.
    void ended(int code, int status);
    /// SIGKILL: it is not to decide anything any more.
    void kill() const;
    /// Start it at the next occasion, however often it has died: somebody asked for something.
    void hurry();

    /// How long to wait until start() is due, in ms for poll(2); -1 while it runs.
    int wait_ms() const;

private:
    pid_t spawn(Table& table, ManagerLink& link);
    void died(const char* how);

    ManagerCommand command_;
    pid_t pid_ = 0;
    bool was_ready_ = false;  ///< the present one, or the last
    std::int64_t start_at_ = 0;
    std::int64_t wait_ = 0;                 ///< before the last start; 0: it was at once
    std::int64_t deaths_[kDeathsMax] = {};  ///< when; the oldest is overwritten next
    int death_count_ = 0;
};

}  // namespace svcd
