// The runtime dir belongs to one svcd: it is made here and locked for as long as the launcher
// lives, however it ends.
#pragma once

namespace svcd {

/// May the runtime dir be there? The folder is made, with `mode`, where it is missing, and it has
/// to be ours to write, and nobody else's.
bool is_fit_for_runtime_dir(const char* path, unsigned mode);

/// Makes the folder (0755) and those above it, takes the lock `PATH/lock`, which holds our PID as
/// text, makes the file `PATH/launcher` with all the room it will need, watches who opens it, and
/// gives all that to the launcher. False: it was said why not, with the PID of the svcd that has
/// the folder.
bool take_runtime_dir(const char* path);

}  // namespace svcd
