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

constexpr rlim_t kMost = std::numeric_limits<int>::max();
/// With fewer, a quarter is less than what should be kept.
constexpr rlim_t kEnough = 128;

rlim_t limit_of_all() {
    rlimit limit{kMost, kMost};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return std::min(limit.rlim_cur, kMost);
}

}  // namespace

std::string few_descriptors() {
    const rlim_t all = limit_of_all();
    if (all >= kEnough) {
        return {};
    }
    return "RLIMIT_NOFILE of svcd is " + std::to_string(all) +
           ": starts, and connections, will soon be refused to keep descriptors for stops. Set it "
           "to at least 1024, where svcd is started ('ulimit -n', LimitNOFILE=)";
}

DescriptorLimits descriptor_limits() {
    const rlim_t all = limit_of_all();
    const rlim_t starts = all - std::min(kForStops, all / 4);
    return {static_cast<int>(starts), static_cast<int>(starts - std::min(kForStarts, starts / 4))};
}

}  // namespace svcd
