// One input for the target, and the time that it may take: whoever sends it must not be able to
// hold up the loop that reads it.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "fuzz/target.h"

namespace {

/// With sanitizers, which slow everything down.
constexpr double kSecondsMax = 1.0;

/// Of the processor: how busy the machine is doesn't count.
double seconds_used() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const double before = seconds_used();
    svcd::fuzz::try_input({reinterpret_cast<const char*>(data), size});
    const double took = seconds_used() - before;
    if (took > kSecondsMax) {
        std::fprintf(stderr, "an input of %zu bytes takes %.1f s\n", size, took);
        std::abort();
    }
    return 0;
}
