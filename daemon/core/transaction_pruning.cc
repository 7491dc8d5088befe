// Which jobs of a transaction stay: those that what was asked for leads to, and that have something
// to do.
#include <algorithm>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {

/// For each job those that it wishes for.
std::vector<std::vector<Transaction::Index>> Transaction::wishes_of_each(
    bool only_what_matters) const {
    std::vector<std::vector<Index>> wished(entries_.size());
    for (Index index = 0; index < entries_.size(); ++index) {
        for (const Wish& wish : entries_[index].wishes) {
            if (wish.matters || !only_what_matters) {
                wished[wish.by].push_back(index);
            }
        }
    }
    return wished;
}

/// Which jobs the anchors that are left lead to, by the wishes of jobs that are left.
std::vector<bool> Transaction::reached_from_anchors(bool only_what_matters) const {
    const std::vector<std::vector<Index>> wished = wishes_of_each(only_what_matters);
    std::vector<bool> is_reached(entries_.size());
    std::vector<Index> next;
    for (Index index = 0; index < entries_.size(); ++index) {
        if (entries_[index].is_anchor) {
            next.push_back(index);
        }
    }
    while (!next.empty()) {
        const Index index = next.back();
        next.pop_back();
        if (is_reached[index] || entries_[index].is_dropped) {
            continue;
        }
        is_reached[index] = true;
        next.insert(next.end(), wished[index].begin(), wished[index].end());
    }
    return is_reached;
}

void Transaction::find_what_matters() {
    const std::vector<bool> is_reached = reached_from_anchors(true);
    for (Index index = 0; index < entries_.size(); ++index) {
        entries_[index].matters_to_anchor = is_reached[index];
    }
}

/// Also what only units wish for that nobody asked for, though they wish for each other.
void Transaction::drop_unwanted() {
    const std::vector<bool> is_reached = reached_from_anchors(false);
    for (Index index = 0; index < entries_.size(); ++index) {
        entries_[index].is_dropped = !is_reached[index];
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
                   (!entry.is_anchor && is_redundant(entry.type, unit.active_state()) &&
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

}  // namespace svcd
