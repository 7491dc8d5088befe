#include "launcher/reaper.h"

#include <sys/wait.h>

namespace svcd {
namespace {

/// Exits between two looks at everything else, so that a fork bomb's end does not keep the manager
/// waiting.
constexpr int kBatch = 64;

// __WALL: also children whose parent asked for another signal than SIGCHLD at their end.
constexpr int kAllEnds = WEXITED | WNOHANG | __WALL;

}  // namespace

Reaped reap(Table& table, pid_t manager) {
    Reaped reaped;
    bool has_news = false;
    for (int count = 0;; ++count) {
        if (count == kBatch) {
            reaped.is_more = true;
            break;
        }
        siginfo_t end{};
        // Only look: as long as the zombie is there, its PID is nobody else's.
        if (::waitid(P_ALL, 0, &end, kAllEnds | WNOWAIT) != 0 || end.si_pid == 0) {
            break;
        }
        const pid_t pid = end.si_pid;
        if (pid == manager) {
            reaped.manager_ended = true;
            reaped.code = end.si_code;
            reaped.status = end.si_status;
        } else if (table.record_exit(pid, end.si_code, end.si_status)) {
            has_news = true;
        } else {
            table.count_orphan();
        }
        siginfo_t gone{};
        ::waitid(P_PID, static_cast<id_t>(pid), &gone, kAllEnds);
    }
    if (has_news) {
        table.poke();
    }
    return reaped;
}

}  // namespace svcd
