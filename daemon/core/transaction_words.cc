// Why a transaction can't have a job, in words: the way from who needs it to what is at fault.
#include <algorithm>
#include <map>
#include <utility>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// Of a longer way only its beginning and its end are told.
constexpr std::size_t kWayMax = 10;
/// Diagnostics of a file may be long.
constexpr std::size_t kWhyMax = 2000;
/// Units that one unit goes on without for one kind of reason: so many are told one by one.
constexpr std::size_t kLeftOutMax = 20;

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

/// How many units each unit goes on without, by the kind of reason.
class LeftOutCounts {
public:
    /// False when as many of this kind are told already; `row`: where it is told otherwise.
    bool add(UnitId by, RefusalKind kind, std::size_t row) {
        Count& count = counts_[{by, kind}];
        if (++count.units > kLeftOutMax) {
            return false;
        }
        count.last_row = row;
        return true;
    }

    /// The last that is told of a kind says how many are not.
    void tell_of_more(std::vector<LeftOut>& told) const {
        for (const auto& [key, count] : counts_) {
            if (count.units > kLeftOutMax) {
                told[count.last_row].why += "; and " + std::to_string(count.units - kLeftOutMax) +
                                            " more units are left out for a reason of this kind";
            }
        }
    }

private:
    struct Count {
        std::size_t units = 0;
        std::size_t last_row = 0;
    };
    std::map<std::pair<UnitId, RefusalKind>, Count> counts_;
};

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

std::string Transaction::why_left_out(Index index) const {
    const std::string way = way_to_cause(index);
    std::string why = (way.empty() ? "" : "it " + way + "; ") + cause_of(index).message;
    if (why.size() > kWhyMax) {
        why.resize(kWhyMax);
        why += " ...";
    }
    return why;
}

std::vector<LeftOut> Transaction::left_out() const {
    std::vector<LeftOut> all;
    LeftOutCounts counts;
    for (Index index = 0; index < entries_.size(); ++index) {
        const Entry& entry = entries_[index];
        if (!entry.is_impossible || entry.type != JobType::start) {
            continue;
        }
        const RefusalKind kind = cause_of(index).kind;
        std::string why;
        for (const Wish& wish : entry.wishes) {
            if (wish.matters || entries_[wish.by].is_dropped) {
                continue;
            }
            const UnitId by = entries_[wish.by].unit;
            if (counts.add(by, kind, all.size())) {
                why = why.empty() ? why_left_out(index) : why;
                all.push_back({by, entry.unit, kind, why});
            }
        }
    }
    counts.tell_of_more(all);
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
    std::map<UnitId, std::vector<LeftOut>> by_unit;
    for (LeftOut& each : all) {
        if (!is_meant(each)) {
            by_unit[each.by].push_back(std::move(each));
        }
    }
    for (const Entry& entry : entries_) {
        if (!entry.is_dropped && (entry.type == JobType::start || entry.type == JobType::restart)) {
            machine_.set_left_out(machine_.unit(entry.unit), by_unit[entry.unit]);
        }
    }
}

}  // namespace svcd
