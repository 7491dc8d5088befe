// PATH/lock says that the runtime dir is in use: a svcd holds it by flock(2), and its PID is in it.
//
// Who may open the file may hold it, and a svcd of long ago made it readable for all. So a lock
// counts only if its process is of our own user or root's, or can't be seen; a file that others
// hold is replaced by a new one, which nobody else can open. Who replaces it holds PATH/lock.new
// from before the look at the holders until it has the file's name; who takes PATH/lock looks for
// lock.new afterwards. So of two that begin at once, one sees the other.
#pragma once

namespace svcd {

/// Takes it, under kLockFd, until that is closed. False: it was said why not.
bool take_lock_file(const char* folder);

}  // namespace svcd
