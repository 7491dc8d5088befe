#include "core/job_words.h"

#include "core/machine.h"
#include "core/service.h"

namespace svcd {
namespace {

constexpr std::size_t kShown = 3;

std::string state_in_words(const Unit& unit) {
    return std::string{name_of(unit.active_state())} + ", " + std::string{name_of(unit.sub_state)};
}

std::string jobs_in_words(const Machine& machine, const Job& job) {
    std::string text;
    std::size_t count = 0;
    for (const Relation relation : {Relation::after, Relation::before}) {
        for (const auto edge : machine.graph.related(job.unit, relation)) {
            const Unit& unit = machine.unit(edge.unit());
            const Job* other = machine.job_of(unit);
            if (other == nullptr || !is_held_up(job, relation, *other)) {
                continue;
            }
            if (++count <= kShown) {
                text += (count == 1 ? "" : ", ") + unit.name() + " (" +
                        std::string{name_of(other->type)} + " job, " +
                        std::string{name_of(other->state)} + "; " + state_in_words(unit) + ")";
            }
        }
    }
    return count > kShown ? text + " and " + std::to_string(count - kShown) + " more" : text;
}

}  // namespace

std::string awaited_in_words(const Machine& machine, const Job& job) {
    const Unit& unit = machine.unit(job.unit);
    if (job.state == JobState::waiting) {
        const std::string others = jobs_in_words(machine, job);
        return others.empty() ? "" : "it waited for " + others;
    }
    if (unit.definition.service != nullptr && unit.run != nullptr &&
        traits(unit.sub_state).starting) {
        return awaited_in_words(start_timeout_now(unit), *unit.definition.service);
    }
    return "the unit was " + state_in_words(unit);
}

}  // namespace svcd
