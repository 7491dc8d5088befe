// What svctl doctor looks up in /proc and in files itself, since the daemon doesn't say it. The
// processes are on the machine that svctl runs on (-H runs svctl over there).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doctor.h"

namespace svcd {

/// The zombies among the children of these processes; one walk through /proc.
std::vector<Zombie> find_zombies(const std::vector<ProcessFacts>& processes);

/// What /proc/PID/status tells of a process: name, state, parent, tracer and signals. Nothing when
/// it is gone.
std::optional<ProcessFacts> look_at_process(ProcessId pid);

/// Whether each of its threads blocks the signal now. A thread in sigwait doesn't. False where that
/// can't be told.
bool blocks_in_all_threads(ProcessId pid, int signal);

/// Whether the process has a signalfd that reads the signal. True also where its descriptors can't
/// be looked at.
bool may_read_by_signalfd(ProcessId pid, int signal);

/// How many descriptors the process has open, and its soft limit of them. Nothing where that can't
/// be read.
std::optional<std::pair<std::uint64_t, std::uint64_t>> descriptors_of(ProcessId pid);

/// The path of the file that its standard output or error goes to and that somebody has deleted
/// since it was opened; "" for none, and where that can't be told.
std::string deleted_output_of(ProcessId pid);

/// The beginning of a small file, or nothing when it can't be read.
std::optional<std::string> small_file(const std::string& path);

}  // namespace svcd
