// Starts processes for the effect runner: puts together what a spawn needs (the unit's settings,
// the environment, the cgroup, the slot of the process table) and hands it to the Spawner.
//
// kSpawnsInFlight children may be on their way to execve at a time. One more waits its turn here,
// with its slot claimed, so that the next manager knows that it was never spawned. Every order is
// answered by an event: ProcessSpawned or SpawnFailed.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/supervisor.h"
#include "linux/process_tracker.h"
#include "linux/spawn.h"
#include "manager/descriptor_limits.h"
#include "manager/early_log.h"
#include "manager/exec_sweeper.h"
#include "manager/keepers.h"
#include "manager/log.h"
#include "manager/memory_reserve.h"
#include "manager/output_pipes.h"
#include "manager/process_environment.h"
#include "state/process_table.h"

namespace svcd {

/// What of the command line and the surroundings a service's process is made from.
struct SpawnSettings {
    std::string notify_socket;
    std::string default_directory = "/";  ///< without WorkingDirectory
    bool user_instance = false;
    std::vector<std::string> environment;      ///< a user instance's own, or for the command
    std::vector<std::string> own_environment;  ///< svcd's own, for ConditionEnvironment
    /// Of `svcd --container -- COMMAND`: its unit gets `environment`, ignores these signals (bit
    /// N-1 for signal N), and its main process takes the terminal, where svcd has one.
    std::string command_unit;
    std::uint64_t ignored_signals = 0;
    bool warn_orphans = false;  ///< its keepers say whom they reap that a parent has left behind
    /// The limits that svcd was started with, where it raised its own: what services get.
    std::vector<ResourceLimit> original_limits;
};

/// What the starter works with. All of it outlives the starter.
struct StarterTools {
    const Supervisor& supervisor;
    ProcessTable& table;
    ProcessTracker& tracker;
    Spawner& spawner;
    ExecSweeper& sweeper;
    EarlyLog& early_log;
    OutputPipes& output_pipes;
    Log& log;
    const MemoryReserve& memory;
    std::deque<Event>& queue;
    Keepers* keepers;  ///< null: units have cgroups
    int poke;          ///< the launcher's descriptor, for keepers
};

/// How often the processor is offered to children that are on their way to execve before one more
/// has to wait for the next turn.
inline constexpr int kYieldsForStack = 32;

class ProcessStarter {
public:
    ProcessStarter(const StarterTools& tools, SpawnSettings settings);

    void start(const SpawnProcess& order) { start_or_wait(order); }
    void start(const CheckConditions& order) { start_or_wait(order); }
    /// The order can't be carried out.
    void refuse(Token process, Error why);
    /// Starts what had to wait until children before it have reached their execve.
    void start_waiting();
    /// Spawns of the unit wait until it is let go, as often as it is held.
    void hold(UnitId unit) { ++held_[unit]; }
    void let_go(UnitId unit);
    /// A spawn that still waits for its turn will not happen. Nothing for others.
    void cancel(Token process);

private:
    using Order = std::variant<SpawnProcess, CheckConditions>;

    void start_or_wait(const Order& order);
    /// The first that waits for nothing but a stack.
    std::deque<Order>::iterator next_waiting();
    void start_now(const Order& order);
    bool has_free_stack();
    /// What is left is kept for stops.
    Result<void> may_start(const UnitDefinition& definition) const;
    Result<SpawnOutcome> spawn(const SpawnProcess& order, std::atomic<std::int32_t>* pid);
    Result<SpawnOutcome> spawn_kept(SpawnRequest request);
    Result<SpawnOutcome> spawn(const CheckConditions& order, std::atomic<std::int32_t>* pid);
    std::vector<std::string> environment_of(const SpawnProcess& order,
                                            const ServiceSettings& service,
                                            const ExecSettings& exec) const;
    std::optional<ServiceEnd> trigger_of(UnitId handler) const;
    /// The unit's settings, or those with the limits added that svcd has raised for itself.
    const ExecSettings& with_original_limits(const ExecSettings& exec);
    /// The settings, or in a container those whose log is a pipe of svcd-logd.
    const ExecSettings& with_output_pipes(const std::string& unit, const ExecSettings& exec);

    StarterTools tools_;
    SpawnSettings settings_;
    const DescriptorLimits descriptor_limits_ = descriptor_limits();
    /// A keeper's spawn needs a descriptor until its process has been executed.
    const std::size_t spawns_at_once_ =
        tools_.keepers == nullptr
            ? kSpawnsInFlight
            : std::clamp<std::size_t>(
                  static_cast<std::size_t>(descriptor_limits_.starts) / 4, 1, kSpawnsInFlight);
    ExecSettings limited_;       ///< of with_original_limits()
    ExecSettings piped_;         ///< of with_output_pipes()
    std::deque<Order> waiting_;  ///< for one of the kSpawnsInFlight stacks, or to be let go
    std::map<UnitId, unsigned> held_;
};

}  // namespace svcd
