// The steps of an end, each with a limit: nothing that hangs in the kernel (a dead NFS server, a
// broken disk) may keep a machine from going down. What can hang is done by a child, which is left
// behind when its time is over.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace svcd {

/// µs, as all times here. However late it is, each step gets this much.
inline constexpr std::int64_t kStepLeast = 200'000;

class Helpers {
public:
    /// `deadline`: µs of CLOCK_MONOTONIC, 0: none. Blocks SIGCHLD.
    explicit Helpers(std::int64_t deadline);

    /// Until when a step may take that is to take `most` at most: no more than half of what is left
    /// until the deadline, so that there is some for each of those that follow.
    std::int64_t limit(std::int64_t most) const;

    /// Does `work(argument)` in a child, until limit(most). Its result (0 or errno); ETIMEDOUT: it
    /// was killed, and may hang on.
    int run(int (*work)(const char* argument), const char* argument, std::int64_t most);

private:
    std::int64_t deadline_;
};

}  // namespace svcd
