#include "start/runtime_dir.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "launcher/protocol.h"
#include "libc/os.h"
#include "start/descriptors.h"
#include "start/lock_file.h"

namespace svcd {
namespace {

constexpr int kPathMax = 512;

bool make_dir(const char* path) {
    char partial[kPathMax];
    std::snprintf(partial, sizeof partial, "%s", path);
    for (char* slash = std::strchr(partial + 1, '/'); slash != nullptr;
         slash = std::strchr(slash + 1, '/')) {
        *slash = '\0';
        ::mkdir(partial, 0755);  // what fails here fails again below, where it matters
        *slash = '/';
    }
    if (::mkdir(path, 0755) != 0 && errno != EEXIST) {
        say("can't make the runtime dir %s: %s", path, std::strerror(errno));
        return false;
    }
    return true;
}

bool is_ours_alone(const struct stat& info) {
    return info.st_uid == ::geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// Nobody else may put files where the manager looks for its state.
bool is_safe(const char* path) {
    struct stat info {};
    if (::lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        say("the runtime dir %s is not a folder", path);
        return false;
    }
    if (!is_ours_alone(info)) {
        say("the runtime dir %s can be changed by others; it must belong to UID %u, mode 0755",
            path, ::geteuid());
        return false;
    }
    return true;
}

/// A file in the folder, under a number of the launcher's. False: it was said why not.
bool open_file(const char* folder, const char* name, mode_t mode, int number) {
    char path[kPathMax];
    std::snprintf(path, sizeof path, "%s/%s", folder, name);
    constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    if (!give(::open(path, kFlags, mode), number)) {
        say("can't open %s: %s", path, std::strerror(errno));
        return false;
    }
    return true;
}

/// Empty lines, until the launcher has something to say.
bool make_status_file(const char* folder) {
    char text[kStatusSize];
    std::memset(text, '\n', sizeof text);
    if (!open_file(folder, "launcher", 0644, kStatusFd)) {
        return false;
    }
    if (::pwrite(kStatusFd, text, sizeof text, 0) != ssize_t{sizeof text} ||
        ::ftruncate(kStatusFd, sizeof text) != 0) {
        say("can't write %s/launcher: %s; svctl will not know of svcd without its manager", folder,
            std::strerror(errno));
    }
    return true;
}

/// Whoever opens PATH/launcher asks whether the manager still answers. Without that svcd goes on.
/// The watch itself is the launcher's, later (watch.cc), where it can name the file: with /proc.
void watch_status_file(const char* folder) {
    char path[kPathMax];
    std::snprintf(path, sizeof path, "%s/launcher", folder);
    int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    const bool can_wait = watch >= 0 && ::access("/proc/self/fd", X_OK) == 0;
    if (watch < 0 || (!can_wait && ::inotify_add_watch(watch, path, IN_OPEN) < 0)) {
        say("can't watch %s: %s; a manager that hangs may be noticed late", path,
            std::strerror(errno));
        ::close(watch);
        watch = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // never readable
    }
    give(watch, kAskFd);
}

}  // namespace

bool is_fit_for_runtime_dir(const char* path, unsigned mode) {
    struct stat info {};
    const bool is_there = ::mkdir(path, mode) == 0 || errno == EEXIST;
    return is_there && ::lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && is_ours_alone(info) &&
           ::access(path, W_OK | X_OK) == 0;
}

bool take_runtime_dir(const char* path) {
    if (!make_dir(path) || !is_safe(path) || !take_lock_file(path) || !make_status_file(path)) {
        return false;
    }
    watch_status_file(path);
    return true;
}

}  // namespace svcd
