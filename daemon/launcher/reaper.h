// Reaping: no child of ours stays a zombie, and the end of each that is in the process table is
// written there before its PID can be used again.
#pragma once

#include <sys/types.h>

#include "launcher/table.h"

namespace svcd {

struct Reaped {
    bool is_more = false;        ///< there may be more: call again
    bool manager_ended = false;  ///< with what follows
    int code = 0;                ///< CLD_EXITED ...
    int status = 0;
};

/// Reaps a batch of children, `manager` among them, and pokes the manager once if the table has
/// news. Never waits.
Reaped reap(Table& table, pid_t manager);

}  // namespace svcd
