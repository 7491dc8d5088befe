// One run: a supervisor, the fake kernel under it, clients above it, faults between them, checkers
// over everything. It plays the manager's part as the shell: it writes the state file before it
// carries out orders, turns what the kernel does into events, and when the manager dies, starts
// another from what was written.
//
//   chaos      commands and faults, for a minute of virtual time
//   healing    the faults end, the clients are silent: every job has to end
//   shutdown   everything has to stop, in bounded time, and nothing may start
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/stop_budget.h"
#include "simulation/checkers.h"
#include "simulation/clients.h"
#include "simulation/plan.h"
#include "simulation/trace.h"
#include "simulation/unit_generator.h"
#include "simulation/world.h"

namespace svcd::simulation {

inline constexpr Duration kKillGrace = std::chrono::seconds{5};
/// A unit that gets so many jobs while no client asks for any gets them for ever.
inline constexpr unsigned kJobsOfTheEndless = 50;
/// So many managers may die in a run.
inline constexpr unsigned kDeathsMax = 6;
inline constexpr std::size_t kSubStateCount = static_cast<std::size_t>(SubState::active) + 1;
/// How often a unit went from one sub-state (row) to another within a step.
using TransitionTable = std::array<std::array<std::uint64_t, kSubStateCount>, kSubStateCount>;

struct Outcome {
    std::optional<Violation> violation;
    std::uint64_t steps = 0;
    std::uint64_t hash = 0;  ///< of every effect and record: the same for the same seed
    unsigned manager_deaths = 0;
    TransitionTable transitions{};
    Duration lasted{0};
};

class Simulation {
public:
    Simulation(const Plan& plan, bool with_trace);
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    Outcome run();
    const Trace& trace() const { return trace_; }
    /// The units as they were at the end, for the story.
    std::vector<std::string> describe_units() const;

private:
    enum class Phase : std::uint8_t { chaos, healing, shutdown, over };

    /// Something on its way from the kernel to the supervisor. `unit` stands for an id, which only
    /// the manager that gets it can know.
    struct Pending {
        enum class Kind : std::uint8_t { event, notification, read_cgroup, start_manager };
        Time at{};
        std::uint64_t order = 0;
        Kind kind = Kind::event;
        std::size_t unit = 0;
        std::optional<Event> event;
        bool is_later_than(const Pending& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    // The course of a run (simulation.cc).
    bool advance();
    void enter_phase();
    void heal();
    void begin_shutdown();
    void enter_shutdown();
    void jump_clock();
    bool jobs_of_chaos_ended() const;
    bool starts_for_ever(std::size_t unit) const;
    bool wait_for_the_endless() const;
    void help_the_endless();
    std::optional<Time> next_wakeup() const;
    std::vector<UnitId> known_units(const std::vector<std::size_t>& units) const;
    void run_command(const ClientCommand& command);
    void reload(const ClientCommand& command);
    Duration patience() const;

    // The kernel's news on their way (delivery.cc).
    void take_news();
    void deliver(Pending pending);
    void deliver_event(Event event);
    void report_name(std::size_t unit, Pid owner);
    void sort_pending();
    void push(Time at, Pending::Kind kind, std::size_t unit, std::optional<Event> event);
    void report_executed();
    bool has_definition(const UnitEntry& entry) const;
    ProcessExited heard_exit(const News& item);
    Duration lateness(bool may_be_late);
    void read_cgroup(std::size_t unit);
    bool has_unread_exit(std::size_t unit) const;

    // One manager after another (succession.cc).
    void start_manager();
    void restore();
    void free_unnamed_slots(const StateRestored& event);
    ProcessFact fact(const ProcessRecord& process) const;
    void kill_manager();
    UnitsLoaded load_all();

    // The shell around the supervisor (shell.cc).
    bool step(Event event);
    void write_state();
    void note_changes();
    void bound_shutdown(bool hurries);
    void note_extension(const Notification& notification);
    void note_shutdown();
    void update_clocks(std::size_t unit, const Transition& transition);
    void refresh_graph();
    bool has_fault(Fault fault, unsigned per_mille);

    // What it does with orders (orders.cc).
    class Shell;
    bool carry_out_all();
    void carry_out(const Effect& effect);
    void carry_out_spawn(const SpawnProcess& order);
    void carry_out_check(const CheckConditions& order);
    void carry_out_watch(const WatchBusName& order);
    void carry_out_identify(const IdentifyMainProcess& order);
    void look_for_core_dump(std::size_t unit);
    bool spawn_fails(std::size_t unit, Token process, ProcessRole role);
    void spawn(std::size_t unit, Token process, ProcessRole role, const Life& life);
    LifeRequest life_request(std::size_t unit, const ServiceSettings& service) const;

    const Plan plan_;
    UnitGenerator generator_;
    World world_;
    Checkers checkers_;
    Trace trace_;
    Random random_;
    FaultSet faults_;
    std::vector<ClientCommand> commands_;
    std::size_t next_command_ = 0;
    std::vector<Pending> pending_;  ///< a heap, earliest first
    std::uint64_t pending_order_ = 0;
    std::vector<std::uint64_t> spawns_;  ///< by unit, for the streams of lives
    std::vector<bool> watches_name_;     ///< by unit: the manager wants to hear of its bus name
    std::vector<Time> name_heard_at_;    ///< the bus keeps the order of its news
    std::unordered_set<std::uint64_t> wants_exec_;
    std::unordered_set<std::uint64_t> heard_exits_;
    Effects effects_;
    Outcome outcome_;
    std::uint64_t steps_max_;  ///< more is a loop of the supervisor's own making
    Phase phase_ = Phase::chaos;
    Time phase_ends_{};
    Time shutdown_at_ = kNever;
    Time help_at_ = kNever;
    std::vector<JobId> jobs_to_end_;
    std::vector<unsigned> jobs_since_healing_;  ///< how many each unit got
    Duration clock_is_late_{0};
    unsigned deadlines_in_vain_ = 0;
    std::uint64_t requests_ = 0;
    /// While a new manager has its definitions, but not yet its state: nothing is written, lest a
    /// second death leave nothing to restore from. What was dirty is written with the restored
    /// state.
    bool is_without_launcher_ = false;  ///< it died with the manager, and nobody is there yet
    bool holds_writes_ = false;
    std::vector<UnitId> held_;
    bool shutdown_is_waiting_ = false;  ///< asked for while there was no manager
    bool is_healed_ = false;
};

}  // namespace svcd::simulation
