// The v2 cgroup tree below which svcd makes a cgroup for each unit: cgroups(7),
// Documentation/admin-guide/cgroup-v2.rst.
//
// Layout: ROOT/svcd.scope holds svcd and its manager, ROOT/SLICE/UNIT a unit, where a slice
// a-b.slice is the folder a.slice/a-b.slice (systemd.slice(5)). A slice is a unit here like any
// other. On a hybrid host the v2 mount is found in /proc/self/mountinfo (usually
// /sys/fs/cgroup/unified). Nothing here is ever moved by writing to cgroup.procs but svcd itself,
// once, at its start: processes are cloned into their cgroup (moving one costs 5 to 10 ms after a
// quiet time).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "linux/process_tracker.h"

namespace svcd {

class CgroupTree final : public ProcessTracker {
public:
    /// `root`: a path in the cgroup file system ("/" is the v2 mount) or below its mount point, or
    /// empty for the cgroup that this process is in (its parent when that is already called
    /// svcd.scope). Makes it when it isn't there. `slice`: the folder of units in system.slice,
    /// which a user instance calls app.slice. Finds units of a manager before this one in their
    /// slices.
    static Result<CgroupTree> open(std::string_view root, std::string_view slice);

    /// Moves the given processes (the launcher, this one) into ROOT/svcd.scope, and enables the
    /// controllers that ROOT has for its children. What can't be enabled is in
    /// unavailable_controllers(), with the reason.
    Result<void> settle(const std::vector<Pid>& own_processes);

    std::string_view kind_for(std::string_view unit) const override;
    Result<std::string> place_of(Pid pid) const override;
    /// As /proc/PID/cgroup shows it: "/.../system.slice/web.service".
    std::string path_of(std::string_view unit) const override;
    std::string_view unit_of(std::string_view cgroup_path) const override;
    std::string describe(std::string_view cgroup_path) const override;
    std::optional<std::string> other_root_of(std::string_view cgroup_path,
                                             std::string_view unit) const override;

    /// A descriptor of the unit's cgroup directory for CLONE_INTO_CGROUP; the cgroup is made when
    /// it isn't there, in `slice` (empty: where it was, or system.slice). A cgroup that is there
    /// stays where it is. Nothing is kept open: a service costs no descriptor.
    Result<UniqueFd> ensure(std::string_view unit, std::string_view slice = {}) override;
    /// Removes the unit's cgroup and those that its processes made below it. EBUSY: there are
    /// processes.
    Result<void> remove(std::string_view unit) override;

    /// Removes the slices, at the end, in which no unit has a cgroup any more.
    void remove_slices() override;

    /// cgroup.events: are there processes in it, or below it? A cgroup that doesn't exist has none.
    Result<bool> is_populated(std::string_view unit) const override;
    /// Every process in the cgroup and below it (cgroup.procs), at most `limit`.
    Result<std::vector<Pid>> processes(std::string_view unit,
                                       std::size_t limit = 65536) const override;
    /// cgroup.kill: SIGKILL to every process, none escapes by forking. Falls back to killing from
    /// cgroup.procs until it is empty (kernels before 5.14).
    Result<void> kill(std::string_view unit) override;
    Result<std::size_t> signal(std::string_view unit,
                               const std::vector<int>& signals,
                               std::vector<Pid>& reached,
                               const std::vector<Pid>& except = {},
                               std::optional<std::int32_t> value = std::nullopt) const override;
    Result<void> thaw(std::string_view unit) const;
    /// Is all of it frozen (cgroup.events)? Not when it doesn't exist or can't be read.
    bool is_frozen(std::string_view unit) const override;
    /// The cgroup that was told to freeze (cgroup.freeze): the unit's own or the nearest above it.
    /// Empty when none was that can be looked at.
    std::string frozen_cgroup(std::string_view unit) const override;
    /// How long the CPU quota has held its processes back so far (cpu.stat), in all. Nothing, and
    /// no system call, where there is no cpu controller.
    std::optional<Duration> throttled(std::string_view unit) const override;
    /// The CPU time of its processes so far, in all (cpu.stat: every v2 cgroup counts it).
    std::optional<Duration> cpu_time(std::string_view unit) const override;

    /// What its processes and their files in the page cache take (memory.current), in bytes.
    /// Nothing where there is no memory controller, and of a unit without a cgroup.
    std::optional<std::uint64_t> memory(std::string_view unit) const override;
    bool counts_memory() const override;

    /// Has the kernel's OOM killer taken a process of the unit since the last call? No, and no
    /// system call, where there is no memory controller.
    bool take_oom_kill(std::string_view unit) override;
    /// Shall it take all of the unit's processes with one? Nothing happens without a memory
    /// controller, nor before ensure().
    Result<void> kill_whole_on_oom(std::string_view unit, bool whole) override;

    /// An inotify descriptor: some unit's cgroup.events or memory.events changed. dispatch() tells
    /// of at most 64 a call.
    int watch_fd() const override;
    void dispatch(const std::function<void(std::string_view unit)>& emptied,
                  const std::function<void(std::string_view unit)>& oom_killed) override;

    std::string root() const override { return root_; }  ///< "/..." in the cgroup file system
    std::string root_folder() const override;
    /// A descriptor of ROOT/svcd.scope, for svcd's own processes; the tree keeps it open. There
    /// once settle() has made it.
    Result<int> own_cgroup() const override;
    const std::vector<std::string>& unavailable_controllers() const { return unavailable_; }

    /// The units that have a cgroup below ROOT now (also those of a manager before this one).
    std::vector<std::string> existing_units() const override;

    CgroupTree(CgroupTree&&) noexcept;
    CgroupTree& operator=(CgroupTree&&) noexcept;
    ~CgroupTree() override;

private:
    CgroupTree();
    struct Impl;
    /// Is a process in the unit's cgroup now? Nothing: that can't be seen.
    std::function<std::optional<bool>(Pid)> look_for(std::string_view unit) const;
    std::unique_ptr<Impl> impl_;
    std::string root_;
    std::vector<std::string> unavailable_;
};

}  // namespace svcd
