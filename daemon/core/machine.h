// The inside of the supervisor: the tables of units and jobs, and what one step has at hand. The
// rules stand in files of their own:
//
// - loading.cc         definitions and the graph
// - transaction.cc     which jobs a request means
// - jobs.cc            when a job runs, how it ends
// - service.cc         the way up of a service
// - service_stop.cc    its way down, and its deadlines
// - service_events.cc  what happened to its processes
// - service_resume.cc  a service after a death of the manager
// - shutdown.cc        the end of everything
// - restore.cc         records, for the manager after this one
// - machine.cc         one step, the questions
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/deadlines.h"
#include "core/job.h"
#include "core/process_slots.h"
#include "core/supervisor.h"
#include "core/unit_graph.h"
#include "core/unit_state.h"

namespace svcd {

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
    bool order_has_cycles = false;  ///< Before and After of all units together
    bool started = false;           ///< the boot transaction was asked for
    bool start_finished = false;    ///< and its jobs have ended
    bool shutting_down = false;
    bool has_exited = false;
    bool something_was_killed = false;
    ShutdownKind shutdown_kind = ShutdownKind::exit;

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
    void refuse(RequestId request, Refusal refusal);
    std::uint64_t random();

    // ── loading.cc
    std::optional<UnitId> find(std::string_view name) const;
    void load(UnitsLoaded event);
    /// The unit of that name; one in LoadState::not_found without a definition when there is none.
    UnitId find_or_add(std::string_view name);

    // ── jobs.cc
    void request_job(const JobRequested& event);
    void cancel_jobs(const CancelRequested& event);
    /// A transaction that svcd itself wants (a restart, a unit bound to one that is gone). Failure
    /// is said.
    bool start_transaction(UnitId unit, JobType type, std::string reason);
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
    /// The unit's state has changed from `old_state`: its job may have ended, others may follow.
    void unit_changed(Unit& unit, ActiveState old_state);
    void stop_units_bound_to_inactive();
    /// Cycles among jobs that are installed already (after new edges came): one job of each stops
    /// waiting.
    void break_job_cycles();

    // ── shutdown.cc
    void request_shutdown(const ShutdownRequested& event);
    void continue_shutdown();

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
    void on(ProcessExited& event);
    void on(CgroupEmptied& event);
    void on(MainProcessFound& event);
    void on(MainProcessNotFound& event);
    void on(Notification& event);
    void on(DeadlineReached& event);
    void on(StateRestored& event) { restore(event); }

    void settle();
    void take_waiting_definitions();
    void run_job(Job& job);
    bool is_runnable(const Job& job) const;
    void drain_failures();
    void fail_dependent_jobs(UnitId unit, Relation relation);
    void queue_neighbours(UnitId unit);
    bool job_follows_state(Unit& unit, Job& job);
    void reset_failed(Unit& unit);

    /// Jobs of units that stand in this relation to the unit can't succeed any more.
    struct FailedUnit {
        UnitId unit;
        Relation relation;
    };

    std::uint64_t random_state_;
    std::vector<FailedUnit> failures_;
    bool draining_failures_ = false;
    bool cycles_may_have_come_ = false;
    std::deque<JobId> run_queue_;
    std::vector<UnitId> recheck_bound_;
    std::vector<UnitId> waiting_for_definition_;
    std::vector<UnitId> given_up_restarts_;
    std::vector<UnitId> by_name_;  ///< sorted by name
};

}  // namespace svcd
