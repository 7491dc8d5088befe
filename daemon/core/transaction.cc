#include "core/transaction.h"

#include <algorithm>

#include "core/machine.h"
#include "core/service.h"

namespace svcd {

std::optional<Refusal> Transaction::build(UnitId anchor, JobType type, JobMode mode) {
    if (auto refusal = build(std::vector{Asked{anchor, type}}, mode)) {
        return refusal;
    }
    return refusals_.front();
}

std::optional<Refusal> Transaction::build(const std::vector<Asked>& asked, JobMode mode) {
    mode_ = mode;
    for (const Asked& each : asked) {
        auto refusal = refusal_to_isolate(each);
        if (!refusal) {
            refusal = refusal_to(each.unit, each.type);
        }
        anchors_.push_back(refusal ? kNone : add(each.unit, each.type, kNobody));
        refusals_.push_back(std::move(refusal));
    }
    pull_in();
    if (mode == JobMode::isolate && has_anchor_left()) {
        add_isolating_stops();
        pull_in();
    }
    note_refusals();
    if (!has_anchor_left()) {
        drop_unwanted();
        return std::nullopt;
    }
    find_what_matters();
    if (mode == JobMode::fail) {
        minimize_impact();
    }
    leave_waiting_stops();
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
        } else {
            entry.is_anchor = true;
        }
        if (entry.is_impossible && wish.matters && wish.by != kNone) {
            lose(wish.by, index);
        }
        return index;
    }
    const Index index = entries_.size();
    present.push_back(index);
    Entry& entry = entries_.emplace_back();
    entry.unit = unit;
    entry.type = type;
    entry.ignore_order = mode_ == JobMode::ignore_dependencies;
    entry.is_anchor = wish.by == kNone;
    entry.root = wish.by == kNone ? index : entries_[wish.by].root;
    if (wish.by != kNone) {
        entry.wishes.push_back(wish);
    }
    to_expand_.push_back(index);
    return index;
}

std::optional<Refusal> Transaction::refusal_to_isolate(const Asked& asked) const {
    const Unit& unit = machine_.unit(asked.unit);
    if (mode_ != JobMode::isolate ||
        (asked.type == JobType::start && unit.definition.allow_isolate)) {
        return std::nullopt;
    }
    return Refusal{RefusalKind::no_isolation,
                   "can't isolate " + unit.name() +
                       ": only a unit with AllowIsolate=yes in its file can be isolated"};
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

void Transaction::pull_in() {
    // By index: expanding adds to the list.
    for (std::size_t next = 0; next < to_expand_.size(); ++next) {
        consider(to_expand_[next]);
    }
    to_expand_.clear();
}

/// Pulls in what this job needs, if it is possible at all.
void Transaction::consider(Index index) {
    if (entries_[index].is_dropped) {
        return;
    }
    const UnitId id = entries_[index].unit;
    const JobType type = entries_[index].type;
    if (!entries_[index].is_anchor) {
        if (auto refusal = refusal_to(id, type)) {
            give_up(index, std::move(*refusal));
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
    if (type == JobType::start || type == JobType::restart) {
        expand_start(index);
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

/// What has to be up, or down, for a unit that is to start.
void Transaction::expand_start(Index index) {
    const UnitId id = entries_[index].unit;
    const auto wish = [index](Relation relation, bool matters) {
        return Wish{index, matters, Because::Kind::pulled_in, relation};
    };
    const auto pull = [&](Relation relation, JobType job, bool matters) {
        for (const auto edge : machine_.graph.related(id, relation)) {
            add(edge.unit(), job, wish(relation, matters));
        }
    };
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

void Transaction::add_isolating_stops() {
    const Index isolated = *std::find_if(anchors_.begin(), anchors_.end(), [this](Index anchor) {
        return anchor != kNone && !entries_[anchor].is_dropped;
    });
    for (const auto& unit : machine_.units) {
        if (!unit->is_known || unit->definition.ignore_on_isolate || is_perpetual(unit->name()) ||
            (is_down(unit->active_state()) && unit->job == JobId::none) ||
            by_unit_.contains(static_cast<std::uint32_t>(unit->id))) {
            continue;
        }
        add(unit->id, JobType::stop,
            Wish{isolated, false, Because::Kind::isolated, Relation::requires_});
    }
}

// ── what can't be

bool Transaction::give_up(Index index, Refusal why) {
    Entry& entry = entries_[index];
    if (entry.is_dropped) {
        return false;
    }
    entry.refusal = std::move(why);
    bool reached_anchor = false;
    take_dependents_out(index, reached_anchor);
    return reached_anchor;
}

/// It needs one that is impossible already.
bool Transaction::lose(Index index, Index needed) {
    if (entries_[index].is_dropped) {
        return false;
    }
    entries_[index].lost_by = needed;
    bool reached_anchor = false;
    take_dependents_out(index, reached_anchor);
    return reached_anchor;
}

void Transaction::take_dependents_out(Index index, bool& reached_anchor) {
    std::vector<Index> lost{index};
    while (!lost.empty()) {
        const Index next = lost.back();
        lost.pop_back();
        if (entries_[next].is_dropped) {
            continue;
        }
        reached_anchor = reached_anchor || entries_[next].is_anchor;
        entries_[next].is_dropped = true;
        entries_[next].is_impossible = true;
        for (const Wish& wish : entries_[next].wishes) {
            if (wish.matters && !entries_[wish.by].is_dropped) {
                entries_[wish.by].lost_by = next;
                lost.push_back(wish.by);
            }
        }
    }
}

bool Transaction::has_anchor_left() const {
    return std::any_of(anchors_.begin(), anchors_.end(), [this](Index anchor) {
        return anchor != kNone && !entries_[anchor].is_dropped;
    });
}

void Transaction::note_refusals() {
    for (std::size_t asked = 0; asked < anchors_.size(); ++asked) {
        const Index anchor = anchors_[asked];
        if (anchor != kNone && entries_[anchor].is_dropped) {
            refusals_[asked] = refusal_of_anchor(anchor);
        }
    }
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
            if (!entry.is_anchor && !entries_[wish.by].is_dropped) {
                job.because = Because{wish.why, wish.relation, entries_[wish.by].unit};
                break;
            }
        }
        jobs.push_back(std::move(job));
    }
    return jobs;
}

// ── doing it

void Transaction::cancel_others(const Requester& by) {
    std::vector<JobId> others;
    for (const auto& [id, job] : machine_.jobs) {
        if (!by_unit_.contains(static_cast<std::uint32_t>(job.unit))) {
            others.push_back(id);
        }
    }
    for (const JobId id : others) {
        if (machine_.jobs.contains(id)) {  // the end of another may have taken it along
            machine_.give_up(id, JobResult::canceled, false,
                             mode_ == JobMode::isolate ? "isolate" : "flush", by);
        }
    }
}

/// It is so already, and what it pulls in is, too.
bool Transaction::has_nothing_to_do(Index anchor) const {
    const Unit& unit = machine_.unit(entries_[anchor].unit);
    if (!is_redundant(entries_[anchor].type, unit.active_state()) || unit.job != JobId::none) {
        return false;
    }
    return std::none_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return !entry.is_dropped && !entry.is_anchor && entry.root == anchor;
    });
}

Requester Transaction::requester_of(Index index, const Requester& asked) const {
    const Entry& entry = entries_[index];
    if (is_shutdown_ || entry.is_anchor) {
        return asked;
    }
    Requester who = asked;
    const auto first =
        std::find_if(entry.wishes.begin(), entry.wishes.end(),
                     [this](const Wish& each) { return !entries_[each.by].is_dropped; });
    if (first != entry.wishes.end()) {
        who.cause = StartCause::pulled_in;
        who.relation = first->relation;
        who.other = entries_[first->by].unit;
    }
    if (!asked.reason.empty()) {
        return who;
    }
    Index root = entry.root;
    for (const Wish& wish : entry.wishes) {
        if (entries_[root].is_dropped && !entries_[wish.by].is_dropped) {
            root = wish.by;  // the one that first wished for it is refused
        }
    }
    const bool is_isolated_away =
        std::any_of(entry.wishes.begin(), entry.wishes.end(),
                    [](const Wish& wish) { return wish.why == Because::Kind::isolated; });
    const std::string& name = machine_.unit(entries_[root].unit).name();
    who.reason =
        is_isolated_away ? "not needed by " + name + ", which is isolated" : "pulled in by " + name;
    return who;
}

/// Rule of ours: a restart that comes along with another unit's counts against the start limit of
/// that one; not so when it is the unit itself that has asked for it in this way.
void Transaction::install(Index index, const Requester& asked, bool irreversible) {
    Entry& entry = entries_[index];
    const JobId before = machine_.unit(entry.unit).job;
    entry.job = machine_.install(entry.unit, entry.type, requester_of(index, asked), irreversible,
                                 entry.ignore_order);
    const bool comes_along =
        entry.type == JobType::restart && !entry.is_anchor && asked.unit != entry.unit;
    Job& job = machine_.jobs.at(entry.job);
    job.comes_along = comes_along && (entry.job != before || job.comes_along);
}

JobId Transaction::apply(const Requester& requester) {
    const bool irreversible = mode_ == JobMode::replace_irreversibly || is_shutdown_;
    for (Say& said : remarks_) {
        machine_.order(std::move(said));
    }
    note_left_out();
    if (mode_ == JobMode::isolate || mode_ == JobMode::flush) {
        cancel_others(requester);
    }
    std::vector<bool> is_idle(entries_.size());
    for (const Index anchor : anchors_) {
        if (anchor != kNone && !entries_[anchor].is_dropped) {
            is_idle[anchor] = has_nothing_to_do(anchor);
        }
        if (mode_ == JobMode::isolate) {
            machine_.forget_comebacks_but(*this);
        }
    }
    for (Index index = 0; index < entries_.size(); ++index) {
        if (!entries_[index].is_dropped && !is_idle[index]) {
            install(index, requester, irreversible);
        }
    }
    machine_.break_job_cycles();
    return anchors_.empty() ? JobId::none : job_of(0);
}

JobId Transaction::job_of(std::size_t asked) const {
    return anchors_[asked] == kNone ? JobId::none : entries_[anchors_[asked]].job;
}

std::vector<UnitReply> Transaction::isolating_jobs() const {
    std::vector<UnitReply> jobs;
    for (const Entry& entry : entries_) {
        if (mode_ == JobMode::isolate && entry.type == JobType::stop && entry.job != JobId::none) {
            jobs.push_back({entry.unit, entry.job, std::nullopt});
        }
    }
    return jobs;
}

}  // namespace svcd
