// Folders of the cgroup file system: what is done to one without knowing whose it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

/// So many of the cgroups below a service's own are looked at, and cleaned up.
inline constexpr std::size_t kCgroupsBelowMax = 16384;

/// The names of the folders in an open folder.
std::vector<std::string> folders_in(int folder);

UniqueFd open_folder(int folder, const char* name);

/// Removes the cgroups below an open one, deepest first.
void remove_below(int folder);

/// Adds the processes of an open cgroup and of those below it, until there are `limit`. Processes
/// of other PID namespaces are listed as 0, and left out.
Result<void> collect_processes(int folder, std::size_t limit, std::vector<Pid>& pids);

/// Is the process in the cgroup at this moment? Nothing: that can't be seen.
using IsInCgroup = std::function<std::optional<bool>(Pid)>;

/// cgroup.kill, or its replacement before Linux 5.14. A cgroup that is gone has nothing to kill.
Result<void> kill_processes(int folder, const IsInCgroup& is_in);
/// CgroupTree::signal() of an open cgroup.
///
/// A process of cgroup.procs may have ended by the time its signal goes out, and its number be
/// another's. So it is held by a pidfd, then looked at by `is_in`, and then it gets the signal.
Result<std::size_t> signal_processes(int folder,
                                     const std::vector<int>& signals,
                                     const std::vector<Pid>& except,
                                     std::vector<Pid>& reached,
                                     std::optional<std::int32_t> value,
                                     const IsInCgroup& is_in);

/// mkdir -p of a cgroup path below an open folder.
Result<UniqueFd> make_path(const UniqueFd& base, std::string_view path);

}  // namespace svcd
