// What the launcher is to have open, under fixed numbers (libc/os.h, launcher/protocol.h).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "launcher/protocol.h"

namespace svcd {

/// What svcd was started with, and its command is to have.
struct Inherited {
    mode_t umask = 022;
    std::uint64_t ignored_signals = 0;  ///< bit N-1 for signal N
};

/// What we inherited from whoever started us must not reach services, nor hold us up. Takes the
/// fixed numbers, so that no other descriptor gets them. Returns what it has changed.
Inherited start_clean();

/// Moves a descriptor to one of the fixed numbers, and has it survive the execve. False, with
/// errno set, for -1.
bool give(int fd, int number);

/// Makes say() safe against a pipe that nobody reads, and a terminal that was stopped (^S); and
/// gives the launcher what it writes to.
void open_log();

/// Whether launcher and manager, which raise their limit as far as they may, will have enough
/// descriptors to serve svctl and to stop services. False: it was said why not.
bool has_enough_descriptors();

/// Makes the process table, with the launcher's settings in it, and its eventfd. False: it was said
/// why not.
bool make_table(const LauncherSettings& settings = {});

}  // namespace svcd
