// Conditions about paths.
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "exec/condition_kinds.h"

namespace svcd {
namespace {

struct CloseTable {
    void operator()(std::FILE* table) const { ::endmntent(table); }
};
struct Free {
    void operator()(char* memory) const { std::free(memory); }
};

/// The places in a table like fstab(5) or /proc/self/mounts, with its escapes resolved.
std::vector<std::string> mount_points_in(const std::string& path) {
    std::vector<std::string> points;
    const std::unique_ptr<std::FILE, CloseTable> table{::setmntent(path.c_str(), "re")};
    std::array<char, 8192> buffer;
    mntent entry{};
    while (table != nullptr && ::getmntent_r(table.get(), &entry, buffer.data(),
                                             static_cast<int>(buffer.size())) != nullptr) {
        points.emplace_back(entry.mnt_dir);
    }
    return points;
}

/// Is `path` the folder, or below it?
bool is_within(std::string_view path, std::string_view folder) {
    while (folder.size() > 1 && folder.ends_with('/')) {
        folder.remove_suffix(1);
    }
    return folder == "/" || (path.starts_with(folder) &&
                             (path.size() == folder.size() || path[folder.size()] == '/'));
}

/// Where symbolic links lead; the path itself when it doesn't exist.
std::string resolved(const std::string& path) {
    const std::unique_ptr<char, Free> real{::realpath(path.c_str(), nullptr)};
    return real != nullptr ? std::string{real.get()} : path;
}

std::optional<struct stat> status_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? std::optional{status} : std::nullopt;
}

/// What systemd takes for nothing in a folder: hidden files, and what editors and package managers
/// leave beside others.
bool is_hidden_or_backup(std::string_view name) {
    constexpr auto kEndings = std::to_array<std::string_view>(
        {"rpmnew", "rpmsave", "rpmorig", "dpkg-old", "dpkg-new", "dpkg-tmp", "dpkg-dist",
         "dpkg-bak", "dpkg-backup", "dpkg-remove", "ucf-new", "ucf-old", "ucf-dist", "swp", "bak",
         "old", "new"});
    if (name.starts_with('.') || name.ends_with('~') || name == "lost+found" ||
        name == "aquota.user" || name == "aquota.group") {
        return true;
    }
    const std::size_t dot = name.rfind('.');
    return dot != std::string_view::npos &&
           std::find(kEndings.begin(), kEndings.end(), name.substr(dot + 1)) != kEndings.end();
}

}  // namespace

Verdict path_exists(const std::string& path, const ConditionView& view) {
    return ::access((view.root + path).c_str(), F_OK) == 0;
}

Verdict path_exists_glob(const std::string& pattern, const ConditionView& view) {
    glob_t found{};
    const int status =
        ::glob((view.root + pattern).c_str(), GLOB_NOSORT | GLOB_BRACE, nullptr, &found);
    const bool any = status == 0 && found.gl_pathc > 0;
    ::globfree(&found);
    return any;
}

Verdict path_is_directory(const std::string& path, const ConditionView& view) {
    const auto status = status_of(view.root + path);
    return status && S_ISDIR(status->st_mode);
}

Verdict path_is_symbolic_link(const std::string& path, const ConditionView& view) {
    struct stat status {};
    return ::lstat((view.root + path).c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

Verdict path_is_mount_point(const std::string& path, const ConditionView& view) {
    struct statx status {};
    return ::statx(AT_FDCWD, (view.root + path).c_str(), AT_NO_AUTOMOUNT, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Verdict path_is_read_write(const std::string& path, const ConditionView& view) {
    const std::string whole = view.root + path;
    struct statvfs facts {};
    if (::statvfs(whole.c_str(), &facts) != 0 || (facts.f_flag & ST_RDONLY) != 0) {
        return false;
    }
    // NFS says it only to those who try.
    return ::access(whole.c_str(), W_OK) == 0 || errno != EROFS;
}

Verdict directory_not_empty(const std::string& path, const ConditionView& view) {
    const auto names = names_in(view.root + path);
    return names && !std::all_of(names->begin(), names->end(), is_hidden_or_backup);
}

Verdict file_not_empty(const std::string& path, const ConditionView& view) {
    const auto status = status_of(view.root + path);
    return status && S_ISREG(status->st_mode) && status->st_size > 0;
}

Verdict file_is_executable(const std::string& path, const ConditionView& view) {
    const auto status = status_of(view.root + path);
    return status && S_ISREG(status->st_mode) && (status->st_mode & 0111) != 0;
}

Verdict mounts_for(const std::string& path, const ConditionView& view) {
    const std::vector<std::string> mounted = mount_points_in(view.root + "/proc/self/mounts");
    const auto is_mounted = [&](const std::string& point) {
        return std::find(mounted.begin(), mounted.end(), point) != mounted.end();
    };
    for (std::string point : mount_points_in(view.root + "/etc/fstab")) {
        while (point.size() > 1 && point.ends_with('/')) {
            point.pop_back();
        }
        const bool is_on_the_way = point.starts_with('/') && point != "/" && is_within(path, point);
        if (is_on_the_way && !is_mounted(point) && !is_mounted(resolved(point))) {
            return false;
        }
    }
    return true;
}

}  // namespace svcd
