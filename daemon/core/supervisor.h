// The supervisor: every rule of svcd, and nothing else.
//
// It is a value machine. step() takes one event and the time, settles completely, and appends what
// the shell has to do. It makes no system call, asks no clock, allocates no threads and throws
// nothing; the same events at the same times give the same effects. So the simulator can run it
// through any schedule, and the manager is only the shell around it.
//
//   UnitsLoaded ─► the unit graph          (unit_graph.h)
//   JobRequested ─► a transaction of jobs  (transaction.h), applied whole or refused
//   jobs ─► the run queue ─► the unit's own state machine (service.h, target.h)
//   a unit's change ─► its job ends, jobs that waited for it run, units bound to it follow
//
// Read on in sub_state.h (what each state means), then service.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/plan.h"
#include "core/types/status.h"

namespace svcd {

/// What svcd.yaml and the command line decide. Times in the core's units.
struct SupervisorOptions {
    std::uint64_t seed = 0;                ///< of invocation IDs; the shell draws it at random
    Duration kill_grace{5'000'000};        ///< KillGraceSec: how long a process may outlive SIGKILL
                                           ///< before it is stop-wedged
    Duration shutdown_budget = kInfinity;  ///< ShutdownBudgetSec: what a shutdown may take
    Duration shutdown_margin{2'000'000};   ///< ShutdownMarginSec: of that, what is not for stops
    std::uint32_t flapping_burst = 5;      ///< FlappingBurst; 0: nothing is flapping
    Duration flapping_interval{600'000'000};  ///< FlappingIntervalSec
    /// Of a container: a main process that a signal has ended counts as status 128 + its number, as
    /// shells and container runtimes count (elsewhere 255, as systemd).
    bool counts_as_shell = false;
    /// The unit that is svcd's whole purpose (`svcd --container -- CMD`); empty: there is none. A
    /// program of it that could not be executed counts as 127 or 126, as a shell's.
    std::string command_unit{};
    /// By the exit status of svcd: which one it leaves with instead.
    std::map<int, int> exit_status_map{};
};

/// An ordering cycle of the first load, which keeps the system degraded.
struct OrderingFault {
    UnitId unit{};
    std::string text;  ///< what that means for the unit, and the cycle with its files and lines
};

class Supervisor {
public:
    explicit Supervisor(const SupervisorOptions& options);
    ~Supervisor();
    Supervisor(Supervisor&&) noexcept;
    Supervisor& operator=(Supervisor&&) noexcept;

    /// Applies one event and settles completely. Appends to `effects` what the shell must do, in
    /// order.
    void step(Event event, Time now, Effects& effects) noexcept;

    /// When to call step with DeadlineReached if nothing else happens. O(1).
    std::optional<Time> next_deadline() const noexcept;

    // Questions. None changes anything; what they return is valid until the next step.

    std::optional<UnitId> find(std::string_view name) const;
    std::size_t unit_count() const;
    bool is_known(UnitId unit) const;  ///< false for an id that was forgotten by a reload
    std::string_view name(UnitId unit) const;
    UnitStatus status(UnitId unit) const;
    /// Null for a unit that was never loaded.
    const UnitDefinition* definition(UnitId unit) const;
    std::vector<UnitId> related(UnitId unit, Relation relation) const;
    /// Jobs in the order they were installed.
    std::vector<JobStatus> jobs() const;
    std::optional<JobStatus> job(JobId job) const;
    std::size_t failed_units() const;
    std::vector<UnitId> flapping_units() const;
    SystemState system_state() const;
    /// The cycles that were broken at the first load and are still in the files.
    std::vector<OrderingFault> ordering_faults() const;
    /// The unit that a token's process belongs to (also while it is being identified); nothing for
    /// a retired token.
    std::optional<UnitId> unit_of(Token process) const;
    std::optional<ProcessRole> role_of(Token process) const;

    /// Does the unit take what this process says by sd_notify(3) (NotifyAccess)?
    bool may_notify(UnitId unit, Pid sender) const;

    /// What a request would do, and how long it would take at worst. It is done as if by a person,
    /// for each of the units, and nothing changes. Of `event`, what a reload is refused for is
    /// looked at.
    Plan plan(JobVerb verb,
              const std::vector<UnitId>& units,
              JobMode mode,
              const JobRequested* event = nullptr) const;
    Plan plan_shutdown() const;
    /// When the shutdown that goes on has to be over, with what follows the stops; kNever: there is
    /// no budget.
    Time shutdown_deadline() const;

    // For the state file.

    UnitRecord record(UnitId unit) const;
    SupervisorRecord record() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace svcd
