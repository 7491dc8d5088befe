#include "linux/log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "exec/trusted_path.h"
#include "linux/make_folders.h"

namespace svcd {
namespace {

constexpr mode_t kPermissions = 07777;

/// Takes the bits that are too many, never gives one. 0, or errno.
int restrict(int fd, const struct stat& facts, mode_t wanted, std::optional<gid_t> group) {
    if (facts.st_uid != ::geteuid()) {
        return 0;  // somebody else's, who may do with it as they like
    }
    int why = 0;
    if (group && facts.st_gid != *group && ::fchown(fd, static_cast<uid_t>(-1), *group) != 0) {
        why = errno;
    }
    const mode_t mode = facts.st_mode & kPermissions;
    if ((mode & ~wanted) != 0 && ::fchmod(fd, mode & wanted) != 0) {
        why = errno;
    }
    return why;
}

/// The same, of a regular file that has no other name.
int restrict_file(int fd, const LogAccess& access) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) {
        return errno;
    }
    return S_ISREG(facts.st_mode) && facts.st_nlink == 1
               ? restrict(fd, facts, access.file, access.group)
               : 0;
}

int restrict_folder(int fd, const LogAccess& access) {
    struct stat facts {};
    return ::fstat(fd, &facts) == 0 ? restrict(fd, facts, access.folder, access.group) : errno;
}

UniqueFd open_folder(int above, const char* name) {
    return UniqueFd{
        ::openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
}

/// A folder that is known to be one, or a link to one that may be followed. Else errno tells.
UniqueFd open_log_dir(const std::string& path) {
    PathPlace place;
    PathRefusal refusal;
    if (const long result =
            find_trusted(path.c_str(), LastLink::follow, LinkFolder::roots, place, refusal);
        result < 0) {
        errno = static_cast<int>(-result);
        return {};
    }
    const UniqueFd above{place.folder};
    return open_folder(above.get(), place.name.data());
}

/// Only the folder of a unit is ours to change.
bool is_name_of_unit(std::string_view name) {
    constexpr auto kTypes = std::to_array<std::string_view>(
        {".service", ".socket", ".mount", ".swap", ".target", ".slice"});
    return !name.starts_with('.') &&
           std::any_of(kTypes.begin(), kTypes.end(),
                       [&](std::string_view type) { return name.ends_with(type); });
}

/// Calls `visit` for each name in a folder, but for "." and "..".
template <typename Visit>
int for_each_name(UniqueFd folder, Visit visit) {
    DIR* const opened = ::fdopendir(folder.get());
    if (opened == nullptr) {
        return errno;
    }
    static_cast<void>(folder.release());
    const std::unique_ptr<DIR, int (*)(DIR*)> entries{opened, &::closedir};
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != ".." && !visit(entry->d_name)) {
            break;
        }
    }
    return 0;
}

UniqueFd duplicate(const UniqueFd& fd) {
    return UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)};
}

class Mending {
public:
    explicit Mending(const LogAccess& access) : access_(access) {}

    int run(UniqueFd log_dir) {
        bool is_ours_alone = true;
        const int listed = for_each_name(duplicate(log_dir), [&](const char* name) {
            const UniqueFd folder =
                is_name_of_unit(name) ? open_folder(log_dir.get(), name) : UniqueFd{};
            if (folder) {
                mend_unit(folder);
            }
            is_ours_alone = is_ours_alone && folder;
            return left_ > 0;
        });
        note(listed);
        if (is_ours_alone) {
            note(restrict_folder(log_dir.get(), access_));
        }
        return why_;
    }

private:
    void mend_unit(const UniqueFd& folder) {
        const int listed = for_each_name(duplicate(folder), [&](const char* name) {
            struct stat facts {};
            if (::fstatat(folder.get(), name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(facts.st_mode)) {
                mend_file(folder, name);
            }
            return --left_ > 0;
        });
        note(listed);
        note(restrict_folder(folder.get(), access_));
        left_ -= left_ > 0 ? 1 : 0;
    }
    void mend_file(const UniqueFd& folder, const char* name) {
        constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        const UniqueFd file{::openat(folder.get(), name, kFlags)};
        note(file ? restrict_file(file.get(), access_) : errno == ENOENT ? 0 : errno);
    }
    void note(int why) { why_ = why_ == 0 ? why : why_; }

    const LogAccess& access_;
    std::size_t left_ = kMendedMax;
    int why_ = 0;
};

UniqueFd open_for_appending(const std::string& path, const LogAccess& access) {
    PathRefusal refusal;
    const long fd = open_trusted(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, access.file,
                                 FileKinds::streams, refusal);
    if (fd < 0) {
        errno = static_cast<int>(-fd);
        return {};
    }
    UniqueFd file{static_cast<int>(fd)};
    restrict_file(file.get(), access);  // what fails here is said by mend_logs()
    return file;
}

}  // namespace

LogAccess shared_with(gid_t group) {
    return LogAccess{0640, 0750, group};
}

Result<void> make_log_dir(const std::string& path, const LogAccess& access) {
    if (const std::size_t last = path.rfind('/'); last != 0 && last != std::string::npos) {
        if (auto above = make_folders(path.substr(0, last)); !above) {
            return above;
        }
    }
    if (::mkdir(path.c_str(), access.folder) != 0) {
        return errno == EEXIST ? Result<void>{} : failure(errno, "mkdir", path);
    }
    if (const UniqueFd folder = open_log_dir(path)) {
        restrict_folder(folder.get(), access);  // what fails here is said by mend_logs()
    }
    return {};
}

UniqueFd open_log_file(const std::string& log_dir, std::string_view unit, const LogAccess& access) {
    const std::string folder = log_dir + "/" + std::string(unit);
    const std::string path = folder + "/current";
    UniqueFd file = open_for_appending(path, access);
    if (file || errno != ENOENT) {
        return file;
    }
    const Result<void> above = make_log_dir(log_dir, access);
    int why = above ? 0 : above.error().error_number;
    if (why == 0 && ::mkdir(folder.c_str(), access.folder) == 0) {
        if (const UniqueFd made = open_log_dir(folder)) {
            restrict_folder(made.get(), access);
        }
    } else if (why == 0 && errno != EEXIST) {
        why = errno;  // EROFS says more than the ENOENT that would follow
    }
    if (why != 0) {
        errno = why;
        return {};
    }
    return open_for_appending(path, access);
}

Result<void> mend_logs(const std::string& log_dir, const LogAccess& access) {
    UniqueFd folder = open_log_dir(log_dir);
    const int why = folder ? Mending{access}.run(std::move(folder)) : errno == ENOENT ? 0 : errno;
    return why == 0 ? Result<void>{}
                    : failure(why, "keep the logs from being read by others", log_dir);
}

}  // namespace svcd
