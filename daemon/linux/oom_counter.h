// How often the kernel's OOM killer has struck in a cgroup: oom_kill of memory.events, which counts
// the cgroups below too.
#pragma once

#include <cstdint>

namespace svcd {

class OomCounter {
public:
    /// From here on: what was counted before is not news.
    void start(int cgroup_folder);
    /// Has it struck since the last call?
    bool has_grown(int cgroup_folder);

private:
    std::uint64_t seen_ = 0;
};

}  // namespace svcd
