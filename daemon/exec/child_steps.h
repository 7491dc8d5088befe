// What a process does between the clone and the service's execve, one step a function.
//
// Two callers: the child of a plain spawn, which shares the manager's memory
// (linux/spawn_child.cc), and svcd-exec. For the first one's sake everything here is raw: no libc,
// no allocation, no lock, nothing but the plan that was prepared beforehand and system calls.
// Compiled without sanitizers and without the stack protector.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "core/types/exec_error.h"
#include "core/types/unit.h"

namespace svcd {

/// Everything the steps need, prepared by who has libc. Pointers are NUL-terminated and the plan's
/// maker keeps them until execve. A path that is written to (char*) is put back as it was.
struct ChildPlan {
    InputKind input = InputKind::null;
    const char* input_path = nullptr;
    OutputKind output = OutputKind::null;
    char* output_path = nullptr;  ///< of log, file, append, truncate
    bool error_is_output = true;  ///< standard error is a copy of standard output
    OutputKind error = OutputKind::null;
    char* error_path = nullptr;

    const ResourceLimit* limits = nullptr;
    std::size_t limit_count = 0;
    bool has_nice = false;
    int nice = 0;
    std::uint32_t umask = 0022;
    std::uint64_t ignored_signals = 0;  ///< bit N-1 for signal N; all others are at their defaults
    bool stays_deaf = false;            ///< all signals are blocked over the execve (a keeper)

    const char* directory = "/";
    const char* fallback_directory = nullptr;  ///< where to be when `directory` can't be entered

    const char* const* executables = nullptr;  ///< tried in turn; ends with a null
    const char* const* arguments = nullptr;
    const char* const* environment = nullptr;
};

/// Why a step failed: the exit status to end with, and what an ExecError is made of. The subject is
/// a string literal or the plan's.
struct ChildFailure {
    int exit_status = 0;
    int error_number = 0;
    ExecStep step = ExecStep::none;
    ExecProblem problem = ExecProblem::none;
    const char* subject = nullptr;
    std::array<char, 128> detail;  ///< NUL-terminated once `step` is set

    ChildFailure() { detail[0] = '\0'; }
};

/// Standard input, output and error. No open of these ever waits: a FIFO without a reader is ENXIO.
/// A log's folder is made when it is missing; how long the log is by then is noted in `log_size`.
bool set_up_stdio(const ChildPlan& plan, ChildFailure& failure, std::int64_t& log_size);
/// Limits, as far up as the hard limit when we may not go above it, and the nearest Nice that is
/// permitted (systemd does the same). What differs is noted.
bool set_up_limits(const ChildPlan& plan, ChildFailure& failure, ExecDeviations& deviations);
bool set_up_nice(const ChildPlan& plan, ChildFailure& failure, ExecDeviations& deviations);
bool enter_directory(const ChildPlan& plan, ChildFailure& failure);
/// umask, the signals that are ignored, an empty signal mask, execve. Returns only with a failure,
/// after a look at the file (executable_look.h).
void execute(const ChildPlan& plan, ChildFailure& failure);

/// The signals that a program of these settings ignores: `given`, and SIGPIPE by IgnoreSIGPIPE.
inline std::uint64_t ignored_signals_of(const ExecSettings& exec, std::uint64_t given) {
    constexpr std::uint64_t kSigpipe = std::uint64_t{1} << (SIGPIPE - 1);
    return exec.ignore_sigpipe ? given | kSigpipe : given;
}

}  // namespace svcd
