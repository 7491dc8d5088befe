// The launcher's parts. There is one of each, so their state is static and never allocated.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <cstring>

#include "launcher/protocol.h"
#include "libc/os.h"

namespace svcd {

/// How svcd is to end: TableHeader's end_* and final_status.
struct EndOrder {
    int status = 0;
    EndKind kind = EndKind::exit;
    bool at_once = false;
    std::int64_t deadline = 0;  ///< µs of CLOCK_MONOTONIC; 0: none
    bool is_alone = false;      ///< no manager has stopped anything
};

/// The process table (protocol.h). The manager may write anything there at any moment, so what is
/// read is looked at once, and bounded.
namespace table {
/// Maps what is at kTableFd. False: it was said why not.
bool map();
/// The child `pid` has ended. True when it was in the table, where its end is written now; else it
/// is counted as an orphan. To be called before the child is reaped, for until then nobody else can
/// have its PID.
bool record_exit(pid_t pid, int code, int status);
/// Wakes the manager, and wants an answer.
void poke();
/// What svcd.yaml says of us; what can't be is as it is without a word there.
LauncherSettings settings();
/// How the manager answers (TableHeader::asked and what follows).
struct Answers {
    std::int64_t timeout = 0;  ///< µs; 0: it has not told; kNoManagerTimeout
    bool has_answered = false;
    std::uint64_t progress = 0;
};
Answers answers();
/// An answer is wanted that the manager gives without a poke: it is just being started.
void want_answer();
/// Leaves LauncherRequest bits for the present manager, or the next.
void request(std::uint32_t bits);
/// Leaves a signal that svcd got for its command.
void forward(int signal);
void count_start();
/// What the manager wants once it has ended. False: the launcher is to stay.
bool read_end(EndOrder& end);
/// No process was ever to be spawned.
bool is_unused();
}  // namespace table

/// The link to the manager and the fd store behind it (LinkMessage). One request is answered before
/// the next is read; an answer that the manager does not take at once (a long list) is gone on with
/// when it has made room.
namespace link {
extern std::size_t limit;  ///< so many descriptors are stored at most, and kStoredFdsMax
extern bool wants_shell;   ///< a rescue shell was asked for
/// Makes a new link, for a new manager, and returns its end, for it; -1 with errno set.
int open();
/// What to poll for.
pollfd source();
/// To be called when poll said anything about it. True when the manager said it is ready.
bool serve();
}  // namespace link

/// A manager that hangs answers nobody. Nothing is asked of it for its own sake: whenever it was
/// poked, or was just started, it has to come back to waiting within ManagerTimeoutSec, and so has
/// one that was stopped. Silence is a death: SIGABRT, for a core dump, and 2 s later SIGKILL. One
/// that is being traced is left alone.
namespace watch {
/// A manager has been started.
void begin();
/// To be called before each wait: an answer may be due since the last one.
void expect();
/// It was stopped, or goes on: CLD_STOPPED, CLD_CONTINUED.
void changed(const siginfo_t& change);
/// No answer is due.
bool is_idle();
/// Until look() has something to do, in ms for poll(2); -1: it has not.
int wait_ms();
void look();
/// It was killed for its silence. How long that lasted, in s; 0: it was not.
int silence();
}  // namespace watch

/// The manager as a process: started, and started again whenever it ends. That is safe at any time,
/// for all it needs to go on is in the process table, the state file and the fd store. So a death
/// is answered at once; only one that dies too often waits, twice as long each time. One that was
/// ready and leaves with status 0 makes room for another (`svctl daemon-reexec`): that is no death.
/// What becomes of it is in RUNTIME_DIR/launcher, for those who find nobody on the bus.
namespace manager {
extern pid_t pid;           ///< 0 while there is none
extern bool is_ready;       ///< the present one, or the last, has said that it serves
extern bool has_served;     ///< one of them has
extern char last_end[128];  ///< how the last one ended, "was killed by signal 9 (SIGKILL)"
/// What is executed, a null at its end. `may_rescue`: while the manager has to wait, a rescue shell
/// is on the console; when it is left, the manager is tried at once, and when that is back, the
/// shell has to go. `oom_score_adj`: of both.
void set_up(char** arguments, bool may_rescue, const char* oom_score_adj);
/// How long to wait until start(), or end_shell(), is due, in ms for poll(2); -1: neither is.
int wait_ms();
/// start() is due.
bool is_due();
/// Starts it. A failure counts as a death.
void start();
void set_ready();
/// It was reaped: when does it start again?
void ended(const siginfo_t& end);
/// Managers that were silent, ended before they were ready, or could not be started, since the last
/// call of forget_failures().
unsigned failures();
void forget_failures();
/// A rescue shell on the console, if this is a machine, it is wanted, and there is none.
void start_shell();
/// Kills one that has not left the console though it was told to.
void end_shell();
/// `child` was reaped. False: it was no rescue shell.
bool shell_ended(pid_t child);
/// Start it at the next occasion, however often it has died: somebody asked for something.
void hurry();
}  // namespace manager

/// The signals that svcd listens to. Those that ask for something that can be put in order go to
/// the manager (LauncherRequest); a few mean that there is no time for that.
namespace signals {
/// Blocks every signal. A signalfd of them all; -1: it was said why not. `stop_signals` (bit N-1
/// for signal N): svcd runs a command (`svcd --container -- CMD`), which gets every signal that can
/// be passed on, and these begin the end; 0: signals mean what they mean to svcd.
int open(std::uint64_t stop_signals);
/// Reads what is there, and passes it on. True: don't wait for the manager, but go down, as `kind`
/// says. `is_machine`: we are PID 1 of one.
bool take(int signalfd, bool is_machine, EndKind& kind);
/// An end was asked for, and as what.
bool is_end_asked(EndKind& kind);
}  // namespace signals

/// A container has an end without a manager; so has PID 1 of a machine that was asked to end.
namespace alone {
/// The manager's `arguments` say whether this is a container, where PID 1 does not.
void set_up(char** arguments, bool is_machine);
/// It is asked to end, and its manager does not serve: that one is not waited for as long as usual.
bool is_urgent();
/// There is no manager, and svcd is to end without one, as `end` says.
bool has_to_end(EndOrder& end);
/// SIGTERM, and SIGKILL in 3 s, for all that still runs.
void end_children();
}  // namespace alone

/// The terminal of svcd's command, if it has one.
namespace terminal {
void set_up(bool is_used);
/// A child was stopped. Stops svcd with it, or continues it, as terminal.cc says.
void child_stopped(pid_t child, int signal);
/// To be called before svcd leaves: whoever started it reads the terminal again.
void give_back();
}  // namespace terminal

/// The end of the whole tree, once the manager has stopped all units and has ended (or nobody
/// waited for it). The status to leave with. As PID 1 every process that is left is killed first;
/// of a machine, it does not return: everything is unmounted, and reboot(2) called. Most is done by
/// the program svcd-shutdown; where that fails, the least without it.
int take_last_steps(const EndOrder& end, bool is_machine, const char* svcd_shutdown);

}  // namespace svcd
