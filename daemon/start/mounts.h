// What the first process of a machine, or of a PID namespace, has to mount.
#pragma once

namespace svcd {

/// Mounts /proc, /sys, /dev, /run and /sys/fs/cgroup where nothing is mounted. What fails is said,
/// and svcd goes on without.
void mount_api_file_systems();

}  // namespace svcd
