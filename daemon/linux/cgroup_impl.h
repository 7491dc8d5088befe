// What a CgroupTree consists of; for its own files (cgroup.cc, cgroup_facts.cc) only.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "linux/cgroup.h"
#include "linux/cgroup_folder.h"
#include "linux/cgroup_mount.h"
#include "linux/cgroup_places.h"
#include "linux/oom_counter.h"

namespace svcd {

/// Where svcd itself is, below the root.
inline constexpr std::string_view kScope = "svcd.scope";

inline std::string join_paths(std::string_view base, std::string_view name) {
    std::string path{base == "/" ? "" : base};
    return path.append("/").append(name);
}

struct CgroupTree::Impl {
    CgroupMount mount;
    std::string root_path;  ///< as in /proc/PID/cgroup
    CgroupPlaces places;
    UniqueFd root;
    UniqueFd scope;  ///< once it is settled
    UniqueFd inotify;

    struct Unit {
        std::uint64_t inode = 0;  ///< of its folder
        int watch = -1;           ///< of cgroup.events
        int memory_watch = -1;    ///< of memory.events
        OomCounter oom;
        bool is_killed_whole = false;  ///< memory.oom.group
        bool was_killed = false;
    };
    std::unordered_map<std::string, Unit> units;
    std::unordered_set<std::string> never_made;  ///< ensure() failed, and why it did says so
    std::unordered_map<int, const std::string*> watches;  ///< keys of `units`, whose nodes stay put
    std::vector<std::string> controllers;                 ///< enabled in every slice
    bool counts_memory = false;                           ///< the memory controller is one of them
    bool counts_cpu = false;                              ///< the cpu controller is

    std::string file_of(std::string_view unit, std::string_view file) const {
        return places.folder_of(unit).append("/").append(file);
    }
    Result<bool> is_populated(const std::string& unit) const;
    /// The number of a line of cpu.stat, as a time.
    std::optional<Duration> cpu_stat(std::string_view unit, std::string_view name) const;
    /// Does this errno of an open say that there is no such cgroup? Nor is there one, whatever
    /// can't be opened, where it could not be made.
    bool is_absent(std::string_view unit, int error) const {
        return error == ENOENT || error == ENODEV || error == ENAMETOOLONG ||
               never_made.contains(std::string{unit});
    }
    UniqueFd open_unit(std::string_view unit) const {
        return open_folder(root.get(), places.folder_of(unit).c_str());
    }
    Result<int> watch(const std::string& folder, const char* file) const;
    Result<void> watch_unit(const std::string& name, const std::string& folder, Unit& unit);
    void forget_watches(const Unit& unit);
    Result<void> make_slice(const std::string& folder) const;
    Result<void> make_unit(const std::string& folder) const;
    void find_placed(const std::string& folder, int depth);
    void remove_slices(int folder, int depth) const;
};

}  // namespace svcd
