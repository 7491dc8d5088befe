#include "start/runtime_dir.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launcher/protocol.h"
#include "libc/os.h"
#include "start/descriptors.h"

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

/// Nobody else may put files where the manager looks for its state.
bool is_safe(const char* path) {
    struct stat info {};
    if (::lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        say("the runtime dir %s is not a folder", path);
        return false;
    }
    if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        say("the runtime dir %s can be changed by others; it must belong to UID %u, mode 0755",
            path, ::geteuid());
        return false;
    }
    return true;
}

void say_who_has_it(int lock, const char* path) {
    char holder[16] = {};
    const long pid = ::pread(lock, holder, sizeof holder - 1, 0) > 0 ? std::atol(holder) : 0;
    if (pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM)) {
        say("the runtime dir %s is in use by another svcd (PID %ld); stop that one, or give this "
            "one another --runtime-dir",
            path, pid);
    } else {
        say("the runtime dir %s is in use: a process has a lock on %s/lock, see /proc/locks; end "
            "that one, or give this svcd another --runtime-dir",
            path, path);
    }
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

/// The descriptor stays open until the launcher ends, and with it the lock.
bool take_lock(const char* folder) {
    // Who may open it may lock it.
    constexpr mode_t kOursAlone = 0600;
    if (!open_file(folder, "lock", kOursAlone, kLockFd)) {
        return false;
    }
    if (::fchmod(kLockFd, kOursAlone) != 0) {
        say("can't make %s/lock ours alone: %s; going on", folder, std::strerror(errno));
    }
    if (::flock(kLockFd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            say_who_has_it(kLockFd, folder);
        } else {
            say("can't lock %s/lock: %s", folder, std::strerror(errno));
        }
        return false;
    }
    char text[16];
    const int length = std::snprintf(text, sizeof text, "%d\n", ::getpid());
    // First over what is there, which needs no room that a full disk has not.
    if (::pwrite(kLockFd, text, static_cast<std::size_t>(length), 0) < 0 ||
        ::ftruncate(kLockFd, length) != 0) {
        say("can't write %s/lock: %s; going on", folder, std::strerror(errno));
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
void watch_status_file(const char* folder) {
    char path[kPathMax];
    std::snprintf(path, sizeof path, "%s/launcher", folder);
    int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch < 0 || ::inotify_add_watch(watch, path, IN_OPEN) < 0) {
        say("can't watch %s: %s; a manager that hangs may be noticed late", path,
            std::strerror(errno));
        ::close(watch);
        watch = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // never readable
    }
    give(watch, kAskFd);
}

}  // namespace

bool take_runtime_dir(const char* path) {
    if (!make_dir(path) || !is_safe(path) || !take_lock(path) || !make_status_file(path)) {
        return false;
    }
    watch_status_file(path);
    return true;
}

}  // namespace svcd
