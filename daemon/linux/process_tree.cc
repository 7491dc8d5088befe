#include "linux/process_tree.h"

#include <dirent.h>
#include <fcntl.h>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "linux/procfs.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr std::size_t kChildrenFileMax = 1024 * 1024;
constexpr int kLooks = 4;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Pid number_in(std::string_view text) {
    Pid number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

/// Calls `each` with the numbers among the names in a folder.
template <typename Each>
void for_numbers_in(const std::string& path, Each each) {
    const Folder folder{::opendir(path.c_str())};
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (const Pid number = number_in(entry->d_name)) {
            each(number);
        }
    }
}

void add_numbers(std::string_view text, std::vector<Pid>& numbers) {
    while (!text.empty()) {
        const std::size_t blank = text.find(' ');
        if (const Pid number = number_in(text.substr(0, blank))) {
            numbers.push_back(number);
        }
        text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    }
}

bool has_children_files() {
    static const bool has =
        read_file_at(AT_FDCWD, "/proc/thread-self/children", kChildrenFileMax).has_value();
    return has;
}

std::vector<Pid> children_by_parent(Pid parent) {
    std::vector<Pid> children;
    for_numbers_in("/proc", [&](Pid pid) {
        if (const Result<ProcessInfo> info = process_info(pid); info && info->parent == parent) {
            children.push_back(pid);
        }
    });
    return children;
}

/// All of its threads have ended, and it waits to be reaped.
bool is_zombie(Pid pid) {
    const Result<ProcessInfo> info = process_info(pid);
    return !info || ((info->state == 'Z' || info->state == 'X') && info->threads <= 1);
}

}  // namespace

std::vector<Pid> children_of(Pid pid) {
    if (!has_children_files()) {
        return children_by_parent(pid);
    }
    std::vector<Pid> children;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    for_numbers_in(tasks, [&](Pid thread) {
        const std::string path = tasks + "/" + std::to_string(thread) + "/children";
        if (const auto text = read_file_at(AT_FDCWD, path.c_str(), kChildrenFileMax)) {
            add_numbers(*text, children);
        }
    });
    return children;
}

std::vector<Pid> with_descendants(const std::vector<Pid>& roots, std::size_t limit) {
    std::vector<Pid> found;
    std::unordered_set<Pid> seen;
    const auto add = [&](Pid pid) {
        if (found.size() < limit && seen.insert(pid).second) {
            found.push_back(pid);
        }
    };
    for (const Pid root : roots) {
        add(root);
    }
    for (int look = 0; look < kLooks; ++look) {
        const std::size_t before = found.size();
        for (std::size_t index = 0; index < found.size(); ++index) {
            for (const Pid child : children_of(found[index])) {
                add(child);
            }
        }
        if (found.size() == before) {
            break;
        }
    }
    std::erase_if(found, is_zombie);
    return found;
}

}  // namespace svcd
