// Opens paths as root whose folders may belong to somebody else: outputs and inputs of services,
// EnvironmentFile, PIDFile, logs.
//
// Whoever owns a folder can put a symbolic link, or one more name of another's file, in the place
// of what we want to open. So a symbolic link, on the way or at the end, is followed only if root
// owns it (or the user that svcd runs as), and what is opened is a regular file with one name, or
// in a folder that nobody else may write; a FIFO; or a character device. What is opened is looked
// at once it is open, so nothing can be exchanged in between.
//
// One name is no proof where people may give names to files that they can't write: the second one
// can be gone by the time that it is looked at. Where the kernel allows that
// (fs.protected_hardlinks is 0), the file has to belong to the owner of its folder, too.
//
// Everything here is raw, since the child of a spawn opens its output with it (child_steps.h).
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/types/exec_error.h"

namespace svcd {

/// Symbolic links of one path that are followed, as the kernel does.
inline constexpr int kLinksMax = 40;

/// Why a path is not opened, where errno alone would leave people guessing.
struct PathRefusal {
    ExecProblem problem = ExecProblem::none;
    std::array<char, 128> link;  ///< of foreign_link: its name, NUL-terminated

    PathRefusal() { link[0] = '\0'; }
};

/// A file by the folder that it is in: nobody can put another folder in its place.
struct PathPlace {
    int folder = -1;  ///< O_PATH; for the caller to close
    std::array<char, 256> name;
    /// A link of /proc, which the kernel made and only the kernel can follow.
    bool is_kernel_link = false;

    PathPlace() { name[0] = '\0'; }
};

/// Does the file belong to who alone may put names into the folder, somebody else than root and us?
bool is_owners_own(const struct stat& file, const struct stat& folder);

enum class LastLink : std::uint8_t { follow, keep };
/// Of links that may be followed, in whose folder they may be. A service may rename a link of
/// root's that is in its own folder.
enum class LinkFolder : std::uint8_t { anybodys, roots };
enum class FileKinds : std::uint8_t { regular, streams };

/// Walks to the folder of a file, name by name. The file itself needn't exist. 0, or a negative
/// errno.
long find_trusted(
    const char* path, LastLink last, LinkFolder links, PathPlace& place, PathRefusal& refusal);

/// Opens what find_trusted() has found. O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added to the flags.
/// O_TRUNC counts for a regular file alone, once it has been looked at. The descriptor, or a
/// negative errno.
long open_found(
    const PathPlace& place, int flags, unsigned mode, FileKinds kinds, PathRefusal& refusal);

/// Both, with one openat2(2) for a path without links.
long open_trusted(
    const char* path, int flags, unsigned mode, FileKinds kinds, PathRefusal& refusal);

}  // namespace svcd
