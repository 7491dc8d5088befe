// A kernel made of values: processes that live by script, cgroups, signals, PIDs that are reused as
// soon as they are free, and the launcher's process table, which keeps the exit of each token until
// it is retired. It survives the manager, as the real ones do.
//
// Time is handed in. happen() lets the next thing happen; what somebody could notice of it is
// appended to news(), and how late it is noticed is the shell's business (simulation.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/time.h"
#include "simulation/behaviours.h"
#include "simulation/random.h"

namespace svcd::simulation {

/// Something that the shell could learn from the kernel.
struct News {
    enum class Kind : std::uint8_t { executed, exited, emptied, notified, named, out_of_memory };
    Kind kind = Kind::exited;
    std::size_t unit = 0;
    Token process = Token::none;
    ExitCode code = ExitCode::none;
    int status = 0;
    Notification notification;  ///< of `notified`, its `unit` not filled in
    Pid owner = 0;              ///< of `named`: whose the bus name is now; 0: nobody's
};

/// A token's slot in the process table.
struct TableSlot {
    /// `lost`: of a table that is gone; how the process ended, if it has, nobody knows.
    enum class State : std::uint8_t { live, exited, retired, lost };
    State state = State::live;
    Pid pid = 0;  ///< 0: taken for a main process that was not found
    std::size_t unit = 0;
    ProcessRole role = ProcessRole::main;
    ExitCode code = ExitCode::none;
    int status = 0;
    bool executing = false;
    bool is_found = false;    ///< not spawned by svcd, but identified
    bool is_foreign = false;  ///< not the launcher's child: it is held by a pidfd
};

struct SpawnOrder {
    Token process = Token::none;
    std::size_t unit = 0;
    ProcessRole role = ProcessRole::main;
    Life life;
};

/// "main", "control", "checker".
std::string_view name_of(ProcessRole role);

class FakeKernel {
public:
    FakeKernel(std::size_t units, std::uint64_t seed);

    /// When the next thing happens by itself.
    std::optional<Time> next_happening() const;
    /// Lets it happen. `now` is next_happening().
    void happen(Time now);
    std::vector<News>& news() { return news_; }

    /// clone3 into the unit's cgroup, which is made; of a checker, into svcd's own.
    Pid spawn(const SpawnOrder& order, Time now);
    void signal(std::size_t unit, const SignalUnit& order, Time now);
    /// IdentifyMainProcess: the PID it found, or a reason.
    struct Identified {
        Pid pid = 0;
        const char* why_not = nullptr;
    };
    Identified identify(std::size_t unit, const IdentifyMainProcess& order);
    /// The same when it goes wrong though it need not.
    Identified refuse_to_identify(std::size_t unit, Token process);
    /// clone3 failed: the slot is taken, and there is no process.
    void take_slot(std::size_t unit, Token process, ProcessRole role);
    void retire(Token process);
    /// Its table is gone, with the exits in it. What lives is nobody's child that svcd knows.
    void launcher_dies();
    /// The pidfds are gone: how foreign processes ended that have not been heard of is lost.
    void manager_dies();
    void release_cgroup(std::size_t unit);
    void remove_pid_file(std::size_t unit) { cgroups_[unit].pid_file = 0; }

    /// Null for a token that has no slot and never had one.
    const TableSlot* slot(Token process) const;
    /// Tokens whose slots are not retired (nor lost), in the order of their numbers.
    std::vector<Token> open_tokens() const;
    std::vector<Token> lost_tokens() const;
    std::size_t population(std::size_t unit) const { return cgroups_[unit].members.size(); }
    /// Those of `population` that don't belong to an earlier life of the unit.
    std::size_t present_population(std::size_t unit) const;
    /// What runs now has been left over by the unit (KillMode process or none).
    void mark_left_over(std::size_t unit);
    bool has_cgroup(std::size_t unit) const { return cgroups_[unit].exists; }
    /// Who owns the unit's bus name; 0: nobody.
    Pid name_owner(std::size_t unit) const;
    bool is_alive(Token process) const;
    /// Has it ended, and its parent, who isn't the launcher, does not reap it?
    bool is_zombie(Pid pid) const { return zombies_.contains(pid); }
    /// Has it got SIGKILL, and not ended yet?
    bool is_dying(Token process) const;
    /// Is it alive, and has it got through execve?
    bool is_executing(Token process) const;
    /// Has the unit a main process, other than what was left over?
    bool has_main(std::size_t unit) const;
    std::size_t processes() const;
    /// "pid 104 (main, ignores SIGTERM)", for stories.
    std::string describe_members(std::size_t unit) const;

    /// Ends what would never end: state D, and execve that hangs.
    void heal(Time now);
    /// A hand from outside: kill -9 to everything of the unit.
    void kill_from_outside(std::size_t unit, Time now);
    /// Ask the unit's main process to end (what an ExecStop command does).
    void ask_main_to_end(std::size_t unit, Time now);

private:
    static constexpr Pid kFirstPid = 100;
    static constexpr std::size_t kNone = SIZE_MAX;

    struct Process {
        Pid pid = 0;
        std::uint64_t birth = 0;  ///< tells apart the lives of one place in processes_
        std::uint64_t parent_birth = 0;
        std::size_t parent = 0;
        Token token = Token::none;
        std::size_t unit = 0;
        std::size_t cgroup = 0;
        ProcessRole role = ProcessRole::main;
        Life life;
        std::uint8_t next_doing = 0;
        bool alive = false;
        bool executing = false;
        bool left_over = false;
        bool is_ending = false;          ///< its end is on the agenda
        std::uint64_t pending = 0;       ///< signals that wait for execve, as bits
        std::size_t last_child = kNone;  ///< place of the child it forked last
        std::uint64_t last_child_birth = 0;
        Time kill_at = kNever;  ///< got SIGKILL in state D: when it ends
    };
    struct Cgroup {
        bool exists = false;
        std::vector<std::size_t> members;
        Pid pid_file = 0;                ///< what it holds; 0: there is none
        std::size_t name_owner = kNone;  ///< place of the process that owns the unit's bus name
    };
    struct Due {
        enum class Kind : std::uint8_t { exec, doing, end, reloading, reloaded, bloated };
        Time at{};
        std::uint64_t order = 0;
        std::size_t process = 0;
        std::uint64_t birth = 0;
        Kind kind = Kind::doing;
        ExitCode code = ExitCode::exited;
        int status = 0;
        bool operator<(const Due& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    std::size_t create(std::size_t unit, std::size_t cgroup, const Life& life, Time now);
    void execute(std::size_t place, Time now);
    void do_next(std::size_t place, Time now);
    void act(std::size_t place, const Doing& doing, Time now);
    void fork_child(std::size_t place, const Doing& doing, Time now);
    void notify(std::size_t place, const Doing& doing, Time now);
    void take_name(std::size_t place);
    void drop_name(std::size_t place);
    void run_out_of_memory(std::size_t place, Time now);
    void begin_reload(std::size_t place, Time now);
    void schedule(std::size_t place, Due::Kind kind, Time at, ExitCode code, int status);
    template <typename Predicate>
    std::vector<Token> tokens_with(Predicate is_wanted) const;
    void schedule_next(std::size_t place, Time now);
    void take_signal(std::size_t place, int signal, Time now);
    void take_polite_signal(std::size_t place, int signal, Time now);
    void take_kill(std::size_t place, Time now);
    void end(std::size_t place, ExitCode code, int status);
    Identified identify_zombie(std::size_t unit, Token process, Pid pid);
    std::size_t place_of(Pid pid) const;
    std::size_t place_of(Token token) const;
    bool is_launchers_child(const Process& process) const;
    Pid take_pid();

    std::vector<Process> processes_;
    std::vector<std::size_t> free_places_;
    std::vector<bool> pids_;
    std::unordered_set<Pid> zombies_;  ///< for ever
    std::vector<Cgroup> cgroups_;
    std::unordered_map<std::uint64_t, TableSlot> table_;
    std::vector<News> news_;
    std::priority_queue<Due> agenda_;
    Random random_;
    std::uint64_t births_ = 0;
    std::uint64_t births_of_others_ = 0;  ///< up to which processes are foreign
    std::uint64_t order_ = 0;
    bool healed_ = false;
};

}  // namespace svcd::simulation
