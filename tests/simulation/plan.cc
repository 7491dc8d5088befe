#include "simulation/plan.h"

namespace svcd::simulation {
namespace {

constexpr std::size_t kUnitsAtMost = 24;
constexpr std::size_t kCommandsAtMost = 40;
constexpr Duration kBudgetAtMost = std::chrono::seconds{60};
constexpr Duration kMarginAtMost = std::chrono::seconds{5};

std::string word_of(std::size_t number) {
    return std::to_string(number);
}
std::string word_of(const std::string& name) {
    return name;
}
std::string word_of(Fault fault) {
    return std::string{name_of(fault)};
}

/// " --option=a,b,c", or nothing for none.
template <typename Set>
std::string option(const char* name, const Set& set) {
    std::string text;
    for (const auto& each : set) {
        text += (text.empty() ? " --" + std::string{name} + "=" : ",") + word_of(each);
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
    Random of_launcher{stream(seed, purpose::kLauncher)};
    draw_launcher_fault(plan.faults, of_launcher);
    plan.shutdown_amid = random.percent(25);
    Random of_shutdown{stream(seed, purpose::kBudget)};
    if (of_shutdown.percent(40)) {
        plan.shutdown_budget = of_shutdown.between(Duration{0}, kBudgetAtMost);
        plan.shutdown_margin = of_shutdown.between(Duration{0}, kMarginAtMost);
    }
    plan.is_hurried = of_shutdown.percent(15);
    return plan;
}

std::string command_line(const Plan& plan) {
    std::string line = "svcd-simulate --seed=" + std::to_string(plan.seed);
    if (plan.units_given) {
        line += " --units=" + std::to_string(plan.units);
    }
    if (plan.until != 0) {
        line += " --until=" + std::to_string(plan.until);
    }
    return line + option("without-units", plan.without_units) +
           option("without-commands", plan.without_commands) +
           option("without-faults", plan.without_faults) +
           option("without-settings", plan.without_settings) +
           option("without-rules", plan.without_rules);
}

}  // namespace svcd::simulation
