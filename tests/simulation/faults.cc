#include "simulation/faults.h"

#include <array>

namespace svcd::simulation {

std::string_view name_of(Fault fault) {
    switch (fault) {
        case Fault::spawn_fails:
            return "spawn-fails";
        case Fault::quick_exits:
            return "quick-exits";
        case Fault::late_events:
            return "late-events";
        case Fault::late_emptied:
            return "late-emptied";
        case Fault::doubled_emptied:
            return "doubled-emptied";
        case Fault::lost_notifications:
            return "lost-notifications";
        case Fault::main_not_found:
            return "main-not-found";
        case Fault::unkillable:
            return "unkillable";
        case Fault::hanging_exec:
            return "hanging-exec";
        case Fault::careless_clock:
            return "careless-clock";
        case Fault::manager_dies:
            return "manager-dies";
        case Fault::manager_dies_midway:
            return "manager-dies-midway";
        case Fault::out_of_memory:
            return "out-of-memory";
        case Fault::clock_jumps:
            return "clock-jumps";
        case Fault::launcher_dies:
            return "launcher-dies";
    }
    return "?";
}

FaultSet draw_faults(Random& random) {
    constexpr std::array<unsigned, 3> kOdds = {0, 20, 60};
    const unsigned odds = random.pick(kOdds);
    FaultSet faults;
    for (std::size_t fault = 0; fault < kFaults; ++fault) {
        if (static_cast<Fault>(fault) != Fault::launcher_dies && random.percent(odds)) {
            faults.add(static_cast<Fault>(fault));
        }
    }
    return faults;
}

void draw_launcher_fault(FaultSet& faults, Random& random) {
    constexpr unsigned kOdds = 35;
    const bool die = faults.has(Fault::manager_dies) || faults.has(Fault::manager_dies_midway);
    if (die && random.percent(kOdds)) {
        faults.add(Fault::launcher_dies);
    }
}

}  // namespace svcd::simulation
