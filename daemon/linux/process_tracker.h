// Which processes are a unit's, and all that is done to all of them: by its cgroup (cgroup.h), or,
// where no cgroup can be written, by its keepers (manager/keepers.h).
//
// A process is at a place: where a unit has a cgroup that is the path of its cgroup, elsewhere the
// name of its unit. What only a cgroup can tell or do is told and done by nobody else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/event.h"
#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/time.h"
#include "linux/unique_fd.h"

namespace svcd {

class ProcessTracker {
public:
    virtual ~ProcessTracker() = default;

    /// How the unit's processes are found: "cgroup", "keeper", or "untracked" when its keeper was
    /// killed.
    virtual std::string_view kind_for(std::string_view unit) const = 0;

    /// Where a process is. ESRCH: it is gone.
    virtual Result<std::string> place_of(Pid pid) const = 0;
    /// The place of a unit's own processes. No system call.
    virtual std::string path_of(std::string_view unit) const = 0;
    /// The unit that has a place, or empty.
    virtual std::string_view unit_of(std::string_view place) const = 0;
    /// "it is in the cgroup /x": of a process that is not where it should be.
    virtual std::string describe(std::string_view place) const = 0;
    /// The root of another svcd's tree, if that has the unit's cgroup at this path or above it.
    virtual std::optional<std::string> other_root_of(std::string_view /*place*/,
                                                     std::string_view /*unit*/) const {
        return std::nullopt;
    }

    /// A descriptor for CLONE_INTO_CGROUP, -1 where there are no cgroups. `slice`: where the unit's
    /// cgroup is made when it isn't there (empty: where it was, or system.slice).
    virtual Result<UniqueFd> ensure(std::string_view unit, std::string_view slice = {}) = 0;
    /// Forgets a unit without processes. EBUSY: there are some.
    virtual Result<void> remove(std::string_view unit) = 0;
    /// At the end: what no unit needs any more.
    virtual void remove_slices() {}

    /// Has the unit any process?
    virtual Result<bool> is_populated(std::string_view unit) const = 0;
    /// Every process of the unit, at most `limit`.
    virtual Result<std::vector<Pid>> processes(std::string_view unit,
                                               std::size_t limit = 65536) const = 0;
    /// SIGKILL to every process; none escapes by forking.
    virtual Result<void> kill(std::string_view unit) = 0;
    /// `signals`, one after the other, to each process but those of `except`; a process that forks
    /// meanwhile is caught by a second look. It fails when the first of them can't be sent.
    /// Who got it is added to `reached`, also then. `value` goes with it, as of sigqueue(3).
    /// Returns how many of them got it without certainty that their number was still theirs, as no
    /// descriptor was free to hold them or to look.
    virtual Result<std::size_t> signal(std::string_view unit,
                                       const std::vector<int>& signals,
                                       std::vector<Pid>& reached,
                                       const std::vector<Pid>& except = {},
                                       std::optional<std::int32_t> value = std::nullopt) const = 0;
    /// The units that have processes, or had (also those of a manager before this one).
    virtual std::vector<std::string> existing_units() const = 0;
    /// Does this process reap the unit's orphans, and record how they ended?
    virtual bool is_reaper(Pid /*pid*/, std::string_view /*unit*/) const { return false; }
    /// A process of the unit was found that no spawn of ours made (MAINPID=, a PID file), or that a
    /// manager before this one has started.
    virtual void add_process(std::string_view /*unit*/,
                             Token /*process*/,
                             const ProcessFact& /*fact*/) {}

    /// A descriptor that becomes readable when dispatch() has something to tell: units that are
    /// empty now, and those of which the kernel has killed a process for want of memory.
    virtual int watch_fd() const = 0;
    virtual void dispatch(const std::function<void(std::string_view unit)>& emptied,
                          const std::function<void(std::string_view unit)>& oom_killed) = 0;

    virtual bool is_frozen(std::string_view /*unit*/) const { return false; }
    virtual std::string frozen_cgroup(std::string_view /*unit*/) const { return {}; }
    virtual std::optional<Duration> throttled(std::string_view /*unit*/) const { return {}; }
    virtual std::optional<Duration> cpu_time(std::string_view /*unit*/) const { return {}; }
    virtual std::optional<std::uint64_t> memory(std::string_view /*unit*/) const { return {}; }
    virtual bool counts_memory() const { return false; }
    virtual bool take_oom_kill(std::string_view /*unit*/) { return false; }
    virtual Result<void> kill_whole_on_oom(std::string_view /*unit*/, bool /*whole*/) { return {}; }

    /// The root of the cgroups, and where that is seen as a folder; empty where there are none.
    virtual std::string root() const { return {}; }
    virtual std::string root_folder() const { return {}; }
    /// Of svcd's own cgroup; -1 where there are none.
    virtual Result<int> own_cgroup() const { return -1; }
};

}  // namespace svcd
