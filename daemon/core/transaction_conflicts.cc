// What the jobs of a transaction can't be together: two of one unit that contradict each other, a
// cycle of their order, a job of before that they would undo.
#include <algorithm>

#include "core/find_cycle.h"
#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {

/// "a.service Conflicts with it", for a person who has to find out why.
std::string Transaction::who_wants(Index index) const {
    const Entry& entry = entries_[index];
    if (entry.is_anchor) {
        return "it was asked for";
    }
    for (const Wish& wish : entry.wishes) {
        if (entries_[wish.by].is_dropped) {
            continue;
        }
        const std::string& by = machine_.unit(entries_[wish.by].unit).name();
        return wish.why == Because::Kind::isolated
                   ? by + " is isolated"
                   : by + " has it in " + std::string(name_of(wish.relation));
    }
    return "nobody wants it any more";
}

void Transaction::merge_into(Index kept, Index gone, JobType type) {
    entries_[kept].type = type;
    Entry& merged = entries_[gone];
    entries_[kept].matters_to_anchor |= merged.matters_to_anchor;
    entries_[kept].is_anchor |= merged.is_anchor;
    entries_[kept].wishes.insert(entries_[kept].wishes.end(), merged.wishes.begin(),
                                 merged.wishes.end());
    std::replace(anchors_.begin(), anchors_.end(), gone, kept);
    merged.is_dropped = true;
    for (Entry& other : entries_) {
        other.root = other.root == gone ? kept : other.root;
        for (Wish& wish : other.wishes) {
            wish.by = wish.by == gone ? kept : wish.by;
        }
    }
}

std::optional<Refusal> Transaction::merge_jobs_of(UnitId unit_id,
                                                  const std::vector<Index>& indices) {
    const Unit& unit = machine_.unit(unit_id);
    Index kept = kNone;
    for (const Index index : indices) {
        if (entries_[index].is_dropped) {
            continue;
        }
        if (kept == kNone) {
            kept = index;
            continue;
        }
        const std::optional<JobType> both = merged(entries_[kept].type, entries_[index].type);
        if (both.has_value()) {
            merge_into(kept, index, collapsed(*both, unit.active_state()));
            continue;
        }
        // They contradict each other: the anchors can do without one of them, or the whole is
        // impossible.
        const Index loser = entries_[index].matters_to_anchor ? kept : index;
        const Index winner = loser == kept ? index : kept;
        Refusal refusal{RefusalKind::transaction_jobs_conflicting,
                        "the request needs " + unit.name() + " to be both started and stopped: " +
                            std::string(name_of(entries_[winner].type)) + ", since " +
                            who_wants(winner) + "; " + std::string(name_of(entries_[loser].type)) +
                            ", since " + who_wants(loser)};
        if (entries_[loser].matters_to_anchor || give_up(loser, refusal)) {
            refusal.message += "; see the Conflicts and Requires around it";
            return refusal;
        }
        kept = winner;
    }
    return std::nullopt;
}

std::optional<Refusal> Transaction::merge_jobs() {
    for (const auto& [unit_id, indices] : by_unit_) {
        if (auto refusal = merge_jobs_of(static_cast<UnitId>(unit_id), indices)) {
            return refusal;
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
            remark(cycle.front(), "ordering cycle, stopped out of order: " + story);
            entries_[cycle.front()].ignore_order = true;
            continue;
        }
        const auto victim = std::find_if(cycle.begin(), cycle.end(), [this](Index index) {
            return !entries_[index].matters_to_anchor;
        });
        Refusal refusal{RefusalKind::transaction_order_is_cyclic,
                        "the order of the jobs has a cycle: " + story};
        if (victim == cycle.end() || give_up(*victim, refusal)) {
            refusal.message +=
                "; take one of the After or Before away, or weaken a Requires to Wants";
            return refusal;
        }
        remark(*victim, "left out of the request, to break an ordering cycle: " + story);
        drop_unwanted();
    }
    return std::nullopt;
}

void Transaction::remark(Index index, std::string text) {
    remarks_.push_back(Say{Severity::warning, entries_[index].unit, true, std::move(text)});
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
            give_up(index, {RefusalKind::transaction_is_destructive,
                            "the " + std::string(name_of(entries_[index].type)) + " of " +
                                machine_.unit(entries_[index].unit).name() +
                                " would stop something, and the job mode is fail"});
        }
    }
}

/// Rule of ours: a unit that is being stopped asks for nothing that would keep another from being
/// stopped. Its ExecStop may reload its proxy, which is to go down after it.
std::optional<Refusal> Transaction::refusal_to_undo_stop(const Entry& entry) const {
    const Job* asker = asker_.has_value() ? machine_.job_of(machine_.unit(*asker_)) : nullptr;
    const Job* installed = machine_.job_of(machine_.unit(entry.unit));
    const bool is_asked_in_a_stop =
        asker != nullptr && (asker->type == JobType::stop || asker->type == JobType::restart);
    if (!is_asked_in_a_stop || installed == nullptr || installed->type != JobType::stop ||
        installed->state != JobState::waiting || merged(installed->type, entry.type).has_value()) {
        return std::nullopt;
    }
    return Refusal{RefusalKind::transaction_is_destructive,
                   "no " + std::string(name_of(entry.type)) + " of " +
                       machine_.unit(entry.unit).name() + ": it would undo its stop job " +
                       std::to_string(static_cast<std::uint32_t>(installed->id)) +
                       ", which waits, and is asked for by a process of " +
                       machine_.unit(*asker_).name() + ", which is being stopped too"};
}

void Transaction::leave_waiting_stops() {
    for (Index index = 0; index < entries_.size(); ++index) {
        if (entries_[index].is_dropped || entries_[index].matters_to_anchor) {
            continue;
        }
        if (auto refusal = refusal_to_undo_stop(entries_[index])) {
            give_up(index, std::move(*refusal));
        }
    }
}

std::optional<Refusal> Transaction::check_destructive(JobMode mode) const {
    for (const Entry& entry : entries_) {
        if (entry.is_dropped) {
            continue;
        }
        if (auto refusal = refusal_to_undo_stop(entry)) {
            return refusal;
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

}  // namespace svcd
