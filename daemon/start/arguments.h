// Each word of svcd's command line, judged before svcd becomes the launcher: a manager that dies of
// its arguments would die of them for ever.
#pragma once

#include "start/command_options.h"
#include "start/kernel_words.h"

namespace svcd {

/// What was typed; null: it was not.
struct Arguments : CommandWords {
    bool help = false;
    bool version = false;
    bool is_system = false;
    bool is_user = false;
    bool is_container = false;
    const char* runtime_dir = nullptr;
    const char* config = nullptr;
    const char* manager = nullptr;
    const char* unit = nullptr;
    bool has_command = false;              ///< `-- CMD`
    const char* command_option = nullptr;  ///< the name of one that is for a command only
};

/// Whether --container stands among svcd's own arguments.
bool says_container(char** words);

/// Reads the words after the program's name, and takes out those that are not for the manager.
///
/// False: one is wrong, and it was said which and why. With `kernel`, for PID 1 of a machine, whose
/// end would be a panic, it never is: what is wrong is said and left out, and words of the kernel's
/// command line, which the kernel hands on, mean what they mean there.
bool read_arguments(char** words, KernelWords* kernel, Arguments& arguments);

}  // namespace svcd
