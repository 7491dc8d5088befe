#include "simulation/shrink.h"

#include <string>

#include "simulation/simulation.h"
#include "simulation/unit_generator.h"

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
            is_smaller = drop_settings() || is_smaller;
            is_smaller = shorten() || is_smaller;
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

    bool drop_settings() {
        bool is_smaller = false;
        for (const std::string& setting : settings_to_leave_out()) {
            Plan smaller = plan_;
            if (smaller.without_settings.insert(setting).second) {
                is_smaller = try_plan(smaller) || is_smaller;
            }
        }
        return is_smaller;
    }

    /// The faults end earlier.
    bool shorten() {
        const unsigned whole = static_cast<unsigned>(
            std::chrono::duration_cast<std::chrono::seconds>(kCommandsEnd).count());
        const unsigned until = plan_.until == 0 ? whole : plan_.until;
        for (unsigned shorter = 1; shorter < until; shorter = shorter * 2) {
            Plan smaller = plan_;
            smaller.until = shorter;
            if (try_plan(smaller)) {
                return true;
            }
        }
        return false;
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
