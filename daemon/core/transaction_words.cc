// Why a transaction can't have a job, in words: the way from who needs it to what is at fault.
#include <algorithm>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// Of a longer way only its beginning and its end are told.
constexpr std::size_t kWayMax = 10;
/// Diagnostics of a file may be long.
constexpr std::size_t kWhyMax = 2000;

/// "requires db.service": what a unit's `relation` to another means for its job.
std::string needs_in_words(Relation relation, const std::string& other) {
    if (relation == Relation::requires_) {
        return "requires " + other;
    }
    if (relation == Relation::binds_to) {
        return "is bound to " + other;
    }
    if (relation == Relation::requisite) {
        return "needs " + other + " to be active already";
    }
    if (relation == Relation::conflicts) {
        return "conflicts with " + other;
    }
    return "can't go without " + other + " (" + std::string(name_of(relation)) + ")";
}

std::string participle_of(JobType type) {
    switch (type) {
        case JobType::start:
        case JobType::verify_active:
        case JobType::reload_or_start:
        case JobType::nop:
            return "started";
        case JobType::stop:
            return "stopped";
        case JobType::reload:
            return "reloaded";
        case JobType::restart:
        case JobType::try_restart:
            return "restarted";
    }
    return "started";
}

}  // namespace

const Refusal& Transaction::cause_of(Index index) const {
    while (!entries_[index].refusal) {
        index = entries_[index].lost_by;
    }
    return *entries_[index].refusal;
}

/// "requires r.service, which requires s.service": from an entry to the one that is at fault; empty
/// when that is itself.
std::string Transaction::way_to_cause(Index index) const {
    std::vector<std::string> steps;
    while (!entries_[index].refusal) {
        const Index next = entries_[index].lost_by;
        const std::vector<Wish>& wishes = entries_[next].wishes;
        const auto wish = std::find_if(wishes.begin(), wishes.end(), [index](const Wish& each) {
            return each.by == index && each.matters;
        });
        const Relation relation = wish == wishes.end() ? Relation::requires_ : wish->relation;
        steps.push_back(needs_in_words(relation, machine_.unit(entries_[next].unit).name()));
        index = next;
    }
    std::string text;
    for (std::size_t step = 0; step < steps.size(); ++step) {
        if (steps.size() > kWayMax && step == kWayMax - 2) {
            text += ", and so on through " + std::to_string(steps.size() - kWayMax) + " more";
            step = steps.size() - 2;
        }
        text += (text.empty() ? "" : ", which ") + steps[step];
    }
    return text;
}

Refusal Transaction::refusal_of_anchor(Index anchor) const {
    const Refusal& cause = cause_of(anchor);
    const std::string way = way_to_cause(anchor);
    if (way.empty()) {
        return cause;
    }
    return Refusal{cause.kind, machine_.unit(entries_[anchor].unit).name() + " can't be " +
                                   participle_of(entries_[anchor].type) + ": it " + way + "; " +
                                   cause.message};
}

std::vector<LeftOut> Transaction::left_out() const {
    std::vector<LeftOut> all;
    for (Index index = 0; index < entries_.size(); ++index) {
        const Entry& entry = entries_[index];
        const bool is_start = entry.type == JobType::start;
        if (!entry.is_impossible || !is_start) {
            continue;
        }
        std::string why;
        for (const Wish& wish : entry.wishes) {
            if (wish.matters || entries_[wish.by].is_dropped) {
                continue;
            }
            if (why.empty()) {
                const std::string way = way_to_cause(index);
                why = (way.empty() ? "" : "it " + way + "; ") + cause_of(index).message;
                if (why.size() > kWhyMax) {
                    why.resize(kWhyMax);
                    why += " ...";
                }
            }
            all.push_back({entries_[wish.by].unit, entry.unit, cause_of(index).kind, why});
        }
    }
    return all;
}

/// Says it, and has those that go on remember it.
void Transaction::note_left_out() {
    std::vector<LeftOut> all = left_out();
    for (const LeftOut& each : all) {
        machine_.say(is_meant(each) ? Severity::info : Severity::warning, machine_.unit(each.by),
                     "goes on without " + machine_.unit(each.unit).name() + ": " + each.why);
    }
    if (mode_ == JobMode::ignore_dependencies || mode_ == JobMode::ignore_requirements) {
        return;  // nobody has looked
    }
    for (const Entry& entry : entries_) {
        if (!entry.is_dropped && (entry.type == JobType::start || entry.type == JobType::restart)) {
            machine_.set_left_out(machine_.unit(entry.unit), all);
        }
    }
}

}  // namespace svcd
