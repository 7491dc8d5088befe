// What svcd's launcher says of itself and of its manager in RUNTIME_DIR/launcher
// (docs/launcher.md), for when nobody answers on the bus.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "time_text.h"
#include "trouble.h"

namespace svcd {

/// The name of a Trouble: there is a svcd, without a manager that serves.
inline constexpr const char* kNoManager = "org.svcd1.NoManager";

struct LauncherStatus {
    pid_t launcher = 0;
    pid_t manager = 0;  ///< 0: none runs
    bool ready = false;
    unsigned starts = 0;
    unsigned deaths = 0;
    std::string last_end;       ///< "left with status 127"
    Usec next_start = 0;        ///< CLOCK_MONOTONIC; 0: it runs
    pid_t rescue_shell = 0;     ///< 0: none
    std::string manager_error;  ///< what a manager left in RUNTIME_DIR/manager-error; may be empty
};

/// Of the file's lines; what is missing or unknown is passed over.
LauncherStatus parse_launcher_status(std::string_view text);

/// Of the svcd that has this runtime dir. None when no launcher lives that holds its lock.
std::optional<LauncherStatus> read_launcher_status(const std::string& runtime_dir);

/// Has the launcher of this runtime dir see whether its manager still answers (docs/launcher.md).
void have_manager_watched(const std::string& runtime_dir);

/// Whether a line of /proc/locks says that this process has an exclusive flock on this file.
bool has_lock(std::string_view proc_locks, pid_t pid, ino_t file);

/// How managers have died so far: "1 death so far: it did not answer for 3 s and was killed by
/// signal 9 (SIGKILL)"; "": none has.
std::string deaths_text(const LauncherStatus& status);
/// Why svcd has no manager to talk to, and what to do.
Trouble no_manager_trouble(const LauncherStatus& status, Usec now);

}  // namespace svcd
