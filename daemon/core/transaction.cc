#include "core/transaction.h"

#include <algorithm>

#include "core/find_cycle.h"
#include "core/machine.h"
#include "core/service.h"

namespace svcd {

std::optional<Refusal> Transaction::build(UnitId anchor, JobType type, JobMode mode) {
    mode_ = mode;
    if (mode == JobMode::isolate) {
        const Unit& unit = machine_.unit(anchor);
        if (type != JobType::start || !(unit.definition.allow_isolate)) {
            return Refusal{RefusalKind::no_isolation,
                           "can't isolate " + unit.name() +
                               ": only a unit with AllowIsolate=yes in its file can be isolated"};
        }
    }
    if (auto refusal = refusal_to(anchor, type)) {
        return refusal;
    }
    anchor_ = add(anchor, type, kNobody);
    if (auto refusal = pull_in()) {
        return refusal;
    }
    if (mode == JobMode::isolate) {
        add_isolating_stops();
        if (auto refusal = pull_in()) {
            return refusal;
        }
    }
    find_what_matters();
    if (mode == JobMode::fail) {
        minimize_impact();
    }
    drop_redundant();
    drop_unwanted();
    if (auto refusal = break_cycles()) {
        return refusal;
    }
    if (auto refusal = merge_jobs()) {
        return refusal;
    }
    drop_redundant();
    return check_destructive(mode);
}

void Transaction::build_shutdown() {
    is_shutdown_ = true;
    for (const auto& unit : machine_.units) {
        if (unit->is_known && !is_perpetual(unit->name()) &&
            (!is_down(unit->active_state()) || unit->job != JobId::none)) {
            add(unit->id, JobType::stop, kNobody);
        }
    }
    break_cycles();
}

Transaction::Index Transaction::add(UnitId unit, JobType type, const Wish& wish) {
    std::vector<Index>& present = by_unit_[static_cast<std::uint32_t>(unit)];
    for (const Index index : present) {
        Entry& entry = entries_[index];
        if (entry.type != type) {
            continue;
        }
        if (wish.by != kNone) {
            entry.wishes.push_back(wish);
        }
        if (entry.is_impossible && wish.matters && wish.by != kNone) {
            give_up(wish.by, last_refusal_->message);
        }
        return index;
    }
    const Index index = entries_.size();
    present.push_back(index);
    Entry& entry = entries_.emplace_back();
    entry.unit = unit;
    entry.type = type;
    entry.ignore_order = mode_ == JobMode::ignore_dependencies;
    if (wish.by != kNone) {
        entry.wishes.push_back(wish);
    }
    to_expand_.push_back(index);
    return index;
}

/// Why a unit can't have such a job at all.
std::optional<Refusal> Transaction::refusal_to(UnitId id, JobType type) const {
    const Unit& unit = machine_.unit(id);
    if ((type == JobType::stop || type == JobType::restart) && is_perpetual(unit.name())) {
        return Refusal{RefusalKind::job_type_not_applicable,
                       unit.name() + " is always active and can't be stopped"};
    }
    if (type == JobType::stop) {
        const bool is_something = unit.load_state == LoadState::loaded ||
                                  !is_down(unit.active_state()) || unit.job != JobId::none;
        if (is_something || unit.load_state == LoadState::bad_setting) {
            return std::nullopt;
        }
    } else if (type == JobType::verify_active && is_up(unit.active_state())) {
        return std::nullopt;
    } else if (type == JobType::reload && unit.load_state == LoadState::loaded) {
        if (!can_reload(unit)) {
            return Refusal{RefusalKind::job_type_not_applicable,
                           unit.name() + " can't be reloaded: it has no ExecReload"};
        }
        if (!is_up(unit.active_state()) && unit.active_state() != ActiveState::activating) {
            return Refusal{RefusalKind::job_type_not_applicable,
                           unit.name() + " is not active and can't be reloaded"};
        }
    }
    switch (unit.load_state) {
        case LoadState::loaded:
            return std::nullopt;
        case LoadState::not_found:
            return Refusal{RefusalKind::no_such_unit, "unit " + unit.name() + " not found"};
        case LoadState::masked:
            return Refusal{RefusalKind::unit_masked, "unit " + unit.name() + " is masked"};
        case LoadState::bad_setting:
        case LoadState::error:
            return Refusal{RefusalKind::bad_setting,
                           "unit " + unit.name() + " has errors in its file and is not loaded:\n" +
                               unit.load_error};
    }
    return std::nullopt;
}

std::optional<Refusal> Transaction::pull_in() {
    // By index: expanding adds to the list.
    for (std::size_t next = 0; next < to_expand_.size(); ++next) {
        consider(to_expand_[next]);
        if (entries_[anchor_].is_dropped) {
            last_refusal_->message = machine_.unit(entries_[anchor_].unit).name() +
                                     " can't be started: it needs " + last_refusal_->message;
            return last_refusal_;
        }
    }
    to_expand_.clear();
    return std::nullopt;
}

/// Pulls in what this job needs, if it is possible at all.
void Transaction::consider(Index index) {
    if (entries_[index].is_dropped) {
        return;
    }
    const UnitId id = entries_[index].unit;
    const JobType type = entries_[index].type;
    if (index != anchor_) {
        if (auto refusal = refusal_to(id, type)) {
            last_refusal_ = std::move(refusal);
            give_up(index, last_refusal_->message);
            return;
        }
        // What is there already needs nothing more, so a start costs no more than what it has to
        // start. An isolate, though, keeps all that it reaches.
        const Unit& unit = machine_.unit(id);
        if (mode_ != JobMode::isolate && unit.job == JobId::none &&
            is_redundant(type, unit.active_state())) {
            return;
        }
    }
    if (mode_ != JobMode::ignore_dependencies && mode_ != JobMode::ignore_requirements) {
        expand(index);
    }
}

void Transaction::expand(Index index) {
    const UnitId id = entries_[index].unit;
    const JobType type = entries_[index].type;
    const auto wish = [index](Relation relation, bool matters) {
        return Wish{index, matters, Because::Kind::pulled_in, relation};
    };
    const auto pull = [&](Relation relation, JobType job, bool matters) {
        for (const auto edge : machine_.graph.related(id, relation)) {
            add(edge.unit(), job, wish(relation, matters));
        }
    };
    if (type == JobType::start || type == JobType::restart) {
        pull(Relation::requires_, JobType::start, true);
        pull(Relation::binds_to, JobType::start, true);
        pull(Relation::wants, JobType::start, false);
        pull(Relation::upholds, JobType::start, false);
        pull(Relation::requisite, JobType::verify_active, true);
        // What is down and has no job can be left alone; most units conflict with something that
        // is.
        for (const auto& [relation, matters] :
             {std::pair{Relation::conflicts, true}, std::pair{Relation::conflicted_by, false}}) {
            for (const auto edge : machine_.graph.related(id, relation)) {
                const Unit& other = machine_.unit(edge.unit());
                if (!is_down(other.active_state()) || other.job != JobId::none ||
                    by_unit_.contains(static_cast<std::uint32_t>(edge.unit()))) {
                    add(edge.unit(), JobType::stop, wish(relation, matters));
                }
            }
        }
    }
    if (type == JobType::stop || type == JobType::restart) {
        // A restart reaches those that are up as a restart; it starts nothing that isn't there.
        for (const Relation relation :
             {Relation::required_by, Relation::requisite_of, Relation::bound_by,
              Relation::consists_of, Relation::propagates_stop_to}) {
            if (relation == Relation::propagates_stop_to && type == JobType::restart) {
                continue;
            }
            for (const auto edge : machine_.graph.related(id, relation)) {
                const Unit& other = machine_.unit(edge.unit());
                const bool is_spared =
                    std::find(spared_.begin(), spared_.end(), other.id) != spared_.end();
                if (is_spared || (is_down(other.active_state()) && other.job == JobId::none)) {
                    continue;
                }
                const JobType job = type == JobType::stop
                                        ? JobType::stop
                                        : collapsed(JobType::try_restart, other.active_state());
                if (job != JobType::nop) {
                    add(edge.unit(), job, wish(relation, true));
                }
            }
        }
    }
    if (type == JobType::reload) {
        for (const auto edge : machine_.graph.related(id, Relation::propagates_reload_to)) {
            if (!is_down_or_stopping(machine_.unit(edge.unit()).active_state())) {
                add(edge.unit(), JobType::reload, wish(Relation::propagates_reload_to, false));
            }
        }
    }
}

void Transaction::add_isolating_stops() {
    for (const auto& unit : machine_.units) {
        if (!unit->is_known || unit->definition.ignore_on_isolate || is_perpetual(unit->name()) ||
            (is_down(unit->active_state()) && unit->job == JobId::none) ||
            by_unit_.contains(static_cast<std::uint32_t>(unit->id))) {
            continue;
        }
        add(unit->id, JobType::stop,
            Wish{anchor_, false, Because::Kind::isolated, Relation::requires_});
    }
}

bool Transaction::give_up(Index index, const std::string& why) {
    std::vector<Index> lost{index};
    bool reached_anchor = false;
    while (!lost.empty()) {
        const Index next = lost.back();
        lost.pop_back();
        if (entries_[next].is_dropped) {
            continue;
        }
        reached_anchor = reached_anchor || next == anchor_;
        entries_[next].is_dropped = true;
        entries_[next].is_impossible = true;
        for (const Wish& wish : entries_[next].wishes) {
            if (wish.matters) {
                lost.push_back(wish.by);
            } else if (!entries_[wish.by].is_dropped) {
                machine_.say(
                    Severity::warning, machine_.unit(entries_[wish.by].unit),
                    "goes on without " + machine_.unit(entries_[next].unit).name() + ": " + why);
            }
        }
    }
    return reached_anchor;
}

void Transaction::find_what_matters() {
    // From the anchor along the wishes that matter; these are kept with the job that is wished for,
    // so: repeat until still.
    std::vector<std::vector<Index>> needs(entries_.size());
    for (Index index = 0; index < entries_.size(); ++index) {
        for (const Wish& wish : entries_[index].wishes) {
            if (wish.matters) {
                needs[wish.by].push_back(index);
            }
        }
    }
    std::vector<Index> reached{anchor_};
    while (!reached.empty()) {
        const Index next = reached.back();
        reached.pop_back();
        if (entries_[next].matters_to_anchor) {
            continue;
        }
        entries_[next].matters_to_anchor = true;
        reached.insert(reached.end(), needs[next].begin(), needs[next].end());
    }
}

void Transaction::drop_unwanted() {
    bool changed = true;
    while (changed) {
        changed = false;
        for (Index index = 0; index < entries_.size(); ++index) {
            Entry& entry = entries_[index];
            if (entry.is_dropped || index == anchor_ || is_shutdown_) {
                continue;
            }
            const bool is_wanted =
                std::any_of(entry.wishes.begin(), entry.wishes.end(),
                            [&](const Wish& wish) { return !entries_[wish.by].is_dropped; });
            if (!is_wanted) {
                entry.is_dropped = true;
                changed = true;
            }
        }
    }
}

void Transaction::drop_redundant() {
    // A unit's jobs go together: a redundant one that a needed one stands beside must still be
    // merged with it.
    for (auto& [unit_id, indices] : by_unit_) {
        const Unit& unit = machine_.unit(static_cast<UnitId>(unit_id));
        const Job* installed = machine_.job_of(unit);
        const bool all_redundant = std::all_of(indices.begin(), indices.end(), [&](Index index) {
            const Entry& entry = entries_[index];
            return entry.is_dropped ||
                   (index != anchor_ && is_redundant(entry.type, unit.active_state()) &&
                    (installed == nullptr || merged(installed->type, entry.type).has_value()));
        });
        if (!all_redundant) {
            continue;
        }
        for (const Index index : indices) {
            entries_[index].is_dropped = true;
        }
    }
}

std::optional<Refusal> Transaction::merge_jobs() {
    for (auto& [unit_id, indices] : by_unit_) {
        const Unit& unit = machine_.unit(static_cast<UnitId>(unit_id));
        Index kept = kNone;
        for (const Index index : std::vector<Index>(indices)) {
            if (entries_[index].is_dropped) {
                continue;
            }
            if (kept == kNone) {
                kept = index;
                continue;
            }
            const std::optional<JobType> both = merged(entries_[kept].type, entries_[index].type);
            if (both.has_value()) {
                entries_[kept].type = collapsed(*both, unit.active_state());
                Entry& gone = entries_[index];
                entries_[kept].matters_to_anchor |= gone.matters_to_anchor;
                entries_[kept].wishes.insert(entries_[kept].wishes.end(), gone.wishes.begin(),
                                             gone.wishes.end());
                if (index == anchor_) {
                    anchor_ = kept;
                }
                gone.is_dropped = true;
                for (Entry& other : entries_) {
                    for (Wish& wish : other.wishes) {
                        wish.by = wish.by == index ? kept : wish.by;
                    }
                }
                continue;
            }
            // They contradict each other: the anchor can do without one of them, or the whole is
            // impossible.
            Index loser = index;
            if (entries_[index].matters_to_anchor) {
                loser = kept;
            }
            if (entries_[loser].matters_to_anchor ||
                give_up(loser, "to start and to stop " + unit.name() + " was asked for at once")) {
                return Refusal{RefusalKind::transaction_jobs_conflicting,
                               "the request needs " + unit.name() +
                                   " to be both started and stopped: see the Conflicts and "
                                   "Requires around it"};
            }
            kept = loser == kept ? index : kept;
        }
    }
    drop_unwanted();
    return std::nullopt;
}

/// A cycle of jobs that would wait for each other, or nothing.
std::vector<Transaction::Index> Transaction::find_ordering_cycle() const {
    const auto entry_of = [&](UnitId unit) {
        const auto found = by_unit_.find(static_cast<std::uint32_t>(unit));
        if (found != by_unit_.end()) {
            for (const Index index : found->second) {
                if (!entries_[index].is_dropped && !entries_[index].ignore_order) {
                    return index;
                }
            }
        }
        return kNone;
    };
    return find_cycle(entries_.size(), [&](Index index) {
        std::vector<Index> waited_for;
        if (entries_[index].is_dropped || entries_[index].ignore_order) {
            return waited_for;
        }
        for (const auto edge : machine_.graph.related(entries_[index].unit, Relation::after)) {
            const Index other = entry_of(edge.unit());
            if (other != kNone && waits_for(entries_[index].type, entries_[other].type)) {
                waited_for.push_back(other);
            }
        }
        for (const auto edge : machine_.graph.related(entries_[index].unit, Relation::before)) {
            const Index other = entry_of(edge.unit());
            if (other != kNone && !waits_for(entries_[other].type, entries_[index].type)) {
                waited_for.push_back(other);
            }
        }
        return waited_for;
    });
}

/// "a.service/start waits for b.service/start, which waits for a.service/start"
std::string Transaction::describe(const std::vector<Index>& cycle) const {
    std::string text;
    // The cycle was collected backwards: each waits for the one before it in the list.
    for (auto at = cycle.rbegin(); at != cycle.rend(); ++at) {
        const Entry& entry = entries_[*at];
        text += machine_.unit(entry.unit).name() + "/" + std::string(name_of(entry.type)) +
                (at == cycle.rbegin() ? " waits for " : ", which waits for ");
    }
    const Entry& first = entries_[cycle.back()];
    return text + machine_.unit(first.unit).name() + "/" + std::string(name_of(first.type));
}

std::optional<Refusal> Transaction::break_cycles() {
    while (machine_.order_has_cycles) {
        const std::vector<Index> cycle = find_ordering_cycle();
        if (cycle.empty()) {
            return std::nullopt;
        }
        const std::string story = describe(cycle);
        if (is_shutdown_) {
            // Whatever the order, each has to be stopped: one of them stops waiting.
            machine_.say(Severity::warning, machine_.unit(entries_[cycle.front()].unit),
                         "ordering cycle, stopped out of order: " + story);
            entries_[cycle.front()].ignore_order = true;
            continue;
        }
        Index victim = kNone;
        for (const Index index : cycle) {
            if (!entries_[index].matters_to_anchor) {
                victim = index;
                break;
            }
        }
        const std::string why = "ordering cycle: " + story;
        if (victim == kNone || give_up(victim, why)) {
            return Refusal{
                RefusalKind::transaction_order_is_cyclic,
                "the order of the jobs has a cycle: " + story +
                    "; take one of the After or Before away, or weaken a Requires to Wants"};
        }
        machine_.say(Severity::warning, machine_.unit(entries_[victim].unit),
                     "left out of the request, to break an " + why);
        drop_unwanted();
    }
    return std::nullopt;
}

bool Transaction::would_stop_something(Index index) const {
    const Entry& entry = entries_[index];
    const Unit& unit = machine_.unit(entry.unit);
    const Job* installed = machine_.job_of(unit);
    const bool stops_running =
        entry.type == JobType::stop && is_up_or_starting(unit.active_state());
    const bool undoes_job =
        installed != nullptr && !merged(installed->type, entry.type).has_value();
    return stops_running || undoes_job;
}

/// Mode fail: leave out what would stop something and isn't needed.
void Transaction::minimize_impact() {
    for (Index index = 0; index < entries_.size(); ++index) {
        if (!entries_[index].is_dropped && !entries_[index].matters_to_anchor &&
            would_stop_something(index)) {
            give_up(index, "it would stop something, and the job mode is fail");
        }
    }
}

std::optional<Refusal> Transaction::check_destructive(JobMode mode) const {
    for (const Entry& entry : entries_) {
        if (entry.is_dropped) {
            continue;
        }
        const Unit& unit = machine_.unit(entry.unit);
        const Job* installed = machine_.job_of(unit);
        if (installed != nullptr && (mode == JobMode::fail || installed->irreversible) &&
            !merged(installed->type, entry.type).has_value()) {
            return Refusal{RefusalKind::transaction_is_destructive,
                           "the request would undo the " + std::string(name_of(installed->type)) +
                               " job " + std::to_string(static_cast<std::uint32_t>(installed->id)) +
                               " of " + unit.name() +
                               (installed->irreversible ? ", which is irreversible"
                                                        : ", and the job mode is fail")};
        }
    }
    return std::nullopt;
}

std::vector<UnitId> Transaction::units_with(JobType type) const {
    std::vector<UnitId> units;
    for (const Entry& entry : entries_) {
        if (!entry.is_dropped && entry.type == type) {
            units.push_back(entry.unit);
        }
    }
    return units;
}

std::vector<Transaction::Outcome> Transaction::outcome() const {
    std::vector<Outcome> jobs;
    for (Index index = 0; index < entries_.size(); ++index) {
        const Entry& entry = entries_[index];
        if (entry.is_dropped) {
            continue;
        }
        Outcome job{entry.unit, entry.type, {}, entry.ignore_order};
        job.because.kind = is_shutdown_ ? Because::Kind::shutdown : Because::Kind::asked;
        for (const Wish& wish : entry.wishes) {
            if (index != anchor_ && !entries_[wish.by].is_dropped) {
                job.because = Because{wish.why, wish.relation, entries_[wish.by].unit};
                break;
            }
        }
        jobs.push_back(std::move(job));
    }
    return jobs;
}

JobId Transaction::apply(const Requester& requester) {
    const bool irreversible = mode_ == JobMode::replace_irreversibly || is_shutdown_;
    if (mode_ == JobMode::isolate || mode_ == JobMode::flush) {
        std::vector<JobId> others;
        for (const auto& [id, job] : machine_.jobs) {
            if (!by_unit_.contains(static_cast<std::uint32_t>(job.unit))) {
                others.push_back(id);
            }
        }
        for (const JobId id : others) {
            machine_.finish(id, JobResult::canceled, false);
        }
        if (mode_ == JobMode::isolate) {
            machine_.forget_comebacks_but(*this);
        }
    }
    const auto kept = std::count_if(entries_.begin(), entries_.end(),
                                    [](const Entry& entry) { return !entry.is_dropped; });
    if (anchor_ != kNone && kept == 1) {
        const Unit& unit = machine_.unit(entries_[anchor_].unit);
        if (is_redundant(entries_[anchor_].type, unit.active_state()) && unit.job == JobId::none) {
            return JobId::none;
        }
    }
    JobId anchor_job = JobId::none;
    for (Index index = 0; index < entries_.size(); ++index) {
        const Entry& entry = entries_[index];
        if (entry.is_dropped) {
            continue;
        }
        Requester who = requester;
        if (anchor_ != kNone && index != anchor_ && who.reason.empty()) {
            who.reason = "pulled in by " + machine_.unit(entries_[anchor_].unit).name();
        }
        const JobId id =
            machine_.install(entry.unit, entry.type, who, irreversible, entry.ignore_order);
        if (index == anchor_) {
            anchor_job = id;
        }
    }
    machine_.break_job_cycles();
    return anchor_job;
}

}  // namespace svcd
