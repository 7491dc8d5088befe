// The words in which svctl explain and svctl doctor say what the kernel and svcd call by names.
#pragma once

#include <string>
#include <string_view>

#include "stop_record.h"

namespace svcd {

/// "1.0 s", "20 s", "350 ms", "2min 5s": a length of time in a sentence.
std::string short_time(Usec span);
/// "root (uid 0)", "uid 4711" for one without a name.
std::string user_text(std::uint32_t uid);

/// What a signal means when it ends a process: "invalid memory access"; empty where the name says
/// it.
std::string_view signal_meaning(int signal);
/// How a process ended, in full: "exited with status 203/EXEC (the executable could not be run)".
/// `ran`: it was the unit's own program.
std::string end_text(std::string_view code, int status, bool ran = false);
/// "exited" → 1, as ExecMainCode has it; 0 for none.
int code_number(std::string_view code);

/// Why svcd sent a signal, after "sent SIGKILL to …": "since the time was over".
std::string cause_text(const StopRecord& record, const StopEvent& signal);
/// What goes on in a sub-state of a stop: "ExecStop runs", "waits for the processes to end".
std::string phase_name(std::string_view state, const StopRecord& record);

/// What a process is doing, after "it": "waits for events (epoll_wait)", "is busy on a CPU".
std::string doing_text(const ProcessFacts& process);
/// State D, in wait for a child that has not run its program yet (vfork).
bool waits_for_vfork(const ProcessFacts& process);
/// Is this where the kernel holds a process whose cgroup is frozen?
bool is_frozen(const ProcessFacts& process);
/// The freezer of cgroup v1 does: not even SIGKILL ends what it holds.
bool is_frozen_by_v1(const ProcessFacts& process);
std::string mend_of_v1_freezer(const ProcessFacts& process);
/// `cgroup`: the one that was told to freeze, the unit's own or one above it; "": not known.
/// "; NOTIFY_SOCKET is not in the environment of PID 4711 (web)", of what was found so; or "".
std::string unaddressed_text(const std::vector<ProcessFacts>& unaddressed);
std::string mend_of_notify_socket();
std::string mend_of_frozen_cgroup(const std::string& cgroup);
/// The system call is begun again after a signal handler that was set up with SA_RESTART, so that a
/// handler that only sets a flag does not end the wait.
bool is_restarted_syscall(std::string_view syscall);
/// Whom to ask about a process in uninterruptible sleep, by its kernel stack: "an NFS server".
std::string_view uninterruptible_on(const ProcessFacts& process);
/// Which signals reach a process in state D, as the end of a sentence. Who waits for an answer of a
/// file system (FUSE, NFS) hears what would end it at once.
std::string_view what_reaches_sleeper(const ProcessFacts& process);

/// Signals whose default is a core dump: a fault of the program, or a limit of it (signal(7)).
bool is_of_a_crash(int signal);

}  // namespace svcd
