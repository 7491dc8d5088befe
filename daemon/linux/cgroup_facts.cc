// What a CgroupTree reads and writes of cgroups that exist: memory, CPU time, frozen or not.
#include <unistd.h>

#include <charconv>
#include <optional>

#include "linux/cgroup_impl.h"
#include "linux/procfs.h"
#include "linux/read_file.h"

namespace svcd {

std::string_view CgroupTree::kind_for(std::string_view /*unit*/) const {
    return "cgroup";
}

Result<std::string> CgroupTree::place_of(Pid pid) const {
    return cgroup_of(pid);
}

std::string CgroupTree::describe(std::string_view cgroup_path) const {
    return "it is in the cgroup " + std::string{cgroup_path};
}

/// Of several folders that could be the root, because it is a slice itself, the one where a svcd is
/// or was.
std::optional<std::string> CgroupTree::other_root_of(std::string_view cgroup_path,
                                                     std::string_view unit) const {
    if (unit_of(cgroup_path) == unit) {
        return std::nullopt;
    }
    std::optional<std::string> first;
    for (std::size_t slash = 0; slash != std::string_view::npos;
         slash = cgroup_path.find('/', slash + 1)) {
        if (unit_in_folder(cgroup_path.substr(slash + 1)) != unit) {
            continue;
        }
        const std::string root{slash == 0 ? "/" : cgroup_path.substr(0, slash)};
        const std::optional<std::string> folder = impl_->mount.folder_of(root);
        if (folder && ::access(join_paths(*folder, kScope).c_str(), F_OK) == 0) {
            return root;
        }
        if (!first) {
            first = root;
        }
    }
    return first;
}

bool CgroupTree::take_oom_kill(std::string_view unit) {
    const auto entry = impl_->units.find(std::string{unit});
    return impl_->counts_memory && entry != impl_->units.end() &&
           entry->second.oom.has_grown(impl_->open_unit(unit).get());
}

Result<void> CgroupTree::kill_whole_on_oom(std::string_view unit, bool whole) {
    const auto entry = impl_->units.find(std::string{unit});
    if (!impl_->counts_memory || entry == impl_->units.end() ||
        entry->second.is_killed_whole == whole) {
        return {};
    }
    auto written = write_file_at(
        impl_->root.get(), impl_->file_of(unit, "memory.oom.group").c_str(), whole ? "1" : "0");
    if (!written) {
        written.error().subject = path_of(unit) + "/memory.oom.group";
        return written;
    }
    entry->second.is_killed_whole = whole;
    return {};
}

Result<void> CgroupTree::thaw(std::string_view unit) const {
    auto thawed =
        write_file_at(impl_->root.get(), impl_->file_of(unit, "cgroup.freeze").c_str(), "0");
    if (thawed || impl_->is_absent(unit, thawed.error().error_number)) {
        return {};  // no such cgroup, or a kernel that can't freeze it
    }
    return thawed;
}

bool CgroupTree::is_frozen(std::string_view unit) const {
    const Result<std::string> text =
        read_file_at(impl_->root.get(), impl_->file_of(unit, "cgroup.events").c_str(), kSmallFile);
    return text && text->find("frozen 1") != std::string::npos;
}

std::string CgroupTree::frozen_cgroup(std::string_view unit) const {
    constexpr std::size_t kDepthMax = 64;
    std::string file = impl_->file_of(unit, "cgroup.freeze");
    std::string cgroup = path_of(unit);
    for (std::size_t depth = 0; depth < kDepthMax && cgroup.size() > 1; ++depth) {
        const Result<std::string> text = read_file_at(impl_->root.get(), file.c_str(), kSmallFile);
        if (!text || text->starts_with('1')) {
            return text ? cgroup : std::string{};
        }
        file.insert(file.rfind('/') + 1, "../");
        cgroup.resize(std::max<std::size_t>(cgroup.rfind('/'), 1));
    }
    return {};
}

std::optional<Duration> CgroupTree::throttled(std::string_view unit) const {
    return impl_->counts_cpu ? impl_->cpu_stat(unit, "throttled_usec ") : std::nullopt;
}

std::optional<Duration> CgroupTree::cpu_time(std::string_view unit) const {
    return impl_->cpu_stat(unit, "usage_usec ");
}

std::optional<Duration> CgroupTree::Impl::cpu_stat(std::string_view unit,
                                                   std::string_view name) const {
    const Result<std::string> text =
        read_file_at(root.get(), file_of(unit, "cpu.stat").c_str(), kSmallFile);
    const std::size_t at = text ? text->find(name) : std::string::npos;
    if (at == std::string::npos) {
        return std::nullopt;
    }
    Duration::rep usec = 0;
    std::from_chars(text->data() + at + name.size(), text->data() + text->size(), usec);
    return Duration{usec};
}

bool CgroupTree::counts_memory() const {
    return impl_->counts_memory;
}

std::optional<std::uint64_t> CgroupTree::memory(std::string_view unit) const {
    if (!impl_->counts_memory) {
        return std::nullopt;
    }
    const Result<std::string> text =
        read_file_at(impl_->root.get(), impl_->file_of(unit, "memory.current").c_str(), kSmallFile);
    std::uint64_t bytes = 0;
    const bool is_number =
        text && std::from_chars(text->data(), text->data() + text->size(), bytes).ec == std::errc{};
    return is_number ? std::optional{bytes} : std::nullopt;
}

}  // namespace svcd
