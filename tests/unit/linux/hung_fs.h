// A file system that never answers: a FUSE mount whose requests nobody reads. Whoever looks up a
// name in it waits until it is killed, or until this is destroyed.
#pragma once

#include <string>

#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

class HungFs {
public:
    /// Mounts at `folder`, in a mount namespace of this process's own that it enters first (so call
    /// it in a process made for the purpose). Needs root and /dev/fuse.
    static Result<HungFs> mount(const std::string& folder);

    HungFs(HungFs&&) noexcept = default;
    HungFs& operator=(HungFs&&) noexcept = default;
    ~HungFs();

private:
    HungFs() = default;
    UniqueFd device_;
    std::string folder_;
};

}  // namespace svcd
