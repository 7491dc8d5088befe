// Works out a Plan: what a request would do, by the same transaction and the same order of jobs by
// which it would be done, and how long that takes when every unit takes all the time that it may.
//
// Beyond the transaction it follows what svcd does by itself afterwards: units that nobody needs
// any more (StopWhenUnneeded). What depends on how things go (OnFailure, Restart) is no part of it.
#pragma once

#include <vector>

#include "core/machine.h"
#include "core/request.h"
#include "core/types/plan.h"

namespace svcd {

class Planner {
public:
    explicit Planner(Machine& machine) : machine_(machine), planned_(machine.units.size()) {}

    Plan plan(JobVerb verb,
              const std::vector<UnitId>& units,
              JobMode mode,
              const JobRequested* event);
    Plan plan_shutdown();

private:
    void add_transaction(const Transaction& transaction);
    void note_what_is_left_out(const Transaction& transaction);
    void note_units_without_a_job(const UnitsRequest& request);
    void add_job(UnitId unit, JobType type, const Because& because, bool ignore_order);
    void add_phase(UnitId unit, JobType type, bool is_restart, const Because& because);
    void add_unneeded();
    void note_triggers();
    void finish();
    void find_what_waits();
    void number_waves();
    void order_by_waves();
    void reckon();
    void find_critical();

    std::optional<UnitId> leaves_unneeded(const Unit& unit) const;
    Duration wanted_by(const PlannedJob& job) const;

    /// What the plan has for a unit so far.
    struct Planned {
        std::uint8_t types = 0;  ///< a bit for each JobType
        bool goes_down = false;  ///< and does not come back
    };

    Machine& machine_;
    std::vector<Planned> planned_;  ///< by unit
    Plan plan_;
    std::vector<bool> ignores_order_;  ///< by job
};

}  // namespace svcd
