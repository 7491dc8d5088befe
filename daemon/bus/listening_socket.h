// A socket in the file system that clients connect to.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "bus/descriptor.h"
#include "core/types/result.h"

namespace svcd {

/// Who may connect: whom the file's mode lets write.
struct SocketPlace {
    std::string path;
    mode_t mode = 0600;
    std::optional<gid_t> group = {};  ///< nothing: svcd's own
};

/// Replaces a socket that an earlier manager left there. It takes its name only when it listens: so
/// there is no moment in which a client finds no socket and thinks that there is no svcd.
Result<Descriptor> listen_at(const SocketPlace& place);

/// Can clients of such a socket send us descriptors? Linux 6.16 and later refuse them.
bool may_bring_descriptors(int listener);

}  // namespace svcd
