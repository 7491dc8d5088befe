// The few things that svcd, its launcher and svcd-shutdown need from the system.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace svcd {

/// What svcd hands to its launcher, beside kTableFd and kPokeFd (launcher/protocol.h): RUNTIME_DIR/
/// launcher, kStatusSize long; the lock, which is only held; what say() writes to; a socket that is
/// connected to whoever waits for READY=1; an inotify of RUNTIME_DIR/launcher ...
inline constexpr int kStatusFd = 6, kLockFd = 7, kLogFd = 8, kNotifyFd = 9, kAskFd = 10;
/// ... and arguments: "rescue" or ""; the oom_score_adj that svcd was started with; the path of
/// svcd-shutdown; what concerns svcd's command (`svcd --container -- CMD`): "" without one, else
/// its stop signals (hexadecimal, bit N-1 for signal N) and letters: kWarnOrphans, kHasTerminal;
/// the path of svcd-manager, and what that one is given.
inline constexpr int kRescueArgument = 1, kOomArgument = 2, kShutdownArgument = 3,
                     kCommandArgument = 4, kManagerArgument = 5;
inline constexpr char kWarnOrphans = 'w', kHasTerminal = 't';

/// The exit status of a child that could not become what it should.
inline constexpr int kExecFailed = 127;

/// One line, "svcd: ...". Never waits for a reader longer than log_patience: what does not fit into
/// a full pipe is lost, for a launcher that waits for its log reaps nothing.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);
/// Where it writes: standard error, or better an open file of our own that does not block.
extern int log_fd;
/// In ms. 0, until nothing else is left to do: what is said last is what is looked for.
extern int log_patience;
/// A log_patience: writes without asking for room. For who may not rely on much any more.
inline constexpr int kUnasked = -1;

/// Has the inotify descriptor tell who opens the file that `file` is open on. False: it can't,
/// mostly for want of /proc. A process that ends with such a watch waits for the kernel, often 5 to
/// 15 ms: what may run for a moment only begins without.
bool watch_opens(int inotify, int file);

/// µs of CLOCK_MONOTONIC.
std::int64_t now_usec();

/// Reaps whatever ends until `child` has, or, for 0, until there is no child. The child's status,
/// 255 for one that was killed; -1 when `until` (as now_usec()) has come. Needs SIGCHLD blocked.
int wait_for(pid_t child, std::int64_t until);

/// close(2) of descriptors `first` to `last`, by a child that shares ours: a server that is gone,
/// or a socket that lingers, holds it up and not us. Its PID.
pid_t close_aside(int first, unsigned last);

/// Makes this process a shell on the console, in a session of its own: sulogin, which asks for
/// root's password; where that is missing, or isn't wanted, a plain one.
[[noreturn]] void become_rescue_shell(bool asks_for_password);

/// For PID 1 of a machine, whose end would be a panic. Reaps who ends.
[[noreturn]] void wait_for_ever();

}  // namespace svcd
