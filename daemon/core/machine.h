// The inside of the supervisor: the tables of units and jobs, and what one step has at hand. The
// rules stand in files of their own:
//
// - loading.cc         definitions come in
// - ordering_cycles.cc their dependencies, and the cycles these would close
// - request.h          which units a request names
// - transaction.cc     which jobs it means
// - left_out.cc        what units go on without
// - flapping.cc        services that end uncleanly again and again
// - jobs.cc            when a job runs, how it ends
// - planner.h          what a request would do, and how long it would take
// - comebacks.cc       what a failure stopped comes back
// - conditions.cc      what is looked at before a unit starts
// - units.cc           starting and stopping a unit of any type
// - dependents.cc      what a unit's change means to others
// - service*.cc        the state machine of a service; service_edges.h is its table
// - emergency.cc       a unit that takes the whole of svcd with it
// - shutdown.cc        the end of everything; stop_budget.h is how its time is shared
// - restore.cc         records, for the manager after this one
// - machine.cc         one step
// - status.cc          the questions
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/deadlines.h"
#include "core/job.h"
#include "core/process_slots.h"
#include "core/stop_budget.h"
#include "core/supervisor.h"
#include "core/unit_graph.h"
#include "core/unit_state.h"

namespace svcd {

/// The relations in which a unit keeps another from being unneeded (StopWhenUnneeded).
inline constexpr Relation kNeeds[] = {Relation::requires_, Relation::requisite, Relation::wants,
                                      Relation::binds_to, Relation::upholds};

/// As shells count: this and the number of the signal that has ended a process.
inline constexpr int kSignalStatus = 128;

/// It went down, for good and as it was meant to (OnSuccess, SuccessAction).
bool has_succeeded(const Unit& unit, ActiveState old_state);

class Transaction;

class Machine {
public:
    explicit Machine(const SupervisorOptions& chosen)
        : options(chosen), random_state_(chosen.seed) {}

    SupervisorOptions options;
    std::vector<std::unique_ptr<Unit>> units;
    UnitGraph graph;
    std::map<JobId, Job> jobs;  ///< in the order they were installed
    Deadlines deadlines;
    ProcessSlots processes;
    std::uint32_t next_job = 1;
    std::size_t failed_units = 0;
    std::set<UnitId> flapping_units;
    /// Units with a process that is to be started once no job is left (Type=idle).
    std::set<UnitId> held_until_idle;
    bool order_has_cycles = false;  ///< Before and After of all units together
    /// By unit: what it says of its order and was left out, to break a cycle of the first load.
    std::map<UnitId, std::vector<UnitGraph::Edge>> left_out;
    bool started = false;         ///< the boot transaction was asked for
    bool start_finished = false;  ///< and its jobs have ended
    bool shutting_down = false;
    bool has_exited = false;
    bool something_was_killed = false;
    int exit_status = -1;  ///< what a FailureAction or SuccessAction wants; -1: nothing
    ShutdownKind shutdown_kind = ShutdownKind::exit;
    int shutdown_signal = 0;     ///< ShutdownRequested::signal
    Time shutdown_end = kNever;  ///< all stops are to be over: the budget less the margin

    // ── one step
    Time now{};
    Effects* effects = nullptr;

    void step(Event event, Time at, Effects& out);

    Unit& unit(UnitId id) { return *units[index_of(id)]; }
    const Unit& unit(UnitId id) const { return *units[index_of(id)]; }
    Job* job_of(const Unit& unit);
    const Job* job_of(const Unit& unit) const;

    void order(Effect effect) { effects->orders.push_back(std::move(effect)); }
    void touch(Unit& unit);
    void say(Severity severity, const Unit& unit, std::string text);
    void say(Severity severity, std::string text);
    void reply(RequestId request, JobId job);
    /// The unit is as it was asked to be. A job tells so, which is done at once: clients wait for
    /// the end of one.
    void reply_already(Reply reply, UnitId unit);
    void refuse(RequestId request, Refusal refusal);
    std::uint64_t random();

    // ── loading.cc
    std::optional<UnitId> find(std::string_view name) const;
    void load(UnitsLoaded event);
    /// The unit of that name; one in LoadState::not_found without a definition when there is none.
    UnitId find_or_add(std::string_view name);

    /// The definition that came while the unit was moving, if it isn't any more.
    void take_waiting_definition(Unit& unit);

    // ── request.cc
    static JobType job_type_of(JobVerb verb, const Unit& unit);
    std::optional<Refusal> refusal_to_request(const Unit& unit, JobType type) const;
    std::optional<Refusal> refusal_to_reload(const Unit& unit,
                                             JobType type,
                                             const JobRequested& event) const;
    void request_job(const JobRequested& event);

    // ── left_out.cc
    void set_left_out(Unit& unit, std::vector<LeftOut> its);
    void find_left_out_again(Unit& unit);

    // ── jobs.cc
    void cancel_jobs(const CancelRequested& event);
    /// A transaction that svcd itself wants (a restart, a unit bound to one that is gone). Failure
    /// is said.
    bool start_transaction(UnitId unit,
                           JobType type,
                           const Requester& requester,
                           JobMode mode = JobMode::replace);
    JobId install(UnitId unit,
                  JobType type,
                  const Requester& requester,
                  bool irreversible,
                  bool ignore_order);
    void queue(Job& job);
    void queue_unit_job(const Unit& unit);
    void run_jobs();
    /// `fail_dependents`: jobs that need this one end too, with JobResult::dependency.
    void finish(JobId id, JobResult result, bool fail_dependents);
    /// The same, before the unit is as the job asked for: `by` has asked for something else.
    void give_up(JobId id,
                 JobResult result,
                 bool fail_dependents,
                 std::string_view asked,
                 const Requester& by);
    void conclude(JobId id, StartOutcome outcome);
    /// Cycles among jobs that are installed already (after new edges came): one job of each stops
    /// waiting.
    void break_job_cycles();

    // ── dependents.cc
    /// The unit's state has changed from `old_state`: its job may have ended, others may follow.
    void unit_changed(Unit& unit, ActiveState old_state);
    void propagate_reload(const Unit& unit);

    // ── comebacks.cc
    bool is_missed(Unit& unit);
    /// `culprit` has failed, and `unit` can't be without it.
    void want_back(Unit& unit, const Unit& culprit);
    void forget_comeback(Unit& unit);
    void forget_comebacks_but(const Transaction& kept);

    // ── conditions.cc
    std::optional<StartOutcome> check_conditions(Unit& unit);
    void stop_checking(Unit& unit);
    void resume_checking(Unit& unit, const ProcessFact& fact);

    // ── emergency.cc
    void take_emergency_action(EmergencyAction action,
                               const Unit& unit,
                               int status,
                               const std::string& why);

    // ── shutdown.cc
    void request_shutdown(const ShutdownRequested& event);
    void continue_shutdown();
    void stop_all(const Requester& requester);
    /// Which part of its way down a limit is for: ExecStopPost may follow the first.
    enum class StopClock : std::uint8_t { stop, post };
    /// What the shutdown budget leaves of the time that a unit wants for what begins now, in O(what
    /// waits for it). All of it while there is no budget.
    Duration granted(const Unit& unit, Duration wanted, StopClock clock) const;
    /// How much longer than now a unit may take without shortening others.
    Duration slack(const Unit& unit, StopClock clock) const;
    /// What of ShutdownBudgetSec is for the stops.
    Duration budget_for_stops() const;

    // ── service.cc and its kin
    /// The one door into a state.
    void set_state(Unit& unit, SubState next);
    void update_deadline(const Unit& unit);

    // ── restore.cc
    UnitRecord record(const Unit& unit) const;
    SupervisorRecord record() const;
    void restore(const StateRestored& event);

    UnitStatus status(const Unit& unit) const;
    JobStatus status(const Job& job) const;
    SystemState system_state() const;
    std::vector<OrderingFault> ordering_faults() const;

private:
    void on(JobRequested& event) { request_job(event); }
    void on(CancelRequested& event) { cancel_jobs(event); }
    void on(KillRequested& event);
    void on(ResetFailedRequested& event);
    void on(ShutdownRequested& event) { request_shutdown(event); }
    void on(UnitsLoaded& event) { load(std::move(event)); }
    void on(ProcessSpawned& event);
    void on(SpawnFailed& event);
    void on(ExecSucceeded& event);
    void on(ExecFailed& event);
    void on(ProcessExited& event);
    void on(CgroupEmptied& event);
    void on(StopSignalSent& event);
    void on(ProcessReaped& event);
    void on(OomKilled& event);
    void on(CoreDumping& event);
    void on(BusNameChanged& event);
    void on(MainProcessFound& event);
    void on(MainProcessNotFound& event);
    void on(Notification& event);
    void on(DeadlineReached& event);
    void on(StateRestored& event) { restore(event); }

    void clear_start_limit(Unit& unit);
    void forget_left_out(const Unit& unit);
    bool goes_without_something() const;
    void set_shutdown_end(Time end);
    void restore(const SupervisorRecord& record);
    void restore_run(Unit& unit, const UnitRecord& saved);
    void restore_job(Unit& unit, const JobRecord& saved);
    void restore_unit(const RestoredUnit& restored);
    void resume_unit(const RestoredUnit& restored, bool was_away);
    /// By the checksums of their names, which records hold in the place of names.
    using UnitsByChecksum = std::unordered_map<std::uint64_t, UnitId>;
    static std::optional<UnitId> find_in(const UnitsByChecksum& known, std::uint64_t checksum);
    void put_starter(UnitRecord& record, const Unit& unit) const;
    void restore_starter(Unit& unit, const UnitRecord& saved, const UnitsByChecksum& known);
    void note_transition(const Unit& unit, SubState next);
    void settle();
    void on_deadline(Unit& unit);
    Time job_deadline(const Job& job) const;
    void job_timed_out(const Job& job);
    void take_waiting_definitions();
    void run_job(Job& job);
    bool is_runnable(const Job& job) const;
    void drain_failures();
    void queue_neighbours(UnitId unit);
    bool job_follows_state(Unit& unit, Job& job);
    void reset_failed(Unit& unit);

    bool goes_down_heard(Unit& unit, ActiveState old_state);
    void stop_with(Unit& unit);
    void stop_for(Unit& culprit, UnitId id, std::string reason);
    void trigger(const Unit& unit, Relation relation);
    void start_triggered();
    void recheck(Unit& unit);
    void act_on_rechecked();
    const Unit* missing_binding(const Unit& unit) const;
    bool is_unneeded(const Unit& unit) const;
    std::string why_unneeded(const Unit& unit) const;
    const Unit* active_upholder(const Unit& unit) const;
    bool may_act_by_itself(const Unit& unit);
    void act_on_end(const Unit& unit, ActiveState old_state);

    std::set<UnitId> dependents_of(UnitId id) const;
    static UnitId root_of_failure(const Unit& unit);
    static std::optional<UnitId> missed_after(const Unit& unit, JobResult start);
    void bring_back(const Unit& unit);
    void come_back(Unit& unit, std::string reason);
    bool may_come_back(const Unit& unit) const;
    bool stays_up(const Unit& unit) const;
    bool has_its_ties(const Unit& unit) const;
    void forget_comebacks_against(UnitId id, JobType wanted);
    void restore_comeback(Unit& unit, std::optional<UnitId> missed);

    void forget_checker(Unit& unit);
    void conditions_checked(Unit& unit, ExitCode code, int status);
    void check_failed(Unit& unit, const Error& error);
    void check_timed_out(Unit& unit);

    /// What a definition that has come says about other units; `lines` beside `edges`.
    struct NewDependencies {
        UnitId unit{};
        std::string path;
        std::vector<UnitGraph::Edge> edges;
        std::vector<std::uint32_t> lines;
    };
    NewDependencies resolve(LoadedUnit& loaded);
    void take_definition(Unit& unit, LoadedUnit& loaded);
    void replace_definition(Unit& unit, UnitDefinition definition);
    void forget_unknown_units();
    /// A unit whose definition says something else of others than before.
    struct ChangedEdges {
        UnitId unit{};
        std::vector<UnitGraph::Edge> before;
        std::vector<UnitGraph::Edge> now;
        bool is_refused = false;

        bool is_new(UnitGraph::Edge edge) const;
    };
    /// How much a unit that is ordered after another depends on it. The weakest edge of a cycle is
    /// left out.
    enum class Strength : std::uint8_t { order_only, wants, requires_ };
    void take_dependencies(const std::vector<NewDependencies>& news,
                           std::vector<LoadedUnit>& loaded);
    std::vector<UnitId> any_ordering_cycle() const;
    std::vector<UnitId> ordering_cycle_through(UnitId start) const;
    std::string describe_cycle(const std::vector<UnitId>& cycle,
                               const std::vector<NewDependencies>& news) const;
    void refuse_cycles(std::vector<ChangedEdges>& changes,
                       const std::vector<NewDependencies>& news,
                       std::vector<LoadedUnit>& loaded);
    void refuse_definition(UnitId unit, const std::string& cycle, std::vector<LoadedUnit>& loaded);
    Strength strength_of_order(UnitId later, UnitId earlier) const;
    void break_weakest_edges(const std::vector<NewDependencies>& news);

    /// A unit that another's OnFailure or OnSuccess starts.
    struct Triggered {
        UnitId unit;
        JobMode mode;
        Requester requester;
    };
    /// What svcd did to a unit for the wishes of others lately.
    struct AutomaticActions {
        Time since{};
        std::uint32_t count = 0;
    };

    /// Jobs of units that stand in this relation to the unit can't succeed any more.
    struct FailedUnit {
        UnitId unit;
        Relation relation;
        std::optional<UnitId> missed;  ///< whose failure that is, when it is one
    };

    void fail_dependent_jobs(const FailedUnit& failed);

    /// A cycle of the first load: `later` is not ordered after `earlier` any more.
    struct BrokenCycle {
        UnitId later{};
        UnitId earlier{};
        std::string text;
        bool is_broken = true;  ///< false: each needs the next, so no edge could be left out
    };
    bool is_in_force(const BrokenCycle& cycle) const;
    void note_cycle(BrokenCycle cycle);

    std::uint64_t random_state_;
    std::vector<BrokenCycle> broken_cycles_;
    std::set<std::pair<UnitId, UnitId>> comebacks_;  ///< Unit::missed, and the unit that misses it
    std::map<UnitId, unsigned> comebacks_tried_;     ///< in this step, of units that were down late
    std::vector<FailedUnit> failures_;
    bool draining_failures_ = false;
    bool cycles_may_have_come_ = false;
    std::deque<JobId> run_queue_;
    std::vector<UnitId> rechecked_;
    std::vector<Triggered> triggered_;
    std::map<UnitId, std::uint32_t> times_triggered_;  ///< in this step
    std::map<UnitId, AutomaticActions> automatic_actions_;
    std::vector<UnitId> waiting_for_definition_;
    std::vector<UnitId> given_up_restarts_;
    std::set<UnitId> going_without_;  ///< those with a Unit::left_out
    std::vector<UnitId> by_name_;     ///< sorted by name
};

}  // namespace svcd
