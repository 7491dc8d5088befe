#include "simulation/plan.h"

namespace svcd::simulation {
namespace {

constexpr std::size_t kUnitsAtMost = 24;
constexpr std::size_t kCommandsAtMost = 40;

std::string list_of(const std::set<std::size_t>& numbers) {
    std::string text;
    for (const std::size_t number : numbers) {
        text += (text.empty() ? "" : ",") + std::to_string(number);
    }
    return text;
}

}  // namespace

Plan draw_plan(std::uint64_t seed, std::size_t units) {
    Random random{stream(seed, purpose::kPlan)};
    Plan plan;
    plan.seed = seed;
    const std::size_t most = random.percent(50) ? 6 : kUnitsAtMost;  // small worlds collide more
    plan.units = 1 + random.below(most);
    if (units != 0) {
        plan.units = units;
        plan.units_given = true;
    }
    plan.commands = 1 + random.below(random.percent(50) ? 10 : kCommandsAtMost);
    plan.faults = draw_faults(random);
    plan.shutdown_amid = random.percent(25);
    return plan;
}

std::string command_line(const Plan& plan) {
    std::string line = "svcd-simulate --seed=" + std::to_string(plan.seed);
    if (plan.units_given) {
        line += " --units=" + std::to_string(plan.units);
    }
    if (!plan.without_units.empty()) {
        line += " --without-units=" + list_of(plan.without_units);
    }
    if (!plan.without_commands.empty()) {
        line += " --without-commands=" + list_of(plan.without_commands);
    }
    if (!plan.without_faults.empty()) {
        line += " --without-faults=";
        bool first = true;
        for (const Fault fault : plan.without_faults) {
            line += (first ? "" : ",") + std::string{name_of(fault)};
            first = false;
        }
    }
    bool is_first = true;
    for (const std::string& rule : plan.without_rules) {
        line += (is_first ? " --without-rules=" : ",") + rule;
        is_first = false;
    }
    return line;
}

}  // namespace svcd::simulation
