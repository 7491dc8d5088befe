#include "simulation/shrink.h"

#include <string>

#include "simulation/simulation.h"

namespace svcd::simulation {
namespace {

std::string broken_rule(const Plan& plan) {
    const Outcome outcome = Simulation{plan, false}.run();
    return outcome.violation ? outcome.violation->rule : std::string{};
}

class Shrinker {
public:
    explicit Shrinker(const Plan& plan) : plan_{plan}, rule_{broken_rule(plan)} {}

    Plan run() {
        bool is_smaller = !rule_.empty();
        while (is_smaller) {
            is_smaller = drop_faults();
            is_smaller = drop(plan_.commands, &Plan::without_commands) || is_smaller;
            is_smaller = drop(plan_.units, &Plan::without_units) || is_smaller;
        }
        return plan_;
    }

private:
    bool try_plan(const Plan& smaller) {
        if (broken_rule(smaller) != rule_) {
            return false;
        }
        plan_ = smaller;
        return true;
    }

    bool drop_faults() {
        bool is_smaller = false;
        for (std::size_t index = 0; index < kFaults; ++index) {
            const auto fault = static_cast<Fault>(index);
            if (plan_.faults.has(fault)) {
                Plan smaller = plan_;
                smaller.faults.remove(fault);
                smaller.without_faults.insert(fault);
                is_smaller = try_plan(smaller) || is_smaller;
            }
        }
        return is_smaller;
    }

    /// Leaves out runs of numbers, long ones first.
    bool drop(std::size_t count, std::set<std::size_t> Plan::*without) {
        bool is_smaller = false;
        for (std::size_t length = count; length > 0; length /= 2) {
            for (std::size_t first = 0; first < count; first += length) {
                Plan smaller = plan_;
                const std::size_t before = (smaller.*without).size();
                for (std::size_t i = first; i < first + length && i < count; ++i) {
                    (smaller.*without).insert(i);
                }
                if ((smaller.*without).size() > before) {
                    is_smaller = try_plan(smaller) || is_smaller;
                }
            }
        }
        return is_smaller;
    }

    Plan plan_;
    std::string rule_;
};

}  // namespace

Plan shrink(const Plan& plan) {
    return Shrinker{plan}.run();
}

}  // namespace svcd::simulation
