// A request for units: what each of them asks for, which of them can't be had and why, and the one
// transaction of all others. Requesting and planning read it alike.
#pragma once

#include <optional>
#include <vector>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {

class UnitsRequest {
public:
    struct Part {
        UnitId unit{};
        JobType type = JobType::nop;
        std::optional<Refusal> refusal;  ///< the others go on without it
    };

    /// `event`: with what is known of the programs that a reload would signal.
    UnitsRequest(Machine& machine,
                 JobVerb verb,
                 JobMode mode,
                 const std::vector<UnitId>& units,
                 const JobRequested* event = nullptr);

    /// Why all of it is refused: what its units can't be together.
    const std::optional<Refusal>& refusal() const { return refusal_; }
    const std::vector<Part>& parts() const { return parts_; }
    const Transaction& transaction() const { return *transaction_; }

    /// Installs the jobs; one answer for each part.
    std::vector<UnitReply> apply(const Requester& requester);

private:
    bool is_asked(const Part& part) const { return !part.refusal && part.type != JobType::nop; }
    std::optional<Refusal> build_together();
    bool take_out_what_is_refused_alone();

    Machine& machine_;
    JobMode mode_;
    std::optional<UnitId> asker_;  ///< the unit whose process asks for it
    std::vector<Part> parts_;
    std::vector<std::size_t> places_;  ///< beside what the transaction was asked for: which part
    std::optional<Transaction> transaction_;
    std::optional<Refusal> refusal_;
};

}  // namespace svcd
