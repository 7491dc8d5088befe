#include "linux/freezer.h"

#include <fcntl.h>

#include "core/types/text_scan.h"
#include "linux/cgroup_mount.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr std::size_t kCgroupFileMax = 64 * 1024;  // a dozen paths of PATH_MAX each
constexpr std::size_t kMountinfoMax = 1024 * 1024;

std::string read_path(const std::string& path, std::size_t limit) {
    Result<std::string> text = read_file_at(AT_FDCWD, path.c_str(), limit);
    return text ? std::move(*text) : std::string{};
}

}  // namespace

std::string_view parse_freezer_cgroup(std::string_view text) {
    while (!text.empty()) {
        // "6:freezer:/jail"
        std::string_view line = take_field(text, '\n');
        take_field(line, ':');
        if (is_in_list(take_field(line, ':'), "freezer")) {
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
    const std::string point =
        find_v1_mount(read_path("/proc/self/mountinfo", kMountinfoMax), "freezer");
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
