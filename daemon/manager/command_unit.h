// main.service: the unit of `svcd --container -- COMMAND`. It is a unit file like any other, in
// RUNTIME_DIR/command, the first folder of the unit path; each -p is a drop-in beside it. So all
// that is true of units is true of it: `svctl cat main`, drop-ins in
// /etc/svcd/units/main.service.d, daemon-reload, a new manager.
#pragma once

#include <optional>
#include <string>

#include "core/types/result.h"
#include "manager/options.h"

namespace svcd {

inline constexpr const char* kCommandUnit = "main.service";

/// Exit statuses of a shell for a program that is not there, and one that can't be executed.
inline constexpr int kNotFound = 127, kNotExecutable = 126;

std::string command_units_path(const ManagerOptions& options);

/// Why svcd can't run the command, and the exit status for that.
struct CommandProblem {
    int status = 0;
    std::string text;
};

/// Writes the files. A command without '/' is looked for in $PATH. With a problem nothing is to be
/// started.
std::optional<CommandProblem> write_command_unit(const ManagerOptions& options);

}  // namespace svcd
