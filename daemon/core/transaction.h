// What a request means: the jobs asked for (the anchors), all that they pull in, and whether the
// whole can be done. A transaction is applied whole or refused with a reason; until it is applied
// nothing has changed. The steps and their order are systemd's:
//
//   1. pull in          Requires, Wants, Conflicts ... of each job, breadth first
//   2. drop             jobs that would change nothing
//   3. break cycles     of ordering, by leaving out a job that the anchors can do without; else
//   refuse, with the cycle
//   4. merge            two jobs of one unit into one; where they contradict each other leave out
//   the one the anchors can do without
//   5. check            that nothing irreversible, or (mode fail) nothing at all, would be undone
//   6. apply
//
// Of several anchors, one that can't be by itself is taken out and says why (refusal_of()); what
// they can't be together refuses the whole. Step 2 stands in transaction_pruning.cc, steps 3 to 5
// in transaction_conflicts.cc.
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

/// What somebody has masked is meant to be away.
inline bool is_meant(const LeftOut& left_out) {
    return left_out.kind == RefusalKind::unit_masked;
}

class Transaction {
public:
    explicit Transaction(Machine& machine) : machine_(machine) {}

    /// What has failed by itself is not stopped for that. Before build().
    void spare(UnitId unit) { spared_.push_back(unit); }
    /// A process of this unit asks for it. Before build().
    void asked_by(std::optional<UnitId> unit) { asker_ = unit; }
    struct Asked {
        UnitId unit{};
        JobType type = JobType::start;
    };

    /// For one anchor: whatever is in its way refuses the whole.
    std::optional<Refusal> build(UnitId anchor, JobType type, JobMode mode);
    /// For several: refused for what they can't be together.
    std::optional<Refusal> build(const std::vector<Asked>& asked, JobMode mode);
    /// Why this one of those asked for can't be; the others are built without it.
    const std::optional<Refusal>& refusal_of(std::size_t asked) const { return refusals_[asked]; }
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
    /// What is wished for and can't be, while those that wish for it go on. Of many of one kind the
    /// first are named, and the last of these says how many more there are.
    std::vector<LeftOut> left_out() const;
    /// What else apply() says.
    const std::vector<Say>& remarks() const { return remarks_; }

    /// Installs the jobs. Returns the first anchor's, or none when there was nothing to do.
    JobId apply(const Requester& requester);
    /// After apply(): the job of this one of those asked for; none when there was nothing to do.
    JobId job_of(std::size_t asked) const;
    /// After apply(): the stops of an isolation.
    std::vector<UnitReply> isolating_jobs() const;

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
        Index root = kNone;  ///< the anchor that it was first wished for by, also through others
        JobId job = JobId::none;  ///< once it is installed
        bool is_anchor = false;
        bool matters_to_anchor = false;
        bool is_dropped = false;
        bool is_impossible = false;  ///< dropped because it can't be: asking again is in vain
        bool ignore_order = false;
        // Of one that is impossible: why, or by which of those that it needs.
        std::optional<Refusal> refusal;
        Index lost_by = kNone;
    };

    static constexpr Wish kNobody{kNone, false, Because::Kind::asked, Relation::requires_};
    Index add(UnitId unit, JobType type, const Wish& wish);
    std::optional<Refusal> refusal_to_isolate(const Asked& asked) const;
    std::optional<Refusal> refusal_to(UnitId unit, JobType type) const;
    void pull_in();
    void consider(Index entry);
    void expand(Index entry);
    void expand_start(Index entry);
    void add_isolating_stops();
    /// Takes the entry out, and whatever can't be without it. True when that reached an anchor.
    bool give_up(Index entry, Refusal why);
    bool lose(Index entry, Index needed);
    void take_dependents_out(Index entry, bool& reached_anchor);
    void note_refusals();
    bool has_anchor_left() const;
    const Refusal& cause_of(Index entry) const;
    std::string way_to_cause(Index entry) const;
    std::string why_left_out(Index entry) const;
    Refusal refusal_of_anchor(Index anchor) const;
    std::vector<std::vector<Index>> wishes_of_each(bool only_what_matters) const;
    std::vector<bool> reached_from_anchors(bool only_what_matters) const;
    void find_what_matters();
    void drop_unwanted();
    void drop_redundant();
    std::optional<Refusal> merge_jobs();
    std::optional<Refusal> merge_jobs_of(UnitId unit_id, const std::vector<Index>& indices);
    void merge_into(Index kept, Index gone, JobType type);
    std::string who_wants(Index entry) const;
    std::optional<Refusal> break_cycles();
    std::vector<Index> find_ordering_cycle() const;
    std::string describe(const std::vector<Index>& cycle) const;
    std::optional<Refusal> check_destructive(JobMode mode) const;
    std::optional<Refusal> refusal_to_undo_stop(const Entry& entry) const;
    void leave_waiting_stops();
    bool would_stop_something(Index entry) const;
    void minimize_impact();
    void remark(Index entry, std::string text);
    void cancel_others(const Requester& by);
    bool has_nothing_to_do(Index anchor) const;
    void note_left_out();
    Requester requester_of(Index entry, const Requester& asked) const;
    void install(Index entry, const Requester& asked, bool irreversible);

    Machine& machine_;
    std::vector<Entry> entries_;
    std::unordered_map<std::uint32_t, std::vector<Index>> by_unit_;
    std::vector<Index> to_expand_;
    std::vector<UnitId> spared_;
    std::optional<UnitId> asker_;
    std::vector<Index> anchors_;  ///< beside what was asked for; kNone: it can't be
    std::vector<std::optional<Refusal>> refusals_;  ///< beside what was asked for
    std::vector<Say> remarks_;
    JobMode mode_ = JobMode::replace;
    bool is_shutdown_ = false;
};

}  // namespace svcd
