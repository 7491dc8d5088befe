// The processes of units where no cgroup can be written: by their keepers (exec/keeper.h).
//
// A unit's processes are the descendants of its keepers: children of children, read from
// /proc/PID/task/*/children until none is new. A unit is empty when no keeper of it is left, for a
// keeper ends when nobody is left below it; its end comes through the process table like any.
//
// Somebody may kill a keeper. Its children are the launcher's then, and the unit is untracked: what
// is found are its processes of the table, the sessions that those lead, and their descendants.
// When a process of such a unit has left both its parent and its session, it is lost to us.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "linux/process_tracker.h"
#include "state/process_table.h"

namespace svcd {

class Keepers final : public ProcessTracker {
public:
    /// Finds the keepers that a manager before this one has started. Opens a timer.
    static Result<std::unique_ptr<Keepers>> open(Pid launcher, ProcessTable& table);

    // ── spawns

    /// Takes a slot for the keeper that is to start `process`; the kernel writes its PID into the
    /// cell.
    Result<std::atomic<std::int32_t>*> claim(std::string_view unit, Token process);
    /// The slice that ensure() was told of; empty: the unit is in none that is known.
    std::string slice_of(std::string_view unit) const;
    /// There is, or is no, such keeper.
    void started(std::string_view unit, Token process, Pid keeper);
    void not_started(std::string_view unit, Token process);
    /// A keeper has ended.
    struct Ended {
        std::string unit;  ///< empty: not known
        std::string note;  ///< what is to be said of it; empty: it ended as it should
    };
    Ended ended(const ExitRecord& record);

    // ── ProcessTracker

    std::string_view kind_for(std::string_view unit) const override;
    Result<std::string> place_of(Pid pid) const override;
    std::string path_of(std::string_view unit) const override { return std::string{unit}; }
    std::string_view unit_of(std::string_view place) const override { return place; }
    std::string describe(std::string_view place) const override;
    Result<UniqueFd> ensure(std::string_view unit, std::string_view slice = {}) override;
    Result<void> remove(std::string_view unit) override;
    Result<bool> is_populated(std::string_view unit) const override;
    Result<std::vector<Pid>> processes(std::string_view unit,
                                       std::size_t limit = 65536) const override;
    Result<void> kill(std::string_view unit) override;
    Result<std::size_t> signal(std::string_view unit,
                               const std::vector<int>& signals,
                               std::vector<Pid>& reached,
                               const std::vector<Pid>& except = {},
                               std::optional<std::int32_t> value = std::nullopt) const override;
    std::vector<std::string> existing_units() const override;
    bool is_reaper(Pid pid, std::string_view unit) const override;
    void add_process(std::string_view unit, Token process, const ProcessFact& fact) override;
    /// A timer: what nobody tells the end of, or has been killed, is looked at again.
    int watch_fd() const override { return timer_.get(); }
    void dispatch(const std::function<void(std::string_view unit)>& emptied,
                  const std::function<void(std::string_view unit)>& oom_killed) override;

private:
    /// A process that is known by more than its parent. One with a token is alive while its slot of
    /// the table says so, another while its start time is the same.
    struct Known {
        Token token = Token::none;
        Pid pid = 0;
        std::uint64_t start_time = 0;
        Token process = Token::none;  ///< of a keeper: what it is to start
        bool is_killed = false;       ///< of a keeper: all below it is to get SIGKILL
    };
    struct Unit {
        std::string slice;
        /// Those of an svcd before this one have no token, and nobody tells us of their end.
        std::vector<Known> keepers;
        std::vector<Known> processes;
        std::vector<Pid> sessions;   ///< of what a keeper that was killed had started
        bool kills_orphans = false;  ///< the same of processes that have no keeper any more
        bool is_watched = false;     ///< nobody tells us when it is empty
    };
    using Units = std::map<std::string, Unit, std::less<>>;

    Keepers(Pid launcher, ProcessTable& table, UniqueFd timer);
    void take_up(const TableEntry& keeper);
    void adopt_keeper_of(const std::string& unit, Pid pid);
    const Unit* find(std::string_view unit) const;
    bool is_alive(const Known& process) const;
    /// Of a process: a keeper's unit above it; or the unit whose orphan it is, or of whose orphans
    /// it is a descendant.
    std::string_view unit_above(Pid pid) const;
    bool has_keeper_above(Pid pid) const;
    Pid pid_of(const Known& process) const;
    /// Its processes that have no keeper above them.
    std::vector<Pid> orphans(const Unit& unit) const;
    bool has_keeper(const Unit& unit) const;
    bool is_populated(const Unit& unit) const;
    std::vector<Pid> processes_of(const Unit& unit, bool only_killed, std::size_t limit) const;
    void kill_on(const std::string& name, const Unit& unit) const;
    bool is_being_killed(const Unit& unit) const;
    /// The units that `unit` stands for: of a slice all in it and below it.
    std::vector<std::string> members(std::string_view unit) const;
    void look_again(Duration pause) const;
    /// After this what was killed is looked at again.
    static constexpr Duration kKillPause{20'000};

    Pid launcher_;
    ProcessTable& table_;
    UniqueFd timer_;
    Units units_;
    std::unordered_map<Pid, std::string> keeper_units_;  ///< by the PIDs of keepers
};

}  // namespace svcd
