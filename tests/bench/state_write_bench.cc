// What the write-ahead state costs: a step of the supervisor that changes one unit, written down.
//
//     svcd-state-bench [FOLDER]      (default /run, a tmpfs as in use)
//
// Says the median and the 99th percentile of 100,000 steps over 1,000 units. Aim: under 10 µs.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "state/state_file.h"

namespace svcd {
namespace {

constexpr std::size_t kUnits = 1'000;
constexpr std::size_t kSteps = 100'000;

[[noreturn]] void give_up(const Error& error) {
    std::fprintf(stderr, "svcd-state-bench: %s\n", to_string(error).c_str());
    std::exit(1);
}

void name(UnitRecord& record, std::size_t unit) {
    std::snprintf(record.name.data(), record.name.size(), "unit%zu.service", unit);
}

/// µs of each step.
std::vector<double> measure(StateFile& file, std::size_t units_a_step) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> took;
    took.reserve(kSteps);
    UnitRecord record{};
    SupervisorRecord supervisor{};
    for (std::size_t step = 0; step < kSteps; ++step) {
        const auto began = Clock::now();
        file.begin_step();
        for (std::size_t each = 0; each < units_a_step; ++each) {
            const std::size_t unit = (step * units_a_step + each) % kUnits;
            name(record, unit);
            record.state_changed_at = static_cast<std::int64_t>(step);
            if (const auto written = file.write(UnitId{static_cast<std::uint32_t>(unit)}, record);
                !written) {
                give_up(written.error());
            }
        }
        supervisor.next_serial = step;
        if (const auto written = file.commit_step(supervisor); !written) {
            give_up(written.error());
        }
        took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
    }
    std::sort(took.begin(), took.end());
    return took;
}

int run(const std::string& folder) {
    const std::string path = folder + "/svcd-state-bench." + std::to_string(::getpid());
    Result<StateFile::Opened> opened = StateFile::open(path);
    if (!opened) {
        give_up(opened.error());
    }
    for (const std::size_t units : {std::size_t{1}, std::size_t{2}}) {
        const std::vector<double> took = measure(opened->file, units);
        std::printf("a step that changes %zu unit%s: median %.1f µs, 99 %% under %.1f µs\n", units,
                    units == 1 ? "" : "s", took[took.size() / 2], took[took.size() * 99 / 100]);
    }
    return std::remove(path.c_str()) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace svcd

int main(int count, char** arguments) {
    return svcd::run(count > 1 ? arguments[1] : "/run");
}
