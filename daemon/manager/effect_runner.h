// Carries out what the supervisor orders: the only place in svcd that acts.
//
// Nothing here waits and nothing here decides. What fails becomes an event in the queue, which is
// stepped right after; what has no event for its failure is said in the log, once, as "UNIT: what:
// why". The order of doing is effect_order.h's.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "core/supervisor.h"
#include "linux/process_tracker.h"
#include "linux/spawn.h"
#include "manager/exec_sweeper.h"
#include "manager/file_looks.h"
#include "manager/log.h"
#include "manager/main_process_finder.h"
#include "manager/process_starter.h"
#include "manager/retries.h"
#include "manager/stop_recorder.h"
#include "state/adopted_processes.h"
#include "state/process_table.h"
#include "state/state_file.h"

namespace svcd {

/// What the runner works with. All of it outlives the runner.
struct EffectTools {
    const Supervisor& supervisor;
    StateFile& state;
    ProcessTable& table;
    AdoptedProcesses& adopted;
    ProcessTracker& tracker;
    Spawner& spawner;
    ExecSweeper& sweeper;
    MainProcessFinder& finder;
    Bus& bus;
    StopRecorder& recorder;
    EarlyLog& early_log;
    OutputPipes& output_pipes;
    FileLooks& file_looks;
    Log& log;
    const MemoryReserve& memory;
    std::deque<Event>& queue;
    Keepers* keepers;  ///< null: units have cgroups
    int poke;          ///< the launcher's descriptor
};

class EffectRunner {
public:
    EffectRunner(const EffectTools& tools, SpawnSettings settings);

    void run(const Effects& effects);

    /// While held, nothing is written to the state file: what a manager before this one left there
    /// stands until the supervisor has taken it over.
    void hold_records(bool held) { records_held_ = held; }

    /// Spawns what had to wait until children before it have reached their execve.
    void start_waiting() { starter_.start_waiting(); }

    /// Carries out again what failed for a while, if it is time; and when that will be.
    void try_again(Time now);
    std::optional<Time> again_at(Time now) { return retries_.due(now); }

    /// Tells the bus what has changed since the last call, each unit once, and which jobs ended.
    void publish();

    /// Set once the supervisor has ordered to leave.
    const std::optional<Exit>& exit() const { return exit_; }

    // For carry_out_in_order().
    void write_down(const Effects& effects);
    void changed(UnitId unit);
    void carry_out(const SpawnProcess& order);
    void carry_out(const CheckConditions& order);
    void carry_out(const WatchBusName& order);
    void carry_out(const SignalUnit& order);
    void carry_out(const IdentifyMainProcess& order);
    void carry_out(const LookIfReaped& order);
    void carry_out(const RetireProcess& order);
    void carry_out(const CheckCgroup& order);
    void carry_out(const LookForCoreDump& order);
    void carry_out(const ReleaseCgroup& order);
    void carry_out(const RemovePidFile& order);
    void carry_out(const AnnounceJob& order);
    void carry_out(const AnnounceJobEnd& order);
    void carry_out(const Reply& order);
    void carry_out(const Say& order);
    void carry_out(const Exit& order);

private:
    void write_unit(UnitId unit);
    /// Starts what an order says, if the record that announces it could be written.
    template <typename Order>
    void start(const Order& order);
    /// These add to `reached` who got the signal.
    void signal_process(const SignalUnit& order, Token token, std::vector<Pid>& reached);
    void signal_if_moved(const SignalUnit& order, Token token, std::vector<Pid>& reached);
    /// `target`: a pidfd, or a Recipient.
    bool is_unborn(Token process) const;
    void send_early_signals();
    template <typename Target>
    void send(const SignalUnit& order, const Target& target, Pid pid, std::vector<Pid>& reached);
    void signal_group(const SignalUnit& order, std::vector<Pid>& reached);
    void signal_cgroup(const SignalUnit& order, std::vector<Pid>& reached);
    void kill_cgroup(const SignalUnit& order);
    void complain_of_signal(UnitId unit, const Result<void>& sent);
    /// So many got a signal that no descriptor was free for.
    void complain_of_unsure(UnitId unit, std::size_t count);
    void identify(const IdentifyMainProcess& order);
    void complain(UnitId unit, const Error& error);
    void complain_of_state(const Error& error);

    EffectTools tools_;
    bool records_held_ = false;
    std::vector<UnitId> unwritten_;     ///< units whose record of this step could not be written
    std::set<UnitId> never_written_;    ///< since the fault: what has a place can be written
    std::optional<Error> state_fault_;  ///< which has been said
    bool answers_are_lost_ = false;     ///< one could not be written, which has been said
    Retries retries_;
    /// Of units whose process is about to be started by its keeper: at most one each, and it is
    /// sent when the process is there, if the unit is in this state still.
    struct EarlySignal {
        SignalUnit order;
        SubState sub_state;
    };
    std::vector<EarlySignal> early_;
    bool is_again_ = false;       ///< what fails now has been said before
    bool signal_failed_ = false;  ///< of the order at hand, for some process
    ProcessStarter starter_;
    std::optional<Exit> exit_;
    std::vector<UnitId> changed_;
    std::vector<bool> is_changed_;
    std::vector<std::string> announced_;  ///< by unit: its name as clients know it, or empty
    struct EndedJob {
        JobId job;
        std::string unit;
        JobResult result;
    };
    std::vector<EndedJob> ended_jobs_;  ///< since the last publish(): told of after the changes
};

}  // namespace svcd
