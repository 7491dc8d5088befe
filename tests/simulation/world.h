// What is true in a run at one moment: the fake kernel, the state file, and for each unit what the
// simulator knows of it independently of the supervisor. The checkers read it, the simulation
// writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/supervisor.h"
#include "simulation/fake_kernel.h"

namespace svcd::simulation {

/// The part of a unit's record that the rules speak of.
struct UnitView {
    SubState sub = SubState::dead;
    JobId job = JobId::none;
    JobType type = JobType::nop;
    bool is_running = false;  ///< the job
    bool ignores_order = false;
    Token main = Token::none;
    Token control = Token::none;
    Token identifying = Token::none;
    Token checker = Token::none;
    bool wants_back = false;
    bool signal_sent = false;  ///< of the present state of its stop

    /// Down, and nobody looks at its conditions: a new definition is taken at once.
    bool is_idle() const;

    bool has_job() const { return job != JobId::none; }
    /// A restart is a stop first, and turns into a start then.
    bool wants_down() const {
        return has_job() &&
               (type == JobType::stop || type == JobType::restart || type == JobType::try_restart);
    }
    bool wants_up() const {
        return has_job() && (type == JobType::start || type == JobType::reload_or_start);
    }
};

UnitView view_of(const UnitRecord& record);

/// The simulator's own reading of the sub-states, so that a wrong row in the supervisor's table
/// shows.
bool is_down(SubState state);
bool is_stopping(SubState state);
bool is_starting(SubState state);
bool is_up(SubState state);

struct UnitEntry {
    std::string name;
    bool is_service = false;
    bool is_missing = false;
    bool is_perpetual = false;
    std::optional<UnitId> id;
    std::optional<UnitRecord> record;   ///< as it stands in the state file
    UnitView was;                       ///< before the present step
    UnitView is;                        ///< after it
    std::vector<std::size_t> after;     ///< the units that it is After
    std::vector<std::size_t> before;    ///< the units that are After it
    std::vector<std::size_t> needs;     ///< Requires, BindsTo
    std::vector<std::size_t> bound_to;  ///< BindsTo, Requires, PartOf: what it may be stopped for
    /// The step since which its job is one to stop, or to start; meaningless without such a job.
    std::uint64_t wants_down_since = 0;
    std::uint64_t wants_up_since = 0;
    /// Its definition has been changed while it was up: which settings apply is a matter of taste.
    bool is_between_definitions = false;
    /// Its newest definition was refused; the next load may take it.
    bool is_stale = false;
    bool bonds_changed = false;     ///< BindsTo, since it waits for what it is bound to
    Time stop_not_before = kNever;  ///< no SIGKILL before, while it stops
    Time stop_ends_by = kNever;     ///< it has to be over by then
};

struct World {
    World(std::size_t count, std::uint64_t seed) : kernel{count, seed}, units(count) {}

    static constexpr std::size_t kNoUnit = SIZE_MAX;

    Time now{};
    std::uint64_t step = 0;
    FakeKernel kernel;
    std::vector<UnitEntry> units;
    std::vector<std::size_t> by_id;              ///< place in `units`, by the manager's UnitId
    std::optional<SupervisorRecord> supervisor;  ///< as it stands in the state file
    std::optional<Supervisor> manager;           ///< nothing while it is dead
    std::set<Token> told_executing;              ///< the manager has heard that these executed
    bool is_shutting_down = false;
    bool is_healed = false;  ///< when the shutdown began: no faults hinder it
    /// It has a budget, or was told to hurry: stops may be cut short.
    bool is_budgeted = false;
    Time shutdown_ends_by = kNever;  ///< then it has to be over, unless the kernel hinders it
    unsigned deaths = 0;             ///< of managers
    /// How much later than its deadline something may come, with the faults of this run.
    Duration slack{0};

    std::optional<std::size_t> index_of(UnitId id) const;
    /// Null for a unit that the manager does not know.
    const UnitDefinition* definition(std::size_t unit) const;
    /// What is in force for a service; null for others.
    const ServiceSettings* settings(std::size_t unit) const;
    /// May another unit start this one without what it needs (OnFailureJobMode, OnSuccessJobMode)?
    bool may_ignore_needs(std::size_t unit) const;
    /// Every process of it has to be gone before it counts as stopped.
    bool stops_whole(std::size_t unit) const;
};

}  // namespace svcd::simulation
