#include "start/lock_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"
#include "start/descriptors.h"

namespace svcd {
namespace {

constexpr int kPathMax = 512;
/// How often it is tried again when another svcd is at it.
constexpr int kTriesMax = 5;
constexpr int kPauseMs = 100;

struct Paths {
    char lock[kPathMax];
    char next[kPathMax];  ///< what becomes the lock
};

enum class Outcome { taken, refused, again };

int open_own(const char* path) {
    // Who may open it may lock it.
    constexpr mode_t kOursAlone = 0600;
    const int fd = ::open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, kOursAlone);
    if (fd >= 0 && ::fchmod(fd, kOursAlone) != 0) {
        say("can't make %s ours alone: %s; going on", path, std::strerror(errno));
    }
    return fd;
}

bool is_at(int fd, const char* path) {
    struct stat open_one {};
    struct stat named {};
    return ::fstat(fd, &open_one) == 0 && ::lstat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/// The user who has started the process; a program with the s-bit has another one in effect. -1: it
/// can't be told.
long user_of(long pid) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%ld/status", pid);
    std::FILE* file = std::fopen(path, "re");
    long user = -1;
    char line[256];
    while (file != nullptr && user < 0 && std::fgets(line, sizeof line, file) != nullptr) {
        if (std::strncmp(line, "Uid:", 4) == 0) {
            user = std::strtol(line + 4, nullptr, 10);
        }
    }
    if (file != nullptr) {
        std::fclose(file);
    }
    return user;
}

/// One that counts: it may be a svcd.
bool may_be_ours(long pid, long& stranger, long& strangers_user) {
    if (pid <= 0) {
        return true;
    }
    // A svcd lives as long as it holds the lock: a process that is gone was none.
    if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
        stranger = pid;
        return false;
    }
    const long user = user_of(pid);
    if (user <= 0 || user == static_cast<long>(::geteuid())) {
        return true;
    }
    stranger = pid;
    strangers_user = user;
    return false;
}

/// Whether all who hold the file are strangers, and one of them. False when nobody is seen.
bool is_held_by_strangers(int fd, long& stranger, long& strangers_user) {
    struct stat info {};
    std::FILE* file = std::fopen("/proc/locks", "re");
    if (file == nullptr || ::fstat(fd, &info) != 0) {
        return false;
    }
    bool is_held = false;
    bool has_ours = false;
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        long pid = 0;
        unsigned major = 0;
        unsigned minor = 0;
        std::uint64_t inode = 0;
        // "1: FLOCK  ADVISORY  WRITE 4711 00:18:1234 0 EOF"; who waits has "->" before FLOCK.
        if (std::sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major, &minor, &inode) ==
                4 &&
            inode == info.st_ino && ::makedev(major, minor) == info.st_dev) {
            is_held = true;
            has_ours = may_be_ours(pid, stranger, strangers_user) || has_ours;
        }
    }
    std::fclose(file);
    return is_held && !has_ours;
}

void say_who_has_it(int lock, const char* folder) {
    char holder[16] = {};
    const long pid = ::pread(lock, holder, sizeof holder - 1, 0) > 0 ? std::atol(holder) : 0;
    if (pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM)) {
        say("the runtime dir %s is in use by another svcd (PID %ld); stop that one, or give this "
            "one another --runtime-dir",
            folder, pid);
    } else {
        say("the runtime dir %s is in use: a process has a lock on %s/lock, see /proc/locks; end "
            "that one, or give this svcd another --runtime-dir",
            folder, folder);
    }
}

void say_that_it_is_replaced(const Paths& paths, long stranger, long user) {
    if (user >= 0) {
        say("%s was locked by process %ld of the user %ld, who is no svcd; it is replaced by a new "
            "file, which only its owner can lock",
            paths.lock, stranger, user);
    } else {
        say("%s was locked by process %ld, which has ended and is no svcd; it is replaced by a new "
            "file, which only its owner can lock",
            paths.lock, stranger);
    }
}

/// Puts a new file in the place of `lock`, which another process holds.
Outcome replace(int lock, const char* folder, const Paths& paths) {
    const int next = open_own(paths.next);
    if (next < 0 || ::flock(next, LOCK_EX | LOCK_NB) != 0) {
        const bool is_busy = next >= 0 && errno == EWOULDBLOCK;
        if (!is_busy) {
            say("can't make %s: %s", paths.next, std::strerror(errno));
        }
        ::close(next);
        return is_busy ? Outcome::again : Outcome::refused;
    }
    long stranger = 0;
    long user = -1;
    Outcome outcome = Outcome::again;
    if (!is_at(next, paths.next) || !is_at(lock, paths.lock)) {
        // Somebody else has replaced it.
    } else if (!is_held_by_strangers(lock, stranger, user)) {
        say_who_has_it(lock, folder);
        outcome = Outcome::refused;
    } else if (::rename(paths.next, paths.lock) != 0 || !give(next, kLockFd)) {
        say("can't replace %s: %s", paths.lock, std::strerror(errno));
        outcome = Outcome::refused;
    } else {
        say_that_it_is_replaced(paths, stranger, user);
        return Outcome::taken;
    }
    if (is_at(next, paths.next)) {
        ::unlink(paths.next);
    }
    ::close(next);
    return outcome;
}

/// Whether somebody is about to replace the lock; what is left of one who has died is removed.
bool is_being_replaced(const Paths& paths) {
    const int next = ::open(paths.next, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (next < 0) {
        return errno != ENOENT;
    }
    const bool is_free = ::flock(next, LOCK_EX | LOCK_NB) == 0;
    if (is_free && is_at(next, paths.next)) {
        ::unlink(paths.next);
    }
    ::close(next);
    return !is_free;
}

Outcome try_to_take(const char* folder, const Paths& paths) {
    const int lock = open_own(paths.lock);
    if (lock < 0) {
        say("can't open %s: %s", paths.lock, std::strerror(errno));
        return Outcome::refused;
    }
    Outcome outcome = Outcome::taken;
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) {
        outcome = is_being_replaced(paths) || !is_at(lock, paths.lock) ? Outcome::again : outcome;
        if (outcome == Outcome::taken && give(lock, kLockFd)) {
            return outcome;
        }
    } else if (errno == EWOULDBLOCK) {
        outcome = replace(lock, folder, paths);
    } else {
        say("can't lock %s: %s", paths.lock, std::strerror(errno));
        outcome = Outcome::refused;
    }
    ::close(lock);
    return outcome;
}

}  // namespace

bool take_lock_file(const char* folder) {
    Paths paths;
    std::snprintf(paths.lock, sizeof paths.lock, "%s/lock", folder);
    std::snprintf(paths.next, sizeof paths.next, "%s/lock.new", folder);
    Outcome outcome = Outcome::again;
    for (int tries = 0; outcome == Outcome::again && tries < kTriesMax; ++tries) {
        ::poll(nullptr, 0, tries == 0 ? 0 : kPauseMs);
        outcome = try_to_take(folder, paths);
    }
    if (outcome == Outcome::again) {
        say("the runtime dir %s is in use: another svcd is starting in it; look whether it comes "
            "up",
            folder);
    }
    if (outcome != Outcome::taken) {
        return false;
    }
    char text[16];
    const int length = std::snprintf(text, sizeof text, "%d\n", ::getpid());
    // First over what is there, which needs no room that a full disk has not.
    if (::pwrite(kLockFd, text, static_cast<std::size_t>(length), 0) < 0 ||
        ::ftruncate(kLockFd, length) != 0) {
        say("can't write %s: %s; going on", paths.lock, std::strerror(errno));
    }
    return true;
}

}  // namespace svcd
