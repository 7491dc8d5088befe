// A run, before it begins: everything that the seed decides up front, and what has been left out of
// it since (by hand, or by shrink.h). A plan can be written as a command line that repeats the run.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "simulation/faults.h"

namespace svcd::simulation {

struct Plan {
    std::uint64_t seed = 0;
    std::size_t units = 0;
    std::size_t commands = 0;
    FaultSet faults;
    std::set<std::size_t> without_units;
    std::set<std::size_t> without_commands;
    std::set<std::string> without_settings;
    std::set<std::string> without_rules;  ///< rules that may be broken
    std::set<Fault> without_faults;  ///< for the command line; `faults` has them removed already
    bool units_given = false;
    /// The clients fall silent and the faults end at this time, in seconds; 0: when all has been
    /// said.
    unsigned until = 0;
    /// The shutdown comes in the midst of it all, with the faults still on.
    bool shutdown_amid = false;
    Duration shutdown_budget = kInfinity;
    Duration shutdown_margin{0};
    bool is_hurried = false;  ///< somebody asks a second time, and wants it to hurry

    bool has_unit(std::size_t unit) const { return !without_units.contains(unit); }
    bool has_command(std::size_t command) const { return !without_commands.contains(command); }
};

/// The plan of a seed; `units` 0 lets the seed choose how many.
Plan draw_plan(std::uint64_t seed, std::size_t units);

/// "svcd-simulate --seed=4711 --without-units=3,5".
std::string command_line(const Plan& plan);

/// What the streams of random numbers are for (see random.h).
namespace purpose {
inline constexpr std::uint64_t kPlan = 1;
inline constexpr std::uint64_t kUnit = 2;
inline constexpr std::uint64_t kEdges = 3;
inline constexpr std::uint64_t kCommand = 4;
inline constexpr std::uint64_t kLife = 5;
inline constexpr std::uint64_t kShell = 6;
inline constexpr std::uint64_t kSupervisor = 7;
inline constexpr std::uint64_t kKernel = 8;
inline constexpr std::uint64_t kBudget = 9;
inline constexpr std::uint64_t kLauncher = 10;
}  // namespace purpose

}  // namespace svcd::simulation
