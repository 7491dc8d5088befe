// Where cgroup hierarchies are mounted, and how the paths of the v2 one map to paths of files.
//
// A hybrid host has it beside the v1 hierarchies, a container may see a part of it only: the
// mount's root is then a cgroup below "/" and paths outside it can't be reached.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/types/result.h"

namespace svcd {

struct CgroupMount {
    std::string point;  ///< "/sys/fs/cgroup/unified"
    std::string root;   ///< the cgroup that is mounted there: "/"

    /// The folder of a cgroup; nothing when the mount doesn't show it.
    std::optional<std::string> folder_of(std::string_view cgroup) const;
    /// The cgroup of a folder at or below the mount point; nothing for other paths.
    std::optional<std::string> cgroup_at(std::string_view folder) const;
};

/// The cgroup2 mount among the lines of a mountinfo file that shows the cgroup `own`; of several
/// the one that shows most. Nothing when there is none.
std::optional<CgroupMount> find_cgroup_mount(std::string_view mountinfo, std::string_view own);

/// Where the hierarchy of cgroup v1 with this controller is mounted as a whole; "": nowhere.
std::string find_v1_mount(std::string_view mountinfo, std::string_view controller);
/// Is the word one of those that commas part? So the kernel lists the controllers of a hierarchy.
bool is_in_list(std::string_view list, std::string_view word);

/// The name of a unit's cgroup folder. A leading '_' keeps names apart that the kernel uses for its
/// own files ("cgroup.x", "memory.x"), as systemd does.
std::string escape_cgroup_name(std::string_view unit);
std::string_view unescape_cgroup_name(std::string_view name);

}  // namespace svcd
