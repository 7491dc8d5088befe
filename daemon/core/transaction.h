// What a request means: the job asked for (the anchor job), all that it pulls in, and whether the
// whole can be done. A transaction is applied whole or refused with a reason; until it is applied
// nothing has changed. The steps and their order are systemd's:
//
//   1. pull in          Requires, Wants, Conflicts ... of each job, breadth first
//   2. drop             jobs that would change nothing
//   3. break cycles     of ordering, by leaving out a job that the anchor can do without; else
//   refuse, with the cycle
//   4. merge            two jobs of one unit into one; where they contradict each other leave out
//   the one the anchor can do without
//   5. check            that nothing irreversible, or (mode fail) nothing at all, would be undone
//   6. apply
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/plan.h"

namespace svcd {

class Machine;

class Transaction {
public:
    explicit Transaction(Machine& machine) : machine_(machine) {}

    /// What has failed by itself is not stopped for that. Before build().
    void spare(UnitId unit) { spared_.push_back(unit); }
    std::optional<Refusal> build(UnitId anchor, JobType type, JobMode mode);
    /// Stop every unit that isn't down (but what `keep` says); ordering cycles never keep one
    /// running.
    void build_shutdown();

    /// The units for which it holds a job of this type.
    std::vector<UnitId> units_with(JobType type) const;

    /// A job that apply() would install.
    struct Outcome {
        UnitId unit{};
        JobType type = JobType::start;
        Because because;
        bool ignore_order = false;
    };
    std::vector<Outcome> outcome() const;

    /// Installs the jobs. Returns the anchor's, or none when there was nothing to do.
    JobId apply(const Requester& requester);

private:
    using Index = std::size_t;
    static constexpr Index kNone = static_cast<Index>(-1);

    /// `by` wants the job; when `matters`, `by` is impossible without it.
    struct Wish {
        Index by;
        bool matters;
        Because::Kind why;
        Relation relation;  ///< of Kind::pulled_in
    };
    struct Entry {
        UnitId unit{};
        JobType type = JobType::start;
        std::vector<Wish> wishes;
        bool matters_to_anchor = false;
        bool is_dropped = false;
        bool is_impossible = false;  ///< dropped because it can't be: asking again is in vain
        bool ignore_order = false;
    };

    static constexpr Wish kNobody{kNone, false, Because::Kind::asked, Relation::requires_};
    Index add(UnitId unit, JobType type, const Wish& wish);
    std::optional<Refusal> refusal_to(UnitId unit, JobType type) const;
    std::optional<Refusal> pull_in();
    void consider(Index entry);
    void expand(Index entry);
    void add_isolating_stops();
    /// Takes the entry out, and whatever can't be without it. True when that reached the anchor.
    bool give_up(Index entry, const std::string& why);
    void find_what_matters();
    void drop_unwanted();
    void drop_redundant();
    std::optional<Refusal> merge_jobs();
    std::optional<Refusal> break_cycles();
    std::vector<Index> find_ordering_cycle() const;
    std::string describe(const std::vector<Index>& cycle) const;
    std::optional<Refusal> check_destructive(JobMode mode) const;
    bool would_stop_something(Index entry) const;
    void minimize_impact();

    Machine& machine_;
    std::vector<Entry> entries_;
    std::unordered_map<std::uint32_t, std::vector<Index>> by_unit_;
    std::vector<Index> to_expand_;
    std::vector<UnitId> spared_;
    Index anchor_ = kNone;
    std::optional<Refusal> last_refusal_;  ///< why the last entry was given up
    JobMode mode_ = JobMode::replace;
    bool is_shutdown_ = false;
};

}  // namespace svcd
