#include "linux/cgroup_mount.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/types/text_scan.h"

namespace svcd {
namespace {

/// mountinfo writes blanks, tabs, newlines and backslashes as octal escapes.
std::string unescape_mountinfo(std::string_view field) {
    std::string text;
    for (std::size_t at = 0; at < field.size(); ++at) {
        const auto digit = [&](std::size_t place) { return field[at + place] - '0'; };
        if (field[at] == '\\' && at + 3 < field.size()) {
            text += static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3));
            at += 3;
        } else {
            text += field[at];
        }
    }
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        parts.push_back(take_field(text, separator));
    }
    return parts;
}

/// A line of mountinfo, "31 23 0:28 / /sys/fs/cgroup rw,relatime [shared:1 ...] - cgroup2 cgroup2
/// rw".
struct MountLine {
    std::string root;
    std::string point;
    std::string_view type;
    std::string_view options;  ///< of the file system
};

std::optional<MountLine> parse_mount(std::string_view line) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || dash == fields.end() || dash + 1 == fields.end()) {
        return std::nullopt;
    }
    return MountLine{unescape_mountinfo(fields[3]), unescape_mountinfo(fields[4]), dash[1],
                     fields.back()};
}

/// `path` below `base`, with its leading '/'; "" when they are the same.
std::optional<std::string_view> below(std::string_view path, std::string_view base) {
    if (base == "/") {
        return path == "/" ? std::string_view{} : path;
    }
    if (!path.starts_with(base) || (path.size() > base.size() && path[base.size()] != '/')) {
        return std::nullopt;
    }
    return path.substr(base.size());
}

}  // namespace

std::optional<std::string> CgroupMount::folder_of(std::string_view cgroup) const {
    const std::optional<std::string_view> rest = below(cgroup, root);
    if (!rest) {
        return std::nullopt;
    }
    return point + std::string{*rest};
}

std::optional<std::string> CgroupMount::cgroup_at(std::string_view folder) const {
    const std::optional<std::string_view> rest = below(folder, point);
    if (!rest) {
        return std::nullopt;
    }
    const std::string cgroup = (root == "/" ? "" : root) + std::string{*rest};
    return cgroup.empty() ? "/" : cgroup;
}

std::optional<CgroupMount> find_cgroup_mount(std::string_view mountinfo, std::string_view own) {
    std::optional<CgroupMount> best;
    for (const std::string_view line : split(mountinfo, '\n')) {
        std::optional<MountLine> found = parse_mount(line);
        if (!found || found->type != "cgroup2") {
            continue;
        }
        CgroupMount mount{std::move(found->point), std::move(found->root)};
        const bool shows_own = mount.folder_of(own).has_value();
        if (shows_own && (!best || mount.root.size() < best->root.size())) {
            best = std::move(mount);
        }
    }
    return best;
}

std::string find_v1_mount(std::string_view mountinfo, std::string_view controller) {
    for (const std::string_view line : split(mountinfo, '\n')) {
        std::optional<MountLine> found = parse_mount(line);
        if (found && found->type == "cgroup" && found->root == "/" &&
            is_in_list(found->options, controller)) {
            return std::move(found->point);
        }
    }
    return {};
}

bool is_in_list(std::string_view list, std::string_view word) {
    const std::vector<std::string_view> words = split(list, ',');
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string escape_cgroup_name(std::string_view unit) {
    static constexpr auto kTaken = std::to_array<std::string_view>(
        {"cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids",
         "hugetlb", "rdma", "misc", "dmem", "perf_event", "freezer", "net_cls", "net_prio"});
    const std::string_view prefix = unit.substr(0, unit.find('.'));
    const bool has_suffix = prefix.size() != unit.size();
    const bool is_taken =
        has_suffix && std::find(kTaken.begin(), kTaken.end(), prefix) != kTaken.end();
    const bool is_escape = unit.starts_with('_') || unit.starts_with('.');
    const bool is_v1_file =
        unit == "tasks" || unit == "notify_on_release" || unit == "release_agent";
    return (is_taken || is_escape || is_v1_file ? "_" : "") + std::string{unit};
}

std::string_view unescape_cgroup_name(std::string_view name) {
    return name.starts_with('_') ? name.substr(1) : name;
}

}  // namespace svcd
