// What the launcher understands of svcd's command line (--help tells the whole). Everything goes on
// to the manager as it is, which judges it; only --manager=PATH is the launcher's alone.
#pragma once

namespace svcd {

struct Options {
    bool help = false;
    bool version = false;
    bool is_container = false;
    char runtime_dir[256] = {};
    char manager[512] = {};  ///< the path of svcd-manager
};

/// Reads the arguments and takes out those that are not for the manager. False: it was said what is
/// wrong.
///
/// The runtime dir is --runtime-dir; else $XDG_RUNTIME_DIR/svcd for --user, or for a user other
/// than root without --system; else /run/svcd.
bool read_options(char** arguments, Options& options);

extern const char* const kHelp;

}  // namespace svcd
