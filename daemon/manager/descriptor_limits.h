// Descriptors that are kept for stops and exits. The kernel gives the lowest number that is free,
// so the number of a new descriptor tells how many are in use: nothing has to be counted.
#pragma once

#include <string>

namespace svcd {

/// The numbers that a new descriptor has to be below.
struct DescriptorLimits {
    int starts;     ///< of a process that a start needs, and of a client that may change things
    int strangers;  ///< of any other client: these go first
};

/// By RLIMIT_NOFILE as it is now.
DescriptorLimits descriptor_limits();

/// What to do where RLIMIT_NOFILE is so low that fewer are kept than should be; empty: it is not.
std::string few_descriptors();

}  // namespace svcd
