// What the manager asks of svcd-exec, and what svcd-exec tells back when it fails: to become a
// service (ExecRequest), or to look at a unit's conditions and end (CheckRequest).
//
// The request lies in a sealed memfd at kRequestFd, the report goes into a pipe at kReportFd that
// the final execve closes: end of file without a failure in it means that the service runs (or that
// somebody killed svcd-exec). Both ends come from one package, so numbers are in the machine's
// order and a request of another version is refused.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/exec_error.h"
#include "core/types/result.h"
#include "core/types/unit.h"

namespace svcd {

inline constexpr int kRequestFd = 3;
inline constexpr int kReportFd = 4;
/// A command line and an environment as large as the kernel takes (ARG_MAX is 2 MiB).
inline constexpr std::size_t kExecRequestMax = 4 * 1024 * 1024;
/// A report is written at once (PIPE_BUF).
inline constexpr std::size_t kExecReportMax = 4096;

struct ExecRequest {
    std::string unit;
    Command command;
    ExecSettings exec;
    std::vector<std::string> environment;  ///< complete but for the EnvironmentFiles
    std::string log_file;
    std::string default_directory;
    /// Signals that the program is to ignore besides SIGPIPE, bit N-1 for signal N.
    std::uint64_t ignored_signals = 0;
    /// svcd-exec stays as the keeper of the process (keeper.h), whose slot of the table this is.
    std::optional<std::uint32_t> kept_slot;
    bool takes_terminal = false;  ///< of a kept process: what spawn_child.h says
    bool warn_orphans = false;    ///< the same: KeptOptions
};

/// Whether a unit's conditions hold: the exit status is that of look_at_conditions().
struct CheckRequest {
    std::string unit;
    std::vector<Condition> conditions;
    std::vector<std::string> environment;  ///< svcd's own
    std::string cgroup_folder;             ///< where svcd's cgroups have their root
};

/// Where a command without a '/' is looked up, whatever the manager's own PATH says.
inline constexpr auto kSearchPath = std::to_array<std::string_view>(
    {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"});

/// Does standard error go where standard output goes? When it isn't set, is the same file, or is
/// inherited: then from standard output.
inline bool error_is_output(const ExecSettings& exec) {
    return !exec.standard_error || *exec.standard_error == exec.standard_output ||
           exec.standard_error->kind == OutputKind::inherit;
}

std::string serialise(const ExecRequest& request);
std::string serialise(const CheckRequest& request);
/// Of bytes that may be anything.
Result<ExecRequest> parse_exec_request(std::string_view bytes);
Result<CheckRequest> parse_check_request(std::string_view bytes);
/// Which of the two to parse them as.
bool is_check_request(std::string_view bytes);

/// What svcd-exec tells: before the execve, when something was not done as the unit says; and when
/// a step fails.
struct ExecReport {
    ExecError error;  ///< step none: nothing has failed
    ExecDeviations deviations;
    std::vector<std::string> warnings;
    std::int64_t log_size = -1;  ///< of its unit's log before it wrote; -1: it doesn't write there

    bool is_empty() const {
        return error.step == ExecStep::none && deviations.is_empty() && warnings.empty() &&
               log_size < 0;
    }
};

/// Cut where it is absurdly long, so that it stays whole in the pipe.
std::string serialise(const ExecReport& report);
/// What several reports say together. Bytes that are no report say nothing.
ExecReport parse_reports(std::string_view bytes);

}  // namespace svcd
