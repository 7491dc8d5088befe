#include "exec/trusted_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <atomic>
#include <cerrno>

#include "exec/raw_syscall.h"

namespace svcd {
namespace {

/// As long as the kernel takes a path (PATH_MAX).
constexpr std::size_t kPathMax = 4096;
constexpr unsigned kOthersMayWrite = 022;
constexpr int kAdded = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

long open_at(long folder, const char* name, int flags, unsigned mode = 0) {
    return raw_syscall(__NR_openat, raw(folder), raw(name), raw(long{flags}), mode);
}
void close_raw(long fd) {
    raw_syscall(__NR_close, raw(fd));
}
long stat_raw(long fd, struct stat& facts) {
    return raw_syscall(__NR_newfstatat, raw(fd), raw(""), raw(&facts), AT_EMPTY_PATH);
}

bool is_ours(uid_t owner) {
    return owner == 0 || owner == static_cast<uid_t>(raw_syscall(__NR_geteuid));
}

/// Nobody else can put a name into this folder.
bool is_closed_to_others(const struct stat& folder) {
    return is_ours(folder.st_uid) && (folder.st_mode & kOthersMayWrite) == 0;
}

bool is_of_proc(long folder) {
    struct statfs system {};
    return raw_syscall(__NR_fstatfs, raw(folder), raw(&system)) == 0 &&
           static_cast<long>(system.f_type) == PROC_SUPER_MAGIC;
}

/// fs.protected_hardlinks: does the kernel give nobody a second name for a file that they may not
/// write? Once it does, that is not looked at again.
bool names_are_protected() {
    static std::atomic<bool> are_known_to_be{false};
    if (are_known_to_be.load(std::memory_order_relaxed)) {
        return true;
    }
    const long setting =
        open_at(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
    if (setting < 0) {
        return false;
    }
    char value = '0';
    const bool are = raw_syscall(__NR_read, raw(setting), raw(&value), 1) == 1 && value == '1';
    close_raw(setting);
    are_known_to_be.store(are, std::memory_order_relaxed);
    return are;
}

/// Is a regular file that was opened the one of its folder, and no other's? A folder that is not
/// known (-1) is taken for one that others may write.
bool is_of_its_folder(const struct stat& file, long folder) {
    struct stat above {};
    const bool is_known = folder >= 0 && stat_raw(folder, above) == 0;
    if (is_known && is_closed_to_others(above)) {
        return true;
    }
    return file.st_nlink <= 1 &&
           (names_are_protected() || (is_known && is_owners_own(file, above)));
}

/// A link of root's that has a second name may be another one, put here by somebody else.
bool may_follow(long folder, const struct stat& link, LinkFolder links) {
    struct stat above {};
    return is_ours(link.st_uid) && stat_raw(folder, above) == 0 &&
           (link.st_nlink <= 1 || is_closed_to_others(above)) &&
           (links == LinkFolder::anybodys || is_ours(above.st_uid));
}

std::size_t length_of(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0') {
        ++length;
    }
    return length;
}

/// What of a path is still to be walked.
class Rest {
public:
    /// False: it is too long.
    bool begin(const char* path) {
        const std::size_t length = length_of(path);
        if (length >= kPathMax) {
            return false;
        }
        copy(text_.data(), path, length + 1);
        at_ = 0;
        return true;
    }
    bool begins_at_root() const { return text_[at_] == '/'; }
    void skip_slashes() {
        while (text_[at_] == '/') {
            ++at_;
        }
    }
    bool is_empty() const { return text_[at_] == '\0'; }
    /// The next name, and the slashes behind it. False: it is too long.
    bool take_name(std::array<char, 256>& name) {
        std::size_t length = 0;
        for (; text_[at_] != '/' && !is_empty(); ++at_) {
            if (length + 1 == name.size()) {
                return false;
            }
            name[length++] = text_[at_];
        }
        name[length] = '\0';
        skip_slashes();
        return true;
    }
    /// Puts what a link holds before the rest. 0, or a negative errno.
    long prepend_target(long link) {
        std::array<char, kPathMax> target;
        const long result =
            raw_syscall(__NR_readlinkat, raw(link), raw(""), raw(target.data()), target.size() - 1);
        if (result <= 0) {
            return result < 0 ? result : -ENOENT;
        }
        const auto size = static_cast<std::size_t>(result);
        const std::size_t left = length_of(text_.data() + at_);
        if (size + 1 + left >= kPathMax) {
            return -ENAMETOOLONG;
        }
        target[size] = '/';
        copy(target.data() + size + 1, text_.data() + at_, left + 1);
        copy(text_.data(), target.data(), size + 1 + left + 1);
        at_ = 0;
        return 0;
    }

private:
    static void copy(char* to, const char* from, std::size_t size) {
        for (std::size_t index = 0; index < size; ++index) {
            to[index] = from[index];
        }
    }

    std::array<char, kPathMax> text_;
    std::size_t at_ = 0;
};

void refuse_link(const std::array<char, 256>& name, PathRefusal& refusal) {
    refusal.problem = ExecProblem::foreign_link;
    std::size_t at = 0;
    for (; name[at] != '\0' && at + 1 < refusal.link.size(); ++at) {
        refusal.link[at] = name[at];
    }
    refusal.link[at] = '\0';
}

bool is(const std::array<char, 256>& name, const char* word) {
    std::size_t at = 0;
    while (word[at] != '\0' && name[at] == word[at]) {
        ++at;
    }
    return name[at] == word[at];
}

class Walk {
public:
    Walk(LastLink last, LinkFolder links, PathRefusal& refusal)
        : last_(last), links_in_(links), refusal_(refusal) {}
    ~Walk() {
        if (folder_ >= 0) {
            close_raw(folder_);
        }
    }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    long run(const char* path, PathPlace& place) {
        if (!rest_.begin(path)) {
            return -ENAMETOOLONG;
        }
        long result = enter(open_at(AT_FDCWD, rest_.begins_at_root() ? "/" : ".", kFolder));
        rest_.skip_slashes();
        while (result == 0) {
            if (rest_.is_empty()) {
                return -EISDIR;
            }
            if (!rest_.take_name(place.name)) {
                return -ENAMETOOLONG;
            }
            const bool is_last = rest_.is_empty() && !is(place.name, "..") && !is(place.name, ".");
            if (is_last && last_ == LastLink::keep) {
                return finish(place);
            }
            const long next =
                open_at(folder_, place.name.data(), is_last ? kName : kName | O_DIRECTORY);
            if (is_last && next == -ENOENT) {
                return finish(place);
            }
            if (!is_last && next >= 0) {
                result = enter(next);
                continue;
            }
            // O_DIRECTORY, which has an automount mounted, says of a link that it is no folder.
            const long found = is_last || (next != -ENOTDIR && next != -ELOOP)
                                   ? next
                                   : open_at(folder_, place.name.data(), kName);
            if (found < 0) {
                return found;
            }
            const Step step = look(found, is_last, place);
            close_raw(found);
            if (step.is_end) {
                return step.result == 0 ? finish(place) : step.result;
            }
            result = step.result;
        }
        return result;
    }

private:
    static constexpr int kName = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    static constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

    struct Step {
        bool is_end;
        long result;
    };

    /// Looks at a name that is the last one, or no folder.
    Step look(long found, bool is_last, PathPlace& place) {
        struct stat facts {};
        if (const long result = stat_raw(found, facts); result < 0) {
            return {true, result};
        }
        if (!S_ISLNK(facts.st_mode)) {
            return {true, is_last ? 0 : -ENOTDIR};
        }
        if (++links_ > kLinksMax) {
            return {true, -ELOOP};
        }
        if (!may_follow(folder_, facts, links_in_)) {
            refuse_link(place.name, refusal_);
            return {true, -EPERM};
        }
        if (is_of_proc(folder_)) {
            place.is_kernel_link = is_last;
            return is_last ? Step{true, 0}
                           : Step{false, enter(open_at(folder_, place.name.data(), kFolder))};
        }
        if (const long result = rest_.prepend_target(found); result < 0) {
            return {true, result};
        }
        const long result = rest_.begins_at_root() ? enter(open_at(AT_FDCWD, "/", kFolder)) : 0;
        rest_.skip_slashes();
        return {false, result};
    }

    /// 0, or the negative errno that `folder` is.
    long enter(long folder) {
        if (folder < 0) {
            return folder;
        }
        if (folder_ >= 0) {
            close_raw(folder_);
        }
        folder_ = folder;
        return 0;
    }

    long finish(PathPlace& place) {
        place.folder = static_cast<int>(folder_);
        folder_ = -1;
        return 0;
    }

    LastLink last_;
    LinkFolder links_in_;
    PathRefusal& refusal_;
    Rest rest_;
    long folder_ = -1;
    int links_ = 0;
};

/// What was opened, unless it is not to be had. `folder`: where it is; -1: nobody knows yet, and a
/// file with several names is not to be had.
long look_at_opened(long fd, long folder, int flags, FileKinds kinds, PathRefusal& refusal) {
    struct stat facts {};
    long result = stat_raw(fd, facts);
    if (result == 0 && S_ISDIR(facts.st_mode)) {
        result = -EISDIR;
    } else if (result == 0 && S_ISREG(facts.st_mode)) {
        if (!is_of_its_folder(facts, folder)) {
            refusal.problem = ExecProblem::several_names;
            result = -EPERM;
        } else if ((flags & O_TRUNC) != 0) {
            result = raw_syscall(__NR_ftruncate, raw(fd), 0);
        }
    } else if (result == 0 && (kinds == FileKinds::regular ||
                               !(S_ISFIFO(facts.st_mode) || S_ISCHR(facts.st_mode)))) {
        refusal.problem = kinds == FileKinds::regular ? ExecProblem::not_a_regular_file
                                                      : ExecProblem::not_a_stream;
        result = -EINVAL;
    }
    if (result < 0) {
        close_raw(fd);
        return result;
    }
    return fd;
}

}  // namespace

bool is_owners_own(const struct stat& file, const struct stat& folder) {
    return !is_ours(folder.st_uid) && (folder.st_mode & kOthersMayWrite) == 0 &&
           file.st_uid == folder.st_uid;
}

long find_trusted(
    const char* path, LastLink last, LinkFolder links, PathPlace& place, PathRefusal& refusal) {
    Walk walk{last, links, refusal};
    return walk.run(path, place);
}

long open_found(
    const PathPlace& place, int flags, unsigned mode, FileKinds kinds, PathRefusal& refusal) {
    const int follow = place.is_kernel_link ? 0 : O_NOFOLLOW;
    const long fd =
        open_at(place.folder, place.name.data(), (flags & ~O_TRUNC) | kAdded | follow, mode);
    return fd < 0 ? fd : look_at_opened(fd, place.folder, flags, kinds, refusal);
}

long open_trusted(
    const char* path, int flags, unsigned mode, FileKinds kinds, PathRefusal& refusal) {
    open_how how{};
    how.flags = static_cast<__u64>((flags & ~O_TRUNC) | kAdded);
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_NO_SYMLINKS;
    const long direct = raw_syscall(__NR_openat2, raw(AT_FDCWD), raw(path), raw(&how), sizeof(how));
    if (direct >= 0) {
        const long fd = look_at_opened(direct, -1, flags, kinds, refusal);
        if (fd >= 0 || refusal.problem != ExecProblem::several_names) {
            return fd;
        }
        refusal.problem = ExecProblem::none;
    } else if (direct != -ELOOP && direct != -ENOSYS && direct != -EPERM) {
        return direct;  // EPERM: a seccomp filter that doesn't know openat2
    }
    PathPlace place;
    if (const long result =
            find_trusted(path, LastLink::follow, LinkFolder::anybodys, place, refusal);
        result < 0) {
        return result;
    }
    const long fd = open_found(place, flags, mode, kinds, refusal);
    close_raw(place.folder);
    return fd;
}

}  // namespace svcd
