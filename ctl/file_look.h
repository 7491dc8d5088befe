// What svctl doctor looks up of the files that a unit names, where the daemon doesn't say it. They
// are on the machine that svctl runs on (-H runs svctl over there).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor.h"

namespace svcd {

/// An absolute path at which there is nothing, as far as can be told.
bool is_gone(const std::string& path);

/// Is a fault of a unit file about a word that the file does not have any more? False where that
/// can't be told.
bool is_gone_from_file(const std::string& load_error);

/// The log's file system is full. The unit writes there without svcd, which does not see what is
/// lost.
std::optional<FileFault> log_without_room(const Json& properties);

/// When the program of ExecStart, or the script that is its first argument, was last changed: µs of
/// CLOCK_REALTIME, 0 where that can't be told.
Usec change_of_program(const Json& properties);

/// The programs, files and folders that the unit names by their whole path and that can't be used,
/// by its user neither, and users that don't exist.
std::vector<FileFault> faults_of_files(const Json& properties);

}  // namespace svcd
