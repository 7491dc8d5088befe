// The launcher's side of the process table: it makes it, and writes exits and requests into it.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "launcher/protocol.h"

namespace svcd {

/// How svcd is to end: TableHeader's end_* and final_status.
struct EndOrder {
    int status = 0;
    EndKind kind = EndKind::exit;
    bool at_once = false;
    std::int64_t deadline = 0;  ///< µs of CLOCK_MONOTONIC; 0: none
};

class Table {
public:
    /// Makes the memfd and the eventfd. False: it was said why not.
    bool create();

    int fd() const { return fd_; }
    int poke_fd() const { return poke_fd_; }

    /// The child `pid` has ended. True when it was in the table, where its end is written now. To
    /// be called before the child is reaped, for until then nobody else can have its PID.
    bool record_exit(pid_t pid, int code, int status);
    /// Counts a child that was not in the table.
    void count_orphan();

    /// Leaves a LauncherRequest for the present manager, or the next.
    void request(std::uint32_t bits);
    /// Wakes the manager.
    void poke();

    /// False when the launcher is to stay.
    bool read_end(EndOrder& end) const;
    /// Counts a start of the manager.
    void count_start();
    /// A process was or is to be spawned.
    bool has_processes() const;

private:
    void mark_exited(std::uint32_t index);
    std::uint32_t used() const;

    int fd_ = -1;
    int poke_fd_ = -1;
    TableHeader* header_ = nullptr;
    ProcessSlot* slots_ = nullptr;
};

}  // namespace svcd
