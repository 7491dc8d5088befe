// Rule of ours: what a failure stopped, or kept from starting, comes back by itself once the unit
// that failed is active again. Not so what a person has stopped or isolated away from, nor what a
// reload has made independent of it.
#include <algorithm>
#include <array>
#include <utility>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// The relations by which a unit shares the fate of another, and their inverses.
constexpr std::array kTies{Relation::requires_, Relation::requisite, Relation::binds_to,
                           Relation::part_of};

}  // namespace

/// All that share the fate of the unit, also through others.
std::set<UnitId> Machine::dependents_of(UnitId id) const {
    std::set<UnitId> found;
    std::vector<UnitId> to_look_at{id};
    while (!to_look_at.empty()) {
        const UnitId next = to_look_at.back();
        to_look_at.pop_back();
        for (const Relation tie : kTies) {
            for (const auto edge : graph.related(next, inverse(tie))) {
                if (edge.unit() != id && found.insert(edge.unit()).second) {
                    to_look_at.push_back(edge.unit());
                }
            }
        }
    }
    return found;
}

/// `culprit` has failed, and `unit` can't be without it.
void Machine::want_back(Unit& unit, const Unit& culprit) {
    if (unit.wants_back && unit.missed == culprit.id) {
        return;
    }
    forget_comeback(unit);
    unit.wants_back = true;
    unit.missed = culprit.id;
    comebacks_.emplace(culprit.id, unit.id);
    touch(unit);
}

void Machine::forget_comeback(Unit& unit) {
    if (unit.wants_back) {
        comebacks_.erase({unit.missed, unit.id});
        unit.wants_back = false;
        touch(unit);
    }
}

/// The unit whose failure has brought this one down: itself, unless it was another's.
UnitId Machine::root_of_failure(const Unit& unit) {
    return unit.wants_back ? unit.missed : unit.id;
}

/// Whose failure it is that a start ended so; nothing where it was nobody's.
std::optional<UnitId> Machine::missed_after(const Unit& unit, JobResult start) {
    switch (start) {
        case JobResult::failed:
        case JobResult::timeout:
        case JobResult::assert_:
            return unit.id;
        case JobResult::dependency:
            return unit.wants_back ? std::optional{unit.missed} : std::nullopt;
        case JobResult::done:
        case JobResult::canceled:
        case JobResult::skipped:
        case JobResult::invalid:
        case JobResult::once:
            return std::nullopt;
    }
    return std::nullopt;
}

/// The unit is up: what missed it is started.
void Machine::bring_back(const Unit& unit) {
    if (shutting_down || comebacks_.empty()) {
        return;
    }
    std::vector<UnitId> due;
    const auto first = comebacks_.lower_bound({unit.id, UnitId{}});
    if (first != comebacks_.end() && first->first == unit.id) {
        const std::set<UnitId> dependents = dependents_of(unit.id);
        for (auto at = first; at != comebacks_.end() && at->first == unit.id; ++at) {
            if (dependents.contains(at->second)) {
                due.push_back(at->second);
            }
        }
    }
    for (const Relation tie : kTies) {
        for (const auto edge : graph.related(unit.id, inverse(tie))) {
            const Unit& other = this->unit(edge.unit());
            if (other.wants_back && other.missed != unit.id && has_its_ties(other)) {
                due.push_back(other.id);
            }
        }
    }
    for (const UnitId id : due) {
        Unit& other = this->unit(id);
        if (other.wants_back && is_down_or_stopping(other.active_state())) {
            come_back(other, unit.name() + " is back");
        }
    }
}

void Machine::come_back(Unit& unit, std::string reason) {
    const UnitId culprit = unit.missed;
    forget_comeback(unit);
    const JobId before = unit.job;
    start_transaction(unit.id, JobType::start,
                      by_svcd(StartCause::comeback, std::move(reason), culprit));
    if (Job* job = job_of(unit); job != nullptr && job->id != before) {
        job->comes_along = true;
    }
}

/// Is it up, and nobody has asked for its stop? To come back with one that is about to be stopped
/// would undo that stop.
bool Machine::stays_up(const Unit& unit) const {
    const Job* job = job_of(unit);
    return is_up(unit.active_state()) && (job == nullptr || job->type != JobType::stop);
}

/// Is what it missed up again? (It may have been so before the unit itself was down.)
bool Machine::may_come_back(const Unit& unit) const {
    if (!unit.wants_back) {
        return false;
    }
    return has_its_ties(unit) ||
           (stays_up(this->unit(unit.missed)) && dependents_of(unit.missed).contains(unit.id));
}

/// Is all of it up that it may have been stopped for?
bool Machine::has_its_ties(const Unit& unit) const {
    bool has_any = false;
    for (const Relation tie : kTies) {
        for (const auto edge : graph.related(unit.id, tie)) {
            has_any = true;
            if (!stays_up(this->unit(edge.unit()))) {
                return false;
            }
        }
    }
    return has_any;
}

/// A person wants the unit up or down. What would go down with it, or for it, stays down.
void Machine::forget_comebacks_against(UnitId id, JobType wanted) {
    if (comebacks_.empty()) {
        return;
    }
    forget_comeback(unit(id));
    if (wanted == JobType::stop) {
        for (const UnitId other : dependents_of(id)) {
            forget_comeback(unit(other));
        }
    } else if (wanted == JobType::start || wanted == JobType::restart) {
        for (const Relation relation : {Relation::conflicts, Relation::conflicted_by}) {
            for (const auto edge : graph.related(id, relation)) {
                forget_comeback(unit(edge.unit()));
            }
        }
    }
}

/// Everything but what `kept` starts is isolated away from.
void Machine::forget_comebacks_but(const Transaction& kept) {
    if (comebacks_.empty()) {
        return;
    }
    const std::vector<UnitId> brought_up = kept.units_with(JobType::start);
    const auto all = comebacks_;
    for (const auto& [missed, id] : all) {
        if (std::find(brought_up.begin(), brought_up.end(), id) == brought_up.end()) {
            forget_comeback(unit(id));
        }
    }
}

/// Of an earlier svcd's record, which does not say it, the nearest that is down.
void Machine::restore_comeback(Unit& unit, std::optional<UnitId> missed) {
    if (!unit.wants_back) {
        return;
    }
    unit.missed = missed.value_or(unit.id);
    for (const Relation tie : kTies) {
        for (const auto edge : graph.related(unit.id, tie)) {
            if (unit.missed == unit.id && !is_up(this->unit(edge.unit()).active_state())) {
                unit.missed = edge.unit();
            }
        }
    }
    comebacks_.emplace(unit.missed, unit.id);
}

}  // namespace svcd
