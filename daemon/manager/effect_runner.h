// Carries out what the supervisor orders: the only place in svcd that acts.
//
// Nothing here waits and nothing here decides. What fails becomes an event in the queue, which is
// stepped right after; what has no event for its failure is said in the log, once, as "UNIT: what:
// why". The order of doing is effect_order.h's.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "core/supervisor.h"
#include "linux/cgroup.h"
#include "linux/spawn.h"
#include "manager/exec_sweeper.h"
#include "manager/log.h"
#include "manager/main_process_finder.h"
#include "manager/process_environment.h"
#include "state/process_table.h"
#include "state/state_file.h"

namespace svcd {

/// What of the command line and the surroundings a service's process is made from.
struct SpawnSettings {
    std::string log_dir;
    std::string notify_socket;
    std::string default_directory = "/";  ///< without WorkingDirectory
    bool user_instance = false;
    std::vector<std::string> environment;  ///< a user instance's own
    /// The limits that svcd was started with, where it raised its own: what services get.
    std::vector<ResourceLimit> original_limits;
};

/// What the runner works with. All of it outlives the runner.
struct EffectTools {
    const Supervisor& supervisor;
    StateFile& state;
    ProcessTable& table;
    CgroupTree& cgroups;
    Spawner& spawner;
    ExecSweeper& sweeper;
    MainProcessFinder& finder;
    Bus& bus;
    Log& log;
    std::deque<Event>& queue;
};

/// How often the processor is offered to children that are on their way to execve before one more
/// has to wait for the next turn.
inline constexpr int kYieldsForStack = 32;

class EffectRunner {
public:
    EffectRunner(const EffectTools& tools, SpawnSettings settings);

    void run(const Effects& effects);

    /// While held, nothing is written to the state file: what a manager before this one left there
    /// stands until the supervisor has taken it over.
    void hold_records(bool held) { records_held_ = held; }

    /// Spawns what had to wait until children before it have reached their execve.
    void start_waiting();

    /// Tells the bus what has changed since the last call, each unit once.
    void publish();

    /// Set once the supervisor has ordered to leave.
    const std::optional<Exit>& exit() const { return exit_; }

    // For carry_out_in_order().
    void write_unit(UnitId unit);
    void write_supervisor();
    void changed(UnitId unit);
    void carry_out(const SpawnProcess& order);
    void carry_out(const SignalUnit& order);
    void carry_out(const IdentifyMainProcess& order);
    void carry_out(const RetireProcess& order);
    void carry_out(const CheckCgroup& order);
    void carry_out(const ReleaseCgroup& order);
    void carry_out(const AnnounceJob& order);
    void carry_out(const AnnounceJobEnd& order);
    void carry_out(const Reply& order);
    void carry_out(const Say& order);
    void carry_out(const Exit& order);

private:
    void start(const SpawnProcess& order);
    bool has_free_stack();
    void cancel_waiting(Token token);
    Result<SpawnOutcome> spawn(const SpawnProcess& order);
    std::vector<std::string> environment_of(const SpawnProcess& order,
                                            const ServiceSettings& service,
                                            const ExecSettings& exec) const;
    /// The unit's settings, or those with the limits added that svcd has raised for itself.
    const ExecSettings& with_original_limits(const ExecSettings& exec);
    void signal_process(const SignalUnit& order, Token token);
    void signal_cgroup(const SignalUnit& order);
    void complain(UnitId unit, const Error& error);

    EffectTools tools_;
    bool records_held_ = false;
    std::vector<UnitId> unwritten_;  ///< units whose record of this step could not be written
    SpawnSettings settings_;
    ExecSettings limited_;  ///< of with_original_limits()
    std::optional<Exit> exit_;
    std::deque<SpawnProcess> waiting_;  ///< for one of the kSpawnsInFlight stacks
    std::vector<UnitId> changed_;
    std::vector<bool> is_changed_;
    std::vector<std::string> announced_;  ///< by unit: its name as clients know it, or empty
};

}  // namespace svcd
