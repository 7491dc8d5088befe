// The rules that no run may break (design.md, 'The core does no I/O'), each with a name that a
// failure report shows.
//
// The checkers see what the shell sees (events in, effects out, the state file) and the fake kernel
// itself, and none of the supervisor's inner thoughts. The first broken rule ends the run.
//
//   rule                     meaning
//   stop-order               no stop signal while a unit ordered After it still has its stop job
//   start-order              no start while a unit that it is After still has a job
//   sigkill-early            no SIGKILL before the stop deadline, but for the causes listed
//   signal-scope             a stop signals what KillMode says, and no more
//   signal-cause             a signal has the cause it claims
//   stop-bound               every stop ends within its deadlines and KillGraceSec
//   shutdown-bound           a shutdown ends within its budget, where no fault hinders it
//   job-once                 each job is announced once and ends once; one job a unit
//   request-once             each request is answered once
//   refused-whole            a refused request changes nothing
//   transaction-whole        a start brings everything that is required along
//   nothing-armed            no deadline while nothing is going on
//   empty-when-down          stopped means the cgroup is empty
//   token-once               each token is spawned once, retired once, and not used after that
//   write-ahead              nothing is spawned that the state file doesn't know
//   wrong-command            a command runs in the state that it belongs to
//   one-main                 one main process a unit
//   dirty                    a record that changed is written
//   sound-records            ... and is one that the next manager takes
//   restored                 the death of the manager changes the state of no unit
//   forgotten-process        ... and loses no process
//   start-in-shutdown        nothing is started once the shutdown has begun
//   exit-clean               at the end, nothing runs, or (by force) all of it has been killed
//   exit-status              ... and the status tells whether something had to be killed for that
//   edge                     a unit changes its state only as service_edges.h says
//   perpetual                what is always active stays so
//   comes-back               what a dependency's failure stopped comes back with it
//   assertion                none of the supervisor's own fails
//   echo                     no answer brings its own order about again and again
//   deadline-stuck           a deadline that has been stepped is gone
//   liveness                 once healed, every job and the shutdown end in bounded time
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "simulation/world.h"

namespace svcd::simulation {

struct Violation {
    std::string rule;
    std::optional<std::size_t> unit;
    std::string what;  ///< a sentence or two
    Time at{};
};

class Checkers {
public:
    Checkers(const World& world, const std::set<std::string>& without_rules)
        : world_{world}, without_rules_{without_rules} {}

    const std::optional<Violation>& violation() const { return violation_; }
    void report(std::string rule, std::optional<std::size_t> unit, std::string what);

    // One step, in this order.

    void before_step(const Event& event);
    /// After the records were written: `was` and `is` of each unit tell what the step did.
    void after_step(const Effects& effects);
    /// Before an order is carried out.
    void before_order(const Effect& order);
    /// After the orders were carried out.
    void at_rest();

    // What the shell does beside steps.

    void requested(RequestId request);
    /// Whoever waits for an answer gets an error from the connection.
    void manager_died();
    /// The shell frees a slot that no record names.
    void slot_freed(Token token);
    /// After StateRestored has been stepped; `before` is how the units stood in the state file.
    void restored(const std::vector<UnitView>& before);
    void exited(const Exit& exit);

    /// Deeper and slower: compares every record with the supervisor. Now and then is enough.
    void compare_records();

    std::size_t open_requests() const { return requests_.size(); }

private:
    void unit_changed(std::size_t unit);
    void check_job_start(std::size_t unit);
    bool was_wanted_later(std::size_t other, std::size_t unit) const;
    void check_edges(const Effects& effects);
    void check_latch(const Effects& effects);
    void check_rest(std::size_t unit);
    bool has_reason_to_wait(const UnitEntry& self) const;
    void check_nothing_armed();
    void check_transaction();
    void check_refusal(const Effects& effects);

    void order(const SpawnProcess& spawn);
    void order(const CheckConditions& check);
    void order(const WatchBusName& watch);
    void order(const SignalUnit& signal);
    void order(const IdentifyMainProcess& identify);
    void order(const LookIfReaped& look);
    void order(const RetireProcess& retire);
    void order(const CheckCgroup&) {}
    void order(const LookForCoreDump&) {}
    void order(const ReleaseCgroup& release);
    void order(const RemovePidFile& remove);
    void order(const AnnounceJob& job);
    void order(const AnnounceJobEnd& job);
    void order(const Reply& reply);
    void order(const Say&) {}
    void order(const Exit&) {}

    bool was_in_state_of(CommandRole role, std::size_t unit) const;
    void check_new_token(Token token, std::size_t unit, const char* what);
    void check_cause(std::size_t unit, const SignalUnit& signal);
    void check_scope(std::size_t unit, const SignalUnit& signal);
    void check_kill(std::size_t unit, const SignalUnit& signal);
    /// Nothing when the SIGKILL is one that svcd may send, else what is wrong with it.
    std::optional<std::string> objection_to_kill(std::size_t unit, const SignalUnit& signal) const;
    std::optional<std::string> objection_to_failure_mode(std::size_t unit) const;
    void check_open_token(std::size_t unit, Token token, const char* what);
    const UnitEntry& entry(std::size_t unit) const { return world_.units[unit]; }
    std::optional<std::size_t> known(UnitId id, const char* what);

    const World& world_;
    const std::set<std::string>& without_rules_;
    std::optional<Violation> violation_;
    enum class JobFate : std::uint8_t { open, ended };
    std::unordered_map<std::uint32_t, JobFate> jobs_;
    std::unordered_set<std::uint64_t> requests_;
    std::unordered_set<std::uint64_t> intents_;  ///< tokens that a record has named
    std::unordered_map<std::uint32_t, Token> slots_;
    struct Echo {
        Time at{};
        unsigned times = 0;
    };
    std::unordered_map<std::size_t, Echo> identified_;  ///< by unit
    /// Units with a job announced in this step, and by which of its orders.
    std::unordered_map<std::uint32_t, std::size_t> announced_now_;
    /// Units that this step began to start or stop, and by which of its orders.
    std::unordered_map<std::uint32_t, std::size_t> begun_now_;
    std::unordered_set<std::uint64_t> killed_checkers_;  ///< tokens
    std::unordered_set<std::size_t> killed_at_once_;     ///< units, by an emergency action
    std::vector<Transition> passed_now_;                 ///< of this step
    std::unordered_set<std::size_t> started_now_;        ///< units that this step began to start
    std::unordered_set<std::size_t> asked_now_;          ///< units that this step sent a signal to
    bool is_kill_request_ = false;
    bool is_deadline_ = false;
    bool is_of_the_bus_ = false;
    bool is_restoring_ = false;
    bool leaves_by_force_ = false;
    bool was_shutting_down_ = false;  ///< before the step
    bool has_killed_for_the_end_ = false;
    bool is_kill_in_doubt_ = false;  ///< signals were sent in the step that began the shutdown
    std::optional<UnitId> out_of_memory_;      ///< the unit that OomKilled is about
    RequestId request_now_ = RequestId::none;  ///< of a JobRequested
    JobMode mode_now_ = JobMode::replace;
    JobId replied_job_ = JobId::none;  ///< the job that the answer of this step speaks of
};

}  // namespace svcd::simulation
