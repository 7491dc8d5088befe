#include "core/types/exec_error.h"

#include <cerrno>
#include <cstring>

namespace svcd {
namespace {

/// Why, and what to do about it. An '@' stands for the object, a '%' for the detail.
struct Words {
    ExecProblem problem;
    std::string_view why;
    std::string_view remedy;
};

constexpr auto kProblems = std::to_array<Words>({
    {ExecProblem::missing, "there is no such file", "correct the path, or install the program"},
    {ExecProblem::not_in_search_path,
     "none of the folders that commands are looked up in has it (/usr/local/sbin, /usr/local/bin, "
     "/usr/sbin, /usr/bin, /sbin, /bin)",
     "write its path, or install it"},
    {ExecProblem::dangling_link, "it is a link to %, which does not exist",
     "mend the link, or install what it leads to"},
    {ExecProblem::not_a_folder, "% on the way is not a directory", "correct the path"},
    {ExecProblem::folder_closed, "the user of the service may not enter %",
     "'chmod o+x %', or another User or path"},
    {ExecProblem::link_loop, "its links lead in a circle", "mend the links"},
    {ExecProblem::directory, "it is a directory", "name the program in it"},
    {ExecProblem::not_a_file, "it is not a regular file", "name a program"},
    {ExecProblem::not_executable, "it lacks the x bit: nobody may execute it", "'chmod +x @'"},
    {ExecProblem::not_executable_by_user, "the user of the service may not execute it",
     "'chmod +x @', or another User"},
    {ExecProblem::noexec_mount, "it lies on a file system that is mounted noexec",
     "move the program, or mount that file system with exec"},
    {ExecProblem::text_busy, "somebody has it open for writing",
     "replace a program by a new file and rename(2), not by writing into it"},
    {ExecProblem::arguments_too_long,
     "its arguments and environment are more than the kernel takes",
     "shorten them, or put them into a file that the program reads"},
    {ExecProblem::interpreter_carriage_return,
     "its #! line ends with a carriage return (CRLF, as Windows has it), so that the kernel looks "
     "for an interpreter '%\\r'",
     "sed -i 's/\\r$//' @"},
    {ExecProblem::interpreter_unusable, "its interpreter % can't be executed",
     "correct its first line, or mend the interpreter"},
    {ExecProblem::interpreter_line_empty, "its #! line names no interpreter",
     "let the first line be '#!/bin/sh', say"},
    {ExecProblem::interpreter_line_too_long,
     "its #! line is longer than the 255 bytes that the kernel reads", "shorten that line"},
    {ExecProblem::interpreter_line_not_first,
     "its #! does not stand at the very beginning of the file",
     "remove what stands before it, blank lines too"},
    {ExecProblem::byte_order_mark,
     "it begins with a byte order mark (BOM), so that the kernel does not see its #! line",
     "save it as UTF-8 without a BOM"},
    {ExecProblem::loader_missing, "the loader that it was linked for, %, does not exist",
     "install the C library that it was built for, or build the program for this system"},
    {ExecProblem::empty_file, "it is empty", "install it again"},
    {ExecProblem::foreign_architecture, "it is a program for another kind of machine (%)",
     "install the program for this machine"},
    {ExecProblem::damaged_elf, "it is a damaged program (ELF): cut off, or overwritten in part",
     "install it again"},
    {ExecProblem::not_a_program, "it is no program but %", "name the program"},
    {ExecProblem::no_interpreter_line, "it is a text without a #! line",
     "let its first line be '#!/bin/sh', say, or write the interpreter before it"},
    {ExecProblem::unknown_format, "the kernel does not know what kind of file it is",
     "name a program, or a script with a #! line"},
    {ExecProblem::no_such_account, "there is no such @@", "add it, or correct the name"},
    {ExecProblem::not_a_regular_file, "it is not a regular file", "name a file"},
    {ExecProblem::too_large, "it has more than 1 MiB", "make it smaller"},
    {ExecProblem::nul_byte, "it holds a NUL byte, so it is no text", "correct the file"},
    {ExecProblem::foreign_link,
     "'%' is a symbolic link that neither root nor the user that svcd runs as owns, so it is not "
     "followed",
     "write the path without it, or let root make that link"},
    {ExecProblem::several_names,
     "others may write its folder, and it has several names (hard links) or, where "
     "fs.protected_hardlinks is 0, another owner than the folder: so it may be somebody else's",
     "remove it there, or name a file in a folder that only root may write"},
    {ExecProblem::not_a_stream, "it is neither a regular file, a FIFO nor a character device",
     "name one of these"},
});

/// What a step does to its object, and what helps where errno says all.
struct StepWords {
    ExecStep step;
    std::string_view name;
    std::string_view failed;  ///< '@': the object
    std::string_view remedy;
};

constexpr auto kSteps = std::to_array<StepWords>({
    {ExecStep::exec, "EXEC", "@ can't be executed", ""},
    {ExecStep::chdir, "CHDIR", "the working directory @ can't be entered",
     "make it, or correct WorkingDirectory"},
    {ExecStep::nice, "NICE", "Nice can't be set", ""},
    {ExecStep::fds, "FDS", "the file descriptors can't be passed on", ""},
    {ExecStep::limits, "LIMITS", "@ can't be set", "correct it"},
    {ExecStep::oom_adjust, "OOM_ADJUST", "OOMScoreAdjust can't be written to @", ""},
    {ExecStep::stdin_, "STDIN", "the standard input @ can't be opened", "correct StandardInput"},
    {ExecStep::stdout_, "STDOUT", "the standard output @ can't be opened",
     "correct StandardOutput"},
    {ExecStep::stderr_, "STDERR", "the standard error @ can't be opened", "correct StandardError"},
    {ExecStep::group, "GROUP", "the group @ can't be taken", "correct Group"},
    {ExecStep::user, "USER", "the user @ can't be taken", "correct User"},
    {ExecStep::setsid, "SETSID", "a new session can't be made", ""},
    {ExecStep::environment_file, "ENVIRONMENT_FILE", "the EnvironmentFile @ can't be read",
     "make it readable, correct EnvironmentFile, or write '-' before the path if it may be "
     "missing"},
    {ExecStep::request, "REQUEST", "svcd-exec can't read what it is to do",
     "'svctl daemon-reexec', then start again"},
    {ExecStep::spawn, "SPAWN", "svcd can't make its process: @", ""},
});

const StepWords* words_of(ExecStep step) {
    for (const StepWords& row : kSteps) {
        if (row.step == step) {
            return &row;
        }
    }
    return nullptr;
}

Words words_of(const ExecError& error) {
    for (const Words& row : kProblems) {
        if (row.problem == error.problem) {
            return row;
        }
    }
    if (error.problem == ExecProblem::interpreter_missing) {
        return error.detail.empty()
                   ? Words{error.problem,
                           "its interpreter (the #! line), or its loader, is missing",
                           "correct its first line, or install the interpreter"}
                   : Words{error.problem, "its interpreter % (the #! line) does not exist",
                           "correct its first line, or install the interpreter"};
    }
    return Words{error.problem, error.detail.empty() ? "" : "%", ""};
}

std::string filled(std::string_view words, const ExecError& error) {
    std::string text;
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (words.substr(at, 2) == "@@") {
            text += error.step == ExecStep::group ? "group" : "user";
            ++at;
        } else if (words[at] == '@') {
            text += error.object;
        } else if (words[at] == '%') {
            text += error.detail;
        } else {
            text += words[at];
        }
    }
    return text;
}

constexpr auto kLimitNames = std::to_array<std::string_view>(
    {"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS",
     "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"});

/// What helps where WorkingDirectory can't be entered; `missing` where it is not there.
std::string_view remedy_of_folder(int error_number, std::string_view missing) {
    if (error_number == ENOTDIR) {
        return "correct WorkingDirectory: it, or a part of it, is no directory";
    }
    if (error_number == EACCES) {
        return "let the user of the service enter it and all folders above it (the x bit), or "
               "correct WorkingDirectory";
    }
    return error_number == ENOENT ? missing : "correct WorkingDirectory";
}

/// What helps where an output can't be opened, before "or correct StandardOutput".
std::string_view remedy_of_output(int error_number) {
    switch (error_number) {
        case ENOSPC:
        case EDQUOT:
            return "make room for it, or ";
        case ENOENT:
            return "make the folder that it is to be in, or ";
        case EROFS:
            return "mount the file system writable, or ";
        case ENXIO:
            return "start what reads from it first, or ";
        default:
            return {};
    }
}

/// What helps with a step, where the problem itself has no remedy.
std::string remedy_of_step(const StepWords& step, int error_number) {
    if (step.step == ExecStep::chdir) {
        return std::string{remedy_of_folder(error_number, step.remedy)};
    }
    const bool is_output = step.step == ExecStep::stdout_ || step.step == ExecStep::stderr_;
    return std::string{is_output ? remedy_of_output(error_number) : ""} + std::string{step.remedy};
}

std::string errno_text(int error_number) {
    return errno_name(error_number) + ", " + std::strerror(error_number);
}

}  // namespace

std::string_view name_of(ExecStep step) {
    const StepWords* words = words_of(step);
    return words == nullptr ? std::string_view{} : words->name;
}

std::string_view name_of(CommandRole role) {
    switch (role) {
        case CommandRole::condition:
            return "ExecCondition";
        case CommandRole::start_pre:
            return "ExecStartPre";
        case CommandRole::start:
            return "ExecStart";
        case CommandRole::start_post:
            return "ExecStartPost";
        case CommandRole::reload:
            return "ExecReload";
        case CommandRole::stop:
            return "ExecStop";
        case CommandRole::stop_post:
            return "ExecStopPost";
    }
    return {};
}

std::string errno_name(int error_number) {
    if (error_number == 0) {
        return {};
    }
    const char* name = ::strerrorname_np(error_number);
    return name == nullptr ? "errno " + std::to_string(error_number) : std::string{name};
}

std::string describe(const ExecError& error) {
    const StepWords* step = words_of(error.step);
    if (step == nullptr) {
        return {};
    }
    const Words words = words_of(error);
    std::string text = filled(step->failed, error);
    const std::string why = filled(words.why, error);
    if (!why.empty()) {
        text += ": " + why;
    }
    // ESRCH is the errno of the look-up of an account, and means no process there.
    const bool is_of_account =
        error.problem == ExecProblem::no_such_account && error.error_number == ESRCH;
    if (error.error_number != 0 && !is_of_account) {
        text += (why.empty() ? ": " : " (") +
                (why.empty() ? std::strerror(error.error_number) + std::string{" ("} +
                                   errno_name(error.error_number)
                             : errno_text(error.error_number)) +
                ")";
    }
    const std::string of_step = remedy_of_step(*step, error.error_number);
    const std::string remedy =
        filled(words.remedy.empty() ? std::string_view{of_step} : words.remedy, error);
    return remedy.empty() ? text : text + "; " + remedy;
}

std::string to_string(const ExecError& error) {
    const std::string text = describe(error);
    return text.empty() ? text : std::string{name_of(error.role)} + ": " + text;
}

std::vector<std::string> describe(const ExecDeviations& deviations, const ExecSettings& exec) {
    std::vector<std::string> texts;
    if (deviations.oom_score_errno != 0 && exec.oom_score_adjust) {
        texts.push_back("OOMScoreAdjust: " + std::to_string(*exec.oom_score_adjust) +
                        " is not in force: svcd may not set it here (" +
                        errno_text(deviations.oom_score_errno) + ")");
    }
    if (deviations.nice_differs && exec.nice) {
        texts.push_back(
            "Nice: " + std::to_string(*exec.nice) + " is not permitted here: it runs with " +
            std::to_string(deviations.nice) +
            ", the nearest that is (CAP_SYS_NICE or a higher RLIMIT_NICE permits more)");
    }
    for (const ResourceLimit& limit : exec.limits) {
        const auto index = static_cast<std::size_t>(limit.resource);
        if (index < kLimitNames.size() && (deviations.limits >> index & 1U) != 0) {
            texts.push_back("Limit" + std::string{kLimitNames[index]} +
                            " is above the hard limit that svcd was given, and may not raise it: "
                            "that hard limit is in force");
        }
    }
    return texts;
}

}  // namespace svcd
