#include "start/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "libc/os.h"

namespace svcd {
namespace {

struct ApiFileSystem {
    const char* where;
    const char* type;
    unsigned long flags;
    const char* options;
};

// In this order: each is mounted below what was mounted before it.
constexpr ApiFileSystem kApiFileSystems[] = {
    {"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"/dev", "devtmpfs", MS_NOSUID, "mode=0755"},
    {"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"},
    {"/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate"},
};

/// Another file system than the folder above it, which is all that matters here.
bool is_mount_point(const char* path) {
    char above[64];
    std::snprintf(above, sizeof above, "%s/..", path);
    struct stat here {};
    struct stat there {};
    return ::stat(path, &here) == 0 && ::stat(above, &there) == 0 && here.st_dev != there.st_dev;
}

}  // namespace

void mount_api_file_systems() {
    for (const ApiFileSystem& system : kApiFileSystems) {
        if (is_mount_point(system.where)) {
            continue;
        }
        ::mkdir(system.where, 0755);  // where it can't be made, it is there or the mount fails
        // EPERM: a container that does not say it is one. Its mounts are not ours to make.
        if (::mount(system.type, system.where, system.type, system.flags, system.options) != 0 &&
            errno != EPERM) {
            say("can't mount %s on %s: %s", system.type, system.where, std::strerror(errno));
        }
    }
}

}  // namespace svcd
