// What the first process of a machine, or of a PID namespace, has to do that no other has.
#pragma once

namespace svcd {

/// Mounts /proc, /sys, /dev, /run and /sys/fs/cgroup where nothing is mounted. What fails is said,
/// and svcd goes on without.
void mount_api_file_systems();

/// Whether reboot(2) is ours to call: we are PID 1, and of a machine. In a PID namespace the kernel
/// knows no other command than those that end the namespace, by a signal that hides the exit status
/// from whoever waits for it. On a machine Ctrl-Alt-Del is a SIGINT to us from now on.
bool take_machine();

/// Started in a container, which comes with its mounts, by a runtime that says so ($container).
bool is_in_container();

}  // namespace svcd
