#include "unit/linux/hung_fs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

namespace svcd {

Result<HungFs> HungFs::mount(const std::string& folder) {
    if (::unshare(CLONE_NEWNS) < 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
        return failure(errno, "enter a mount namespace");
    }
    HungFs hung;
    hung.device_.reset(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!hung.device_) {
        return failure(errno, "open", "/dev/fuse");
    }
    const std::string options =
        "fd=" + std::to_string(hung.device_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount("hung", folder.c_str(), "fuse", MS_NODEV, options.c_str()) < 0) {
        return failure(errno, "mount fuse at", folder);
    }
    hung.folder_ = folder;
    return hung;
}

HungFs::~HungFs() {
    if (device_) {
        device_.reset();  // aborts what waits
        ::umount2(folder_.c_str(), MNT_DETACH);
    }
}

}  // namespace svcd
