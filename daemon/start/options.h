// What svcd makes of its command line (--help tells the whole). What is right goes on to the
// manager as it is; only --manager=PATH is svcd's alone.
#pragma once

#include "launcher/protocol.h"
#include "start/command_options.h"
#include "start/kernel_words.h"

namespace svcd {

/// Of a program's path, with its NUL.
inline constexpr int kProgramMax = 512;

struct Options {
    bool help = false;
    bool version = false;
    /// PID 1 of a machine, or of something that does not say it is a container: file systems are
    /// ours to mount, and there may be somebody at the console.
    bool is_first_of_machine = false;
    char runtime_dir[256] = {};
    char runtime_dir_for_manager[280] = {};  ///< "--runtime-dir=DIR", or empty: it knows
    char unit[kUnitMax + 8] = {};  ///< "--unit=NAME" of the kernel's command line, or empty
    LauncherSettings settings;     ///< of svcd.yaml
    CommandOptions command;
    bool has_command = false;        ///< `-- CMD`
    char manager[kProgramMax] = {};  ///< the path of svcd-manager
    char launcher[kProgramMax] = {};
    char shutdown[kProgramMax] = {};
};

/// PID 1 of a machine, or of something that does not say it is a container (by $container, or by
/// --container).
bool is_first_of_machine(char** arguments);

/// Reads the arguments and takes out those that are not for the manager; as PID 1 of a machine the
/// kernel's command line and some words of svcd.yaml too. Anything but 0 is the status to leave
/// with: it was said what is wrong.
///
/// The runtime dir is --runtime-dir; else $XDG_RUNTIME_DIR/svcd for --user, or for a user other
/// than root without --system; else /run/svcd. In a container that is /run/svcd, or where that
/// can't be, /tmp/svcd-UID or /dev/shm/svcd-UID.
int read_options(char** arguments, Options& options);

extern const char* const kHelp;

}  // namespace svcd
