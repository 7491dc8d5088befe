// What the first process of a machine, or of a PID namespace, has to do that no other has.
#pragma once

namespace svcd {

/// Mounts /proc, /sys, /dev, /run and /sys/fs/cgroup where nothing is mounted. What fails is said,
/// and svcd goes on without.
void mount_api_file_systems();

/// Started in a container, which comes with its mounts, by a runtime that says so ($container).
bool is_in_container();

}  // namespace svcd
