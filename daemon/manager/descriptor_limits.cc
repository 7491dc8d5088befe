#include "manager/descriptor_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace svcd {
namespace {

/// A stop opens the unit's cgroup and the folders and lists in it, and starts ExecStop. Where there
/// are few at all, a quarter.
constexpr rlim_t kForStops = 16;
constexpr rlim_t kForStarts = 16;

}  // namespace

DescriptorLimits descriptor_limits() {
    constexpr rlim_t kMost = std::numeric_limits<int>::max();
    rlimit limit{kMost, kMost};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t all = std::min(limit.rlim_cur, kMost);
    const rlim_t starts = all - std::min(kForStops, all / 4);
    return {static_cast<int>(starts), static_cast<int>(starts - std::min(kForStarts, starts / 4))};
}

}  // namespace svcd
