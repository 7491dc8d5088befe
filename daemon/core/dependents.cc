// What a unit's change means to others: those bound to it, those that nobody needs any more, those
// that are to be kept up, those that wait for its failure or success. The rules are those of
// systemd.unit(5); what combines the states of several units is looked at once the step has
// settled.
#include <algorithm>

#include "core/machine.h"
#include "core/service.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// As systemd has it: svcd itself starts or stops a unit at most so often in this time, so that two
/// units that want opposite things don't keep the machine busy.
constexpr Duration kAutomaticInterval{10'000'000};
constexpr std::uint32_t kAutomaticBurst = 16;
/// Comebacks of a unit that are tried in one step.
constexpr unsigned kComebacksInAStep = 16;

/// How often one step triggers the same unit by OnFailure or OnSuccess.
constexpr std::uint32_t kTriggersPerStepMax = 16;

}  // namespace

/// It went down, for good and as it was meant to.
bool has_succeeded(const Unit& unit, ActiveState old_state) {
    return !unit.will_restart && unit.active_state() == ActiveState::inactive &&
           !is_down(old_state) && !is_failure(unit.result);
}

void Machine::unit_changed(Unit& unit, ActiveState old_state) {
    const ActiveState state = unit.active_state();
    bool asked_for = false;
    if (Job* job = job_of(unit)) {
        asked_for = job_follows_state(unit, *job);
    }
    if (!asked_for && goes_down_heard(unit, old_state)) {
        stop_with(unit);
    }
    if (state == old_state) {
        return;
    }
    if (!unit.will_restart && state == ActiveState::failed) {
        trigger(unit, Relation::on_failure);
    } else if (has_succeeded(unit, old_state)) {
        trigger(unit, Relation::on_success);
    }
    if (is_up(state) && !is_up(old_state)) {
        forget_comeback(unit);
        bring_back(unit);
    }
    if (!is_up_or_starting(state) || is_up(state)) {
        recheck(unit);
    }
    act_on_end(unit, old_state);
}

/// Has it gone down by a failure, or does it come up again by itself?
bool Machine::is_missed(Unit& unit) {
    return unit.result != UnitResult::success || unit.will_restart ||
           (unit.run != nullptr && Service{*this, unit}.shall_restart());
}

/// Is this the moment in which others hear that it goes down? With RestartMode=direct that is not
/// before it is down for good.
bool Machine::goes_down_heard(Unit& unit, ActiveState old_state) {
    const ActiveState state = unit.active_state();
    const bool is_direct = unit.run != nullptr && Service{*this, unit}.restarts_directly();
    if (is_direct && is_down(state)) {
        return !is_down(old_state);
    }
    return is_up_or_starting(old_state) && is_down_or_stopping(state) &&
           !(is_direct && Service{*this, unit}.shall_restart());
}

/// BindsTo and PropagatesStopTo: what can't be up without this unit goes down with it.
void Machine::stop_with(Unit& unit) {
    const Job* job = job_of(unit);
    const bool is_asked =
        job != nullptr && (job->type == JobType::stop || job->type == JobType::restart);
    for (const Relation relation : {Relation::bound_by, Relation::propagates_stop_to}) {
        for (const auto edge : graph.related(unit.id, relation)) {
            if (!is_down_or_stopping(this->unit(edge.unit()).active_state())) {
                stop_for(unit, edge.unit(),
                         this->unit(edge.unit()).name() + " " +
                             std::string(name_of(inverse(relation))) + " " + unit.name() +
                             (is_asked ? ", which is being stopped" : ", which has ended"));
            }
        }
    }
}

/// Stops `id` for what `culprit` did; what goes down with that comes back with it. The unit that
/// has failed goes down by itself already: a stop job would take its restart from it.
void Machine::stop_for(Unit& culprit, UnitId id, std::string reason) {
    const UnitId failed = root_of_failure(culprit);
    Transaction transaction{*this};
    transaction.spare(culprit.id);
    transaction.spare(failed);
    if (auto refusal = transaction.build(id, JobType::stop, JobMode::replace)) {
        say(Severity::warning, unit(id), refusal->message);
        return;
    }
    if (failed != culprit.id || is_missed(culprit)) {
        const std::set<UnitId> dependents = dependents_of(failed);
        for (const UnitId stopped : transaction.units_with(JobType::stop)) {
            Unit& other = unit(stopped);
            const Job* job = job_of(other);
            // What a person has asked to stop, and waits for its turn, stays stopped.
            if ((job == nullptr || job->type != JobType::stop) && dependents.contains(stopped)) {
                want_back(other, unit(failed));
            }
        }
    }
    Requester requester;
    requester.reason = std::move(reason);
    transaction.apply(requester);
}

/// OnFailure, OnSuccess.
void Machine::trigger(const Unit& unit, Relation relation) {
    const RareUnitSettings& settings = unit.definition.rarely();
    const JobMode mode = relation == Relation::on_failure ? settings.on_failure_job_mode
                                                          : settings.on_success_job_mode;
    for (const auto edge : graph.related(unit.id, relation)) {
        if (shutting_down) {
            return;
        }
        const StartCause cause =
            relation == Relation::on_failure ? StartCause::on_failure : StartCause::on_success;
        triggered_.push_back(
            {edge.unit(), mode,
             by_svcd(cause, std::string(name_of(relation)) + " of " + unit.name(), unit.id)});
    }
}

void Machine::start_triggered() {
    std::vector<Triggered> due;
    due.swap(triggered_);
    for (Triggered& each : due) {
        // Two units that trigger each other and fail at once would go on for ever.
        const std::uint32_t times = ++times_triggered_[each.unit];
        if (times <= kTriggersPerStepMax) {
            start_transaction(each.unit, JobType::start, each.requester, each.mode);
        } else if (times == kTriggersPerStepMax + 1) {
            say(Severity::warning, unit(each.unit),
                "was triggered " + std::to_string(kTriggersPerStepMax) +
                    " times at once: its OnFailure or OnSuccess leads back to itself");
        }
    }
}

/// RELOADING=1: what PropagatesReloadTo names is reloaded too.
void Machine::propagate_reload(const Unit& unit) {
    for (const auto edge : graph.related(unit.id, Relation::propagates_reload_to)) {
        const Unit& other = this->unit(edge.unit());
        if (is_up_or_starting(other.active_state()) && can_reload(other)) {
            start_transaction(other.id, JobType::reload,
                              by_svcd(StartCause::svcd, unit.name() + " is reloading"),
                              JobMode::fail);
        }
    }
}

/// The unit has come up or gone down, or a job of it has ended: who depends on that is looked at
/// once all else is settled.
void Machine::recheck(Unit& unit) {
    const auto look_at = [this](Unit& other) {
        if (!other.is_rechecked) {
            other.is_rechecked = true;
            rechecked_.push_back(other.id);
        }
    };
    look_at(unit);
    const auto look_at_related = [&](Relation relation) {
        for (const auto edge : graph.related(unit.id, relation)) {
            look_at(this->unit(edge.unit()));
        }
    };
    if (is_down(unit.active_state())) {
        look_at_related(Relation::bound_by);
        for (const Relation relation : kNeeds) {
            for (const auto edge : graph.related(unit.id, relation)) {
                Unit& other = this->unit(edge.unit());
                if (other.definition.stop_when_unneeded) {
                    look_at(other);
                }
            }
        }
    } else if (is_up(unit.active_state())) {
        look_at_related(Relation::upholds);
        // A stop of it may have been given up: what waits for it comes back now.
        for (const Relation others : {Relation::required_by, Relation::requisite_of,
                                      Relation::bound_by, Relation::consists_of}) {
            for (const auto edge : graph.related(unit.id, others)) {
                if (this->unit(edge.unit()).wants_back) {
                    look_at(this->unit(edge.unit()));
                }
            }
        }
    }
}

void Machine::act_on_rechecked() {
    std::vector<UnitId> due;
    due.swap(rechecked_);
    for (const UnitId id : due) {
        Unit& unit = this->unit(id);
        unit.is_rechecked = false;
        if (unit.job != JobId::none || shutting_down) {
            continue;
        }
        if (unit.active_state() == ActiveState::active) {
            if (const Unit* culprit = missing_binding(unit)) {
                if (may_act_by_itself(unit)) {
                    stop_for(this->unit(culprit->id), id,
                             unit.name() + " BindsTo " + culprit->name() + ", which is not active");
                }
            } else if (is_unneeded(unit) && may_act_by_itself(unit)) {
                start_transaction(id, JobType::stop, by_svcd(StartCause::svcd, why_unneeded(unit)),
                                  JobMode::fail);
            }
        } else if (is_down(unit.active_state())) {
            if (may_come_back(unit)) {
                // That was back before it was down: its stop had to wait for something else. The
                // start may end for a third unit's sake at once, and so be due again: often enough
                // while others move in the same step, but not for ever.
                if (++comebacks_tried_[id] <= kComebacksInAStep) {
                    come_back(unit, "what it needs is back");
                }
            } else if (const Unit* upholder = active_upholder(unit);
                       upholder != nullptr && may_act_by_itself(unit)) {
                start_transaction(
                    id, JobType::start,
                    by_svcd(StartCause::upholds, "Upholds of " + upholder->name(), upholder->id),
                    JobMode::fail);
            }
        }
    }
}

/// A unit that this one is bound to, and that is down without a job to change that.
const Unit* Machine::missing_binding(const Unit& unit) const {
    for (const auto edge : graph.related(unit.id, Relation::binds_to)) {
        const Unit& other = this->unit(edge.unit());
        if (other.job == JobId::none && is_down(other.active_state())) {
            return &other;
        }
    }
    return nullptr;
}

bool Machine::is_unneeded(const Unit& unit) const {
    if (!unit.definition.stop_when_unneeded) {
        return false;
    }
    for (const Relation relation : kNeeds) {
        for (const auto edge : graph.related(unit.id, inverse(relation))) {
            const Unit& other = this->unit(edge.unit());
            if (other.job != JobId::none || !is_down(other.active_state())) {
                return false;
            }
        }
    }
    return true;
}

/// Which units needed it last: those that went down last of all that went down in its life.
std::string Machine::why_unneeded(const Unit& unit) const {
    constexpr std::size_t kNamedMax = 2;
    std::vector<const Unit*> last;
    for (const Relation relation : kNeeds) {
        for (const auto edge : graph.related(unit.id, inverse(relation))) {
            const Unit& other = this->unit(edge.unit());
            if (other.inactive_enter_at < unit.active_enter_at ||
                std::find(last.begin(), last.end(), &other) != last.end()) {
                continue;
            }
            if (!last.empty() && last.front()->inactive_enter_at < other.inactive_enter_at) {
                last.clear();
            }
            if (last.empty() || last.front()->inactive_enter_at == other.inactive_enter_at) {
                last.push_back(&other);
            }
        }
    }
    std::string names;
    for (std::size_t index = 0; index < std::min(last.size(), kNamedMax); ++index) {
        names += (index == 0 ? "" : " and ") + last[index]->name();
    }
    return "StopWhenUnneeded" +
           (last.empty() || last.size() > kNamedMax
                ? std::string{": nothing that is up needs it"}
                : ": " + names + (last.size() == 1 ? " was" : " were") + " the last to need it");
}

const Unit* Machine::active_upholder(const Unit& unit) const {
    for (const auto edge : graph.related(unit.id, Relation::upheld_by)) {
        const Unit& other = this->unit(edge.unit());
        if (other.job == JobId::none && is_up(other.active_state())) {
            return &other;
        }
    }
    return nullptr;
}

bool Machine::may_act_by_itself(const Unit& unit) {
    AutomaticActions& past = automatic_actions_[unit.id];
    if (past.count == 0 || after(past.since, kAutomaticInterval) <= now) {
        past = AutomaticActions{now, 0};
    }
    if (past.count >= kAutomaticBurst) {
        say(Severity::warning, unit,
            "was started or stopped " + std::to_string(past.count) +
                " times within 10 s for what others want: it is left as it is");
        return false;
    }
    ++past.count;
    return true;
}

}  // namespace svcd
