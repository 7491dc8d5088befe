#include "linux/freezer.h"

#include <fcntl.h>

#include <algorithm>

#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr std::size_t kCgroupFileMax = 64 * 1024;  // a dozen paths of PATH_MAX each
constexpr std::size_t kMountinfoMax = 1024 * 1024;

std::string read_path(const std::string& path, std::size_t limit) {
    Result<std::string> text = read_file_at(AT_FDCWD, path.c_str(), limit);
    return text ? std::move(*text) : std::string{};
}

std::string_view next_of(std::string_view& rest, char separator) {
    const std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

/// Is the word one of those that commas part?
bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        if (next_of(list, ',') == word) {
            return true;
        }
    }
    return false;
}

/// Where the freezer's hierarchy is mounted as a whole; "" where it is not.
std::string mount_point() {
    const std::string text = read_path("/proc/self/mountinfo", kMountinfoMax);
    std::string_view lines = text;
    while (!lines.empty()) {
        // "36 31 0:31 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer"
        std::string_view line = next_of(lines, '\n');
        const std::size_t dash = line.find(" - cgroup ");
        if (dash == std::string_view::npos ||
            !has_word(line.substr(line.rfind(' ') + 1), "freezer")) {
            continue;
        }
        next_of(line, ' ');
        next_of(line, ' ');
        next_of(line, ' ');
        const std::string_view root = next_of(line, ' ');
        const std::string_view point = next_of(line, ' ');
        if (root == "/") {
            return std::string{point};
        }
    }
    return {};
}

}  // namespace

std::string_view parse_freezer_cgroup(std::string_view text) {
    while (!text.empty()) {
        // "6:freezer:/jail"
        std::string_view line = next_of(text, '\n');
        next_of(line, ':');
        if (has_word(next_of(line, ':'), "freezer")) {
            return line;
        }
    }
    return {};
}

std::string freezer_of(Pid pid) {
    const std::string text = read_path("/proc/" + std::to_string(pid) + "/cgroup", kCgroupFileMax);
    std::string cgroup{parse_freezer_cgroup(text)};
    if (cgroup.size() <= 1) {
        return {};  // the root can't be frozen
    }
    const std::string point = mount_point();
    if (point.empty() || read_path(point + cgroup + "/freezer.state", kSmallFile) != "FROZEN\n") {
        return {};
    }
    while (cgroup.rfind('/') > 0 &&
           read_path(point + cgroup + "/freezer.self_freezing", kSmallFile) != "1\n") {
        cgroup.resize(cgroup.rfind('/'));
    }
    return point + cgroup;
}

}  // namespace svcd
