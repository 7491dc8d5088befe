#include "launcher/runtime_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launcher/os.h"

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
    say("the runtime dir %s is in use by another svcd (PID %ld); stop that one, or give this one "
        "another --runtime-dir",
        path, pid);
}

}  // namespace

bool take_runtime_dir(const char* path) {
    if (!make_dir(path) || !is_safe(path)) {
        return false;
    }
    char name[kPathMax];
    std::snprintf(name, sizeof name, "%s/lock", path);
    // The descriptor stays open until we end, and with it the lock.
    constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    const int lock = above_fixed_fds(::open(name, kFlags, 0644));
    if (lock < 0) {
        say("can't open %s: %s", name, std::strerror(errno));
        return false;
    }
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            say_who_has_it(lock, path);
        } else {
            say("can't lock %s: %s", name, std::strerror(errno));
        }
        return false;
    }
    char text[16];
    const int length = std::snprintf(text, sizeof text, "%d\n", ::getpid());
    if (::ftruncate(lock, 0) != 0 ||
        ::pwrite(lock, text, static_cast<std::size_t>(length), 0) < 0) {
        say("can't write %s: %s", name, std::strerror(errno));
        return false;
    }
    return true;
}

}  // namespace svcd
