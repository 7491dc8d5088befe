#include "unitfile/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

namespace svcd {
namespace {

FolderEntry entry_of(int folder, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) {
        return {entry.d_name, entry.d_type == DT_LNK, entry.d_type == DT_DIR};
    }
    struct stat status {};
    const bool is_known = ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    return {entry.d_name, is_known && S_ISLNK(status.st_mode), is_known && S_ISDIR(status.st_mode)};
}

}  // namespace

void for_each_entry(const std::string& folder,
                    const std::function<bool(const FolderEntry& entry)>& visit,
                    const std::function<void(int error)>& fail) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        fail(errno);
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(fd), ::closedir};
    if (stream == nullptr) {
        fail(errno);
        ::close(fd);
        return;
    }
    std::vector<FolderEntry> entries;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr) {
            if (errno != 0) {
                fail(errno);
            }
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        entries.push_back(entry_of(fd, *entry));
        if (entries.size() > kUnitFilesMax) {
            break;  // the visitor's own count says so
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
    for (const FolderEntry& entry : entries) {
        if (!visit(entry)) {
            return;
        }
    }
}

std::string link_target(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    return length <= 0 ? std::string{}
                       : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string_view folder_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_same_folder(const std::string& one, const std::string& other) {
    if (one == other) {
        return true;
    }
    struct stat first {};
    struct stat second {};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace svcd
