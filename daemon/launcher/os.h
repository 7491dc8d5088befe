// The few things every part of the launcher needs from the system.
#pragma once

#include <cstdint>

namespace svcd {

/// One line on standard error, "svcd: ...", with a '?' for each control character in it. Never
/// waits for a reader: a line that does not fit into a full pipe is lost, for a launcher that waits
/// for its log reaps nothing.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);

/// From now on say() waits a little for its reader (a serial line, say): nothing else is left to
/// do, and what is said last is what is looked for.
void wait_for_log();

/// Makes say() safe against a pipe that nobody reads, and a terminal that was stopped (^S). To be
/// called once, at the start.
void open_log();

/// µs of CLOCK_MONOTONIC.
std::int64_t now_usec();

/// Moves a descriptor out of the way of those that the manager gets under fixed numbers, and makes
/// it close-on-exec. -1 stays -1.
int above_fixed_fds(int fd);

/// Closes every descriptor but this one (above standard error) and standard input to error.
/// Standard error is then the file that open_log() has opened, if it has.
void close_all_but(int fd);

}  // namespace svcd
