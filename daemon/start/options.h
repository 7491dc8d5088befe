// What svcd understands of its command line (--help tells the whole). Everything goes on
// to the manager as it is, which judges it; only --manager=PATH is svcd's alone.
#pragma once

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
    char manager[kProgramMax] = {};  ///< the path of svcd-manager
    char launcher[kProgramMax] = {};
    char shutdown[kProgramMax] = {};
};

/// Reads the arguments and takes out those that are not for the manager. False: it was said what is
/// wrong.
///
/// The runtime dir is --runtime-dir; else $XDG_RUNTIME_DIR/svcd for --user, or for a user other
/// than root without --system; else /run/svcd.
bool read_options(char** arguments, Options& options);

extern const char* const kHelp;

}  // namespace svcd
