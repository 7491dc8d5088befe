// What kept a process from becoming its program: which step failed, on what, with which errno, and
// what a look at the file showed. It travels from svcd's child, or svcd-exec, to clients, and is
// kept in the unit's record; the sentence for a person is made of it again wherever it is shown.
//
// Beside it: what was not done as the unit file says, and the process started nevertheless.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/unit.h"

namespace svcd {

/// The steps between the order to start a process and its execve. Those that systemd has too carry
/// its names (systemd.exec(5), "Process Exit Codes").
enum class ExecStep : std::uint8_t {
    none,
    exec,
    chdir,
    nice,
    fds,
    limits,
    oom_adjust,
    stdin_,
    stdout_,
    stderr_,
    group,
    user,
    setsid,
    environment_file,
    request,  ///< svcd-exec could not read what it was asked for
    spawn,    ///< there is no process: the cgroup, clone3 ...
};
inline constexpr auto kLastExecStep = ExecStep::spawn;

/// What a look at the object showed, where errno alone would leave people guessing.
enum class ExecProblem : std::uint8_t {
    none,  ///< errno says it
    missing,
    not_in_search_path,
    dangling_link,  ///< detail: where it leads
    not_a_folder,   ///< detail: what lies on the way and is none
    folder_closed,  ///< detail: the folder on the way that may not be entered
    link_loop,
    directory,
    not_a_file,
    not_executable,          ///< nobody has the x bit
    not_executable_by_user,  ///< others have it
    noexec_mount,
    text_busy,
    arguments_too_long,
    interpreter_missing,          ///< detail: the interpreter; empty: the file can't be read
    interpreter_carriage_return,  ///< detail: the interpreter, without it
    interpreter_unusable,         ///< detail: the interpreter, or the loader
    interpreter_line_empty,
    interpreter_line_too_long,
    interpreter_line_not_first,
    byte_order_mark,
    loader_missing,  ///< detail: the loader that an ELF file names
    empty_file,
    foreign_architecture,  ///< detail: whose
    damaged_elf,
    not_a_program,  ///< detail: what kind of ELF file it is
    no_interpreter_line,
    unknown_format,
    no_such_account,
    not_a_regular_file,
    too_large,
    nul_byte,
    foreign_link,   ///< detail: the name of the link
    several_names,  ///< hard links, in a folder where others can make them
    not_a_stream,   ///< neither a regular file, a FIFO nor a character device
};
inline constexpr auto kLastExecProblem = ExecProblem::not_a_stream;

struct ExecError {
    ExecStep step = ExecStep::none;
    ExecProblem problem = ExecProblem::none;
    CommandRole role = CommandRole::start;  ///< of the command that was to be executed
    int error_number = 0;                   ///< 0: the reason is none of the kernel's
    std::string object;                     ///< a path, a user ...
    std::string detail;                     ///< as the problem says; else more words

    bool operator==(const ExecError&) const = default;
};

/// "EXEC", "CHDIR" ... ; "" for none.
std::string_view name_of(ExecStep step);
/// "ExecStart", "ExecStop" ...
std::string_view name_of(CommandRole role);
/// "EACCES"; "" for 0.
std::string errno_name(int error_number);
/// "/srv/web can't be executed: it is a directory (EACCES, Permission denied); name the program in
/// it". Empty for step none.
std::string describe(const ExecError& error);
/// The same, after the setting that has the command: "ExecStart: ...".
std::string to_string(const ExecError& error);

/// Was a resource missing that systemd looks for before it has a process (Result "resources")?
inline bool is_before_process(ExecStep step) {
    return step == ExecStep::environment_file || step == ExecStep::request ||
           step == ExecStep::spawn;
}

/// Settings that a process was started without, because svcd may not do as they say.
struct ExecDeviations {
    std::uint8_t oom_score_errno = 0;  ///< OOMScoreAdjust was not set; 0: it was
    bool nice_differs = false;
    std::int8_t nice = 0;      ///< what it is instead
    std::uint16_t limits = 0;  ///< bit N: of RLIMIT N the hard limit in force counts

    bool is_empty() const { return oom_score_errno == 0 && !nice_differs && limits == 0; }
    bool operator==(const ExecDeviations&) const = default;
};

/// One sentence each. `exec`: what was wanted.
std::vector<std::string> describe(const ExecDeviations& deviations, const ExecSettings& exec);

}  // namespace svcd
