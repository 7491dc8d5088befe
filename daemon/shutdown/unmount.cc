#include "shutdown/unmount.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "libc/os.h"
#include "shutdown/text_table.h"

namespace svcd {
namespace {

/// What hung once isn't tried in the same way again.
constexpr int kHungMax = 32;
/// Passes over the mounts: each has to get rid of one at least.
constexpr int kPassesMax = 64;
constexpr int kLoopsMax = 256;

char path[kPathMax];  // of the mount, or the swap area, at hand

int sync_all(const char*) {
    ::sync();
    return 0;
}

int swap_off(const char* area) {
    return ::swapoff(area) == 0 ? 0 : errno;
}

int unmount(const char* point) {
    return ::umount2(point, UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

int detach(const char* point) {
    return ::umount2(point, UMOUNT_NOFOLLOW | MNT_DETACH) == 0 ? 0 : errno;
}

int make_read_only(const char* point) {
    return ::mount(nullptr, point, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0 ? 0 : errno;
}

/// Of loop devices that don't let go by themselves when they are unmounted. ENXIO: it has no file.
int clear_loops(const char*) {
    for (int index = 0; index < kLoopsMax; ++index) {
        char name[24];
        std::snprintf(name, sizeof name, "/dev/loop%d", index);
        const int device = ::open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (device >= 0) {
            ::ioctl(device, LOOP_CLR_FD, 0);
            ::close(device);
        }
    }
    return 0;
}

bool is_in(const char* folder) {
    const std::size_t length = std::strlen(folder);
    return std::strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/// The kernel's own file systems hold nothing, and we need some of them ourselves.
bool is_kept() {
    return std::strcmp(path, "/") == 0 || std::strcmp(path, "/run") == 0 || is_in("/proc") ||
           is_in("/sys") || is_in("/dev");
}

class Mounts {
public:
    explicit Mounts(Helpers& helpers) : helpers_(helpers), until_(helpers.limit(kUnmountAllMost)) {}

    /// One way to be rid of a mount, for each that is there. How many it worked for.
    int each(const char* what, int (*way)(const char*), bool say_failures) {
        int done = 0;
        LinesBackwards lines{"/proc/self/mountinfo"};
        for (const char* line = lines.next(); line != nullptr && now_usec() < until_;
             line = lines.next()) {
            char id[16];
            if (!read_field(line, 4, path, sizeof path) || is_kept() ||
                !read_field(line, 0, id, sizeof id) || (way != detach && has_hung(id))) {
                continue;
            }
            const int error = helpers_.run(way, path, kUnmountMost);
            if (error == 0) {
                ++done;
                continue;
            }
            if (error == ETIMEDOUT && hung_count_ < kHungMax) {
                std::memcpy(hung_[hung_count_++], id, sizeof id);
            }
            if (say_failures || error == ETIMEDOUT) {
                mask_controls(path);
                say("can't %s %s: %s", what, path, std::strerror(error));
            }
        }
        return done;
    }

    void unmount_what_can_be() {
        for (int pass = 0; pass < kPassesMax && each("unmount", unmount, false) > 0; ++pass) {
        }
    }

private:
    bool has_hung(const char* id) const {
        for (int index = 0; index < hung_count_; ++index) {
            if (std::strcmp(hung_[index], id) == 0) {
                return true;
            }
        }
        return false;
    }

    Helpers& helpers_;
    std::int64_t until_;
    char hung_[kHungMax][16];  ///< mount IDs
    int hung_count_ = 0;
};

void swap_off_all(Helpers& helpers) {
    const std::int64_t until = helpers.limit(kSwapMost);
    LinesBackwards areas{"/proc/swaps"};
    for (const char* line = areas.next(); line != nullptr && now_usec() < until;
         line = areas.next()) {
        if (!read_field(line, 0, path, sizeof path) || path[0] != '/') {
            continue;  // the line of titles
        }
        if (const int error = helpers.run(swap_off, path, kSwapMost); error != 0) {
            mask_controls(path);
            say("can't turn off swap on %s: %s", path, std::strerror(error));
        }
    }
}

}  // namespace

void unmount_all(Helpers& helpers) {
    if (helpers.run(sync_all, nullptr, kSyncMost) != 0) {
        say("a disk does not take what is to be written to it; going on without");
    }
    swap_off_all(helpers);
    Mounts mounts{helpers};
    mounts.unmount_what_can_be();
    helpers.run(clear_loops, nullptr, kUnmountMost);
    mounts.unmount_what_can_be();
    mounts.each("make read-only", make_read_only, false);
    mounts.each("detach", detach, true);
    if (const int error = helpers.run(make_read_only, "/", kUnmountMost); error != 0) {
        say("can't make / read-only: %s", std::strerror(error));
    }
    helpers.run(sync_all, nullptr, kUnmountMost);
}

}  // namespace svcd
