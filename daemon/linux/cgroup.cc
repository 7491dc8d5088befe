#include "linux/cgroup.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "linux/cgroup_folder.h"
#include "linux/cgroup_impl.h"
#include "linux/procfs.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr std::size_t kMountinfoMax = 4 * 1024 * 1024;
constexpr std::size_t kEventsAtOnce = 64;
/// A name of 255 bytes has no more dashes.
constexpr int kSliceDepthMax = 128;

/// Never used twice in the cgroup file system. 0: unknown.
std::uint64_t inode_of(const UniqueFd& folder) {
    struct stat facts {};
    return ::fstat(folder.get(), &facts) == 0 ? facts.st_ino : 0;
}

}  // namespace

/// Makes a slice's folder and those above it, with the root's controllers in each.
Result<void> CgroupTree::Impl::make_slice(const std::string& folder) const {
    for (std::size_t end = folder.find('/'); true; end = folder.find('/', end + 1)) {
        const std::string part = folder.substr(0, end);
        const Result<UniqueFd> made = make_path(root, part);
        if (!made) {
            return Failure{made.error()};
        }
        for (const std::string& controller : controllers) {
            if (auto enabled =
                    write_file_at(made->get(), "cgroup.subtree_control", "+" + controller);
                !enabled) {
                enabled.error().subject = part + "/cgroup.subtree_control";
                return enabled;
            }
        }
        if (end == std::string::npos) {
            return {};
        }
    }
}

Result<void> CgroupTree::Impl::make_unit(const std::string& folder) const {
    const auto make = [&] { return ::mkdirat(root.get(), folder.c_str(), 0755) == 0 ? 0 : errno; };
    int why = make();
    if (why == ENOENT) {
        const std::size_t slash = folder.rfind('/');
        if (auto above = make_slice(slash == std::string::npos ? "." : folder.substr(0, slash));
            !above) {
            return above;
        }
        why = make();
    } else if (why == EEXIST && ::unlinkat(root.get(), folder.c_str(), AT_REMOVEDIR) == 0) {
        why = make();  // a manager before this one may have killed what was in it, see ensure()
    }
    if (why != 0 && why != EEXIST) {
        return failure(why, "mkdir", join_paths(root_path, folder) + " in the cgroup file system");
    }
    return {};
}

/// Units of a manager before this one, that are in other slices than the usual one.
void CgroupTree::Impl::find_placed(const std::string& folder, int depth) {
    const UniqueFd open = open_folder(root.get(), folder.c_str());
    if (!open || depth == 0) {
        return;
    }
    const std::string_view slice =
        folder == "." ? kRootSlice : std::string_view{folder}.substr(folder.rfind('/') + 1);
    for (const std::string& inner : folders_in(open.get())) {
        const std::string_view unit = unit_in_folder(inner);
        if (inner.ends_with(kSliceSuffix)) {
            find_placed(folder == "." ? inner : folder + "/" + inner, depth - 1);
        } else if (folder != places.usual() && !unit.empty()) {
            places.put(std::string{unit}, slice);
        }
    }
}

/// Those that are empty, deepest first.
void CgroupTree::Impl::remove_slices(int folder, int depth) const {
    if (depth == 0) {
        return;
    }
    for (const std::string& name : folders_in(folder)) {
        if (!name.ends_with(kSliceSuffix)) {
            continue;
        }
        if (const UniqueFd inner = open_folder(folder, name.c_str())) {
            remove_slices(inner.get(), depth - 1);
        }
        ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
    }
}

Result<bool> CgroupTree::Impl::is_populated(const std::string& unit) const {
    const Result<std::string> text =
        read_file_at(root.get(), file_of(unit, "cgroup.events").c_str(), kSmallFile);
    if (!text) {
        const int why = text.error().error_number;
        if (is_absent(unit, why)) {
            return false;
        }
        return Failure{text.error()};
    }
    return text->find("populated 1") != std::string::npos;
}

Result<int> CgroupTree::Impl::watch(const std::string& folder, const char* file) const {
    const std::string path = mount.folder_of(root_path).value_or("") + "/" + folder + "/" + file;
    const int result = ::inotify_add_watch(inotify.get(), path.c_str(), IN_MODIFY);
    if (result < 0) {
        return failure(errno, "inotify_add_watch", path,
                       errno == ENOSPC ? "raise fs.inotify.max_user_watches" : "");
    }
    return result;
}

Result<void> CgroupTree::Impl::watch_unit(const std::string& name,
                                          const std::string& folder,
                                          Unit& unit) {
    const Result<int> events = watch(folder, "cgroup.events");
    if (!events) {
        return Failure{events.error()};
    }
    unit.watch = *events;
    watches[*events] = &name;
    if (counts_memory) {
        const Result<int> memory = watch(folder, "memory.events");
        if (!memory) {
            return Failure{memory.error()};
        }
        unit.memory_watch = *memory;
        watches[*memory] = &name;
        unit.oom.start(open_folder(root.get(), folder.c_str()).get());
    }
    return {};
}

void CgroupTree::Impl::forget_watches(const Unit& unit) {
    for (const int watch : {unit.watch, unit.memory_watch}) {
        if (watch >= 0) {
            ::inotify_rm_watch(inotify.get(), watch);
            watches.erase(watch);
        }
    }
}

CgroupTree::CgroupTree() : impl_(std::make_unique<Impl>()) {}
CgroupTree::CgroupTree(CgroupTree&&) noexcept = default;
CgroupTree& CgroupTree::operator=(CgroupTree&&) noexcept = default;
CgroupTree::~CgroupTree() = default;

Result<CgroupTree> CgroupTree::open(std::string_view root, std::string_view slice) {
    const Result<std::string> own = cgroup_of(::getpid());
    const Result<std::string> mountinfo =
        read_file_at(AT_FDCWD, "/proc/self/mountinfo", kMountinfoMax);
    if (!own || !mountinfo) {
        return Failure{own ? mountinfo.error() : own.error()};
    }
    std::optional<CgroupMount> mount = find_cgroup_mount(*mountinfo, *own);
    if (!mount) {
        return failure(0, "find the cgroup v2 file system", "in /proc/self/mountinfo",
                       "none is mounted that shows our own cgroup " + *own +
                           ": mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    }
    std::string wanted{root};
    if (wanted.empty()) {
        wanted = *own;
        const std::size_t last = wanted.rfind('/');
        if (std::string_view{wanted}.substr(last + 1) == kScope) {
            wanted.resize(std::max<std::size_t>(last, 1));
        }
    } else if (const std::optional<std::string> cgroup = mount->cgroup_at(wanted)) {
        wanted = *cgroup;
    }
    while (wanted.size() > 1 && wanted.back() == '/') {
        wanted.pop_back();
    }
    const std::optional<std::string> folder = mount->folder_of(wanted);
    if (wanted.front() != '/' || !folder) {
        return failure(EINVAL, "use the cgroup", wanted,
                       "give a path like /svcd, or one below " + mount->point);
    }

    CgroupTree tree;
    Impl& impl = *tree.impl_;
    const UniqueFd base{::open(mount->point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!base) {
        return failure(errno, "open", mount->point);
    }
    Result<UniqueFd> root_fd =
        make_path(base, std::string_view{*folder}.substr(mount->point.size()));
    if (!root_fd) {
        return Failure{root_fd.error()};
    }
    if (const Result<UniqueFd> slice_fd = make_path(*root_fd, slice); !slice_fd) {
        return Failure{slice_fd.error()};
    }
    impl.inotify.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!impl.inotify) {
        return failure(errno, "inotify_init1", {},
                       errno == EMFILE ? "raise fs.inotify.max_user_instances" : "");
    }
    impl.root = std::move(*root_fd);
    impl.places = CgroupPlaces{slice};
    impl.root_path = wanted;
    impl.mount = std::move(*mount);
    impl.find_placed(".", kSliceDepthMax);
    tree.root_ = std::move(wanted);
    return tree;
}

Result<void> CgroupTree::settle(const std::vector<Pid>& own_processes) {
    Impl& impl = *impl_;
    Result<UniqueFd> scope = make_path(impl.root, kScope);
    if (!scope) {
        return Failure{scope.error()};
    }
    impl.scope = std::move(*scope);
    const std::string scope_path = join_paths(root_, kScope);
    for (const Pid pid : own_processes) {
        // Moving costs milliseconds; a manager that follows another is there already.
        const Result<std::string> now = cgroup_of(pid);
        if (now && *now == scope_path) {
            continue;
        }
        auto moved = write_file_at(impl.scope.get(), "cgroup.procs", std::to_string(pid));
        if (!moved && moved.error().error_number != ESRCH) {
            moved.error().subject = std::to_string(pid) + " to " + scope_path + "/cgroup.procs";
            return moved;
        }
    }
    unavailable_.clear();
    const Result<std::string> controllers =
        read_file_at(impl.root.get(), "cgroup.controllers", kSmallFile);
    if (!controllers) {
        return Failure{controllers.error()};
    }
    std::string_view rest = *controllers;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
        const std::string name{rest.substr(0, end)};
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (name.empty()) {
            continue;
        }
        // One at a time: in one write, a controller that can't be enabled would take the others
        // with it.
        auto enabled = write_file_at(impl.root.get(), "cgroup.subtree_control", "+" + name);
        if (enabled) {
            const std::string file = impl.places.usual() + "/cgroup.subtree_control";
            enabled = write_file_at(impl.root.get(), file.c_str(), "+" + name);
        }
        if (enabled) {
            impl.controllers.push_back(name);
            impl.counts_memory |= name == "memory";
            impl.counts_cpu |= name == "cpu";
        } else {
            const int why = enabled.error().error_number;
            unavailable_.push_back(name + ": " +
                                   (why == EBUSY
                                        ? "processes that aren't svcd's are in the cgroup " + root_
                                        : std::string{std::strerror(why)}));
        }
    }
    return {};
}

std::string CgroupTree::root_folder() const {
    return impl_->mount.folder_of(root_).value_or("");
}

Result<int> CgroupTree::own_cgroup() const {
    if (!impl_->scope) {
        return failure(ENOENT, "use the cgroup", join_paths(root_, kScope));
    }
    return impl_->scope.get();
}

std::string CgroupTree::path_of(std::string_view unit) const {
    const std::string folder = impl_->places.folder_of(unit);
    return folder == "." ? root_ : join_paths(root_, folder);
}

std::string_view CgroupTree::unit_of(std::string_view cgroup_path) const {
    const std::size_t length = root_ == "/" ? 0 : root_.size();
    if (!cgroup_path.starts_with(root_) || cgroup_path.size() <= length ||
        cgroup_path[length] != '/') {
        return {};
    }
    return unit_in_folder(cgroup_path.substr(length + 1));
}

Result<UniqueFd> CgroupTree::ensure(std::string_view unit, std::string_view slice) {
    Impl& impl = *impl_;
    const auto killed = impl.units.find(std::string{unit});
    if (killed != impl.units.end() && killed->second.was_killed) {
        // A kernel since 6.16 kills at birth what is cloned into a cgroup that has ever had its
        // cgroup.kill written (it compares the count of the parent's cgroup with that of the new
        // one): a new cgroup takes its place.
        if (auto removed = remove(unit); !removed) {
            const Result<bool> populated = impl.is_populated(std::string{unit});
            removed.error().detail =
                populated && !*populated
                    ? "there are more than " + std::to_string(kCgroupsBelowMax) +
                          " cgroups below it, which its processes made: remove them"
                    : "processes that survived SIGKILL are in it";
            return Failure{std::move(removed.error())};
        }
    }
    const auto [entry, is_new] = impl.units.try_emplace(std::string{unit});
    if (!is_new) {
        UniqueFd there = impl.open_unit(unit);
        struct stat facts {};
        if (there && ::fstat(there.get(), &facts) == 0 && facts.st_ino == entry->second.inode) {
            // What its last life has made below it would be in the way of the next.
            const bool has_folders = facts.st_nlink > 2;
            if (has_folders && !impl.is_populated(entry->first).value_or(true)) {
                remove_below(there.get());
            }
            return there;
        }
        impl.forget_watches(entry->second);  // it was removed behind our back
        entry->second = Impl::Unit{};
    }
    const auto give_up = [&impl, entry = entry](Error error) {
        impl.forget_watches(entry->second);
        impl.units.erase(entry);
        return Failure{std::move(error)};
    };
    // What its last run left over keeps its cgroup, also when the unit is to be in another slice.
    if (!slice.empty() && !impl.places.is_in(entry->first, slice) && !impl.open_unit(unit)) {
        impl.places.put(entry->first, slice);
    }
    const std::string folder = impl.places.folder_of(unit);
    if (auto is_there = impl.make_unit(folder); !is_there) {
        if (is_there.error().error_number != ENOMEM) {  // who finds it there already says EEXIST
            impl.never_made.insert(std::string{unit});
        }
        return give_up(std::move(is_there.error()));
    }
    impl.never_made.erase(std::string{unit});
    UniqueFd made = open_folder(impl.root.get(), folder.c_str());
    if (!made) {
        return give_up(Error{errno, "open the cgroup", path_of(unit), {}});
    }
    if (auto watched = impl.watch_unit(entry->first, folder, entry->second); !watched) {
        return give_up(std::move(watched.error()));
    }
    entry->second.inode = inode_of(made);
    return made;
}

Result<void> CgroupTree::remove(std::string_view unit) {
    Impl& impl = *impl_;
    const std::string folder = impl.places.folder_of(unit);
    int why = ::unlinkat(impl.root.get(), folder.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
    if (why == EBUSY) {
        const Result<bool> populated = impl.is_populated(std::string{unit});
        if (populated && !*populated) {
            if (const UniqueFd open = impl.open_unit(unit)) {
                remove_below(open.get());
            }
            why = ::unlinkat(impl.root.get(), folder.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
        }
    }
    if (why != 0 && !impl.is_absent(unit, why)) {
        return failure(why, "remove the cgroup", path_of(unit));
    }
    if (const auto entry = impl.units.find(std::string{unit}); entry != impl.units.end()) {
        impl.forget_watches(entry->second);
        impl.units.erase(entry);
    }
    impl.never_made.erase(std::string{unit});
    impl.places.forget(std::string{unit});
    return {};
}

void CgroupTree::remove_slices() {
    impl_->remove_slices(impl_->root.get(), kSliceDepthMax);
}

Result<bool> CgroupTree::is_populated(std::string_view unit) const {
    return impl_->is_populated(std::string{unit});
}

Result<std::vector<Pid>> CgroupTree::processes(std::string_view unit, std::size_t limit) const {
    std::vector<Pid> pids;
    const UniqueFd folder = impl_->open_unit(unit);
    if (!folder && !impl_->is_absent(unit, errno)) {
        return failure(errno, "open the cgroup", path_of(unit));
    }
    if (folder) {
        if (auto collected = collect_processes(folder.get(), limit, pids); !collected) {
            collected.error().subject = path_of(unit) + "/cgroup.procs";
            return Failure{collected.error()};
        }
    }
    return pids;
}

Result<void> CgroupTree::kill(std::string_view unit) {
    const UniqueFd folder = impl_->open_unit(unit);
    if (!folder) {
        if (!impl_->is_absent(unit, errno)) {
            return failure(errno, "open the cgroup", path_of(unit));
        }
        return {};
    }
    if (const auto entry = impl_->units.find(std::string{unit}); entry != impl_->units.end()) {
        entry->second.was_killed = true;
    }
    auto killed = kill_processes(folder.get(), look_for(unit));
    if (!killed) {
        killed.error().subject = path_of(unit);
    }
    return killed;
}

/// Of a slice also those in the units below it.
std::function<std::optional<bool>(Pid)> CgroupTree::look_for(std::string_view unit) const {
    const std::string whole = path_of(unit);
    return [path = whole == "/" ? std::string{} : whole](Pid pid) -> std::optional<bool> {
        const Result<std::string> cgroup = cgroup_of(pid);
        if (!cgroup) {
            return std::nullopt;
        }
        return cgroup->starts_with(path) &&
               (cgroup->size() == path.size() || (*cgroup)[path.size()] == '/');
    };
}

Result<std::size_t> CgroupTree::signal(std::string_view unit,
                                       const std::vector<int>& signals,
                                       std::vector<Pid>& reached,
                                       const std::vector<Pid>& except,
                                       std::optional<std::int32_t> value) const {
    const UniqueFd folder = impl_->open_unit(unit);
    if (!folder) {
        return impl_->is_absent(unit, errno) ? Result<std::size_t>{0}
                                             : failure(errno, "open the cgroup", path_of(unit));
    }
    auto sent = signal_processes(folder.get(), signals, except, reached, value, look_for(unit));
    if (!sent) {
        sent.error().subject += " of " + std::string{unit};
    }
    return sent;
}

int CgroupTree::watch_fd() const {
    return impl_->inotify.get();
}

void CgroupTree::dispatch(const std::function<void(std::string_view unit)>& emptied,
                          const std::function<void(std::string_view unit)>& oom_killed) {
    Impl& impl = *impl_;
    // Watches of files report no names, so each event has the size of the bare struct.
    alignas(inotify_event) std::array<char, kEventsAtOnce * sizeof(inotify_event)> buffer;
    const ssize_t size = ::read(impl.inotify.get(), buffer.data(), buffer.size());
    std::vector<std::string> changed;
    for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof(event));
        at += static_cast<ssize_t>(sizeof(event) + event.len);
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
            changed.clear();
            for (const auto& [name, unit] : impl.units) {
                changed.push_back(name);
            }
            break;
        }
        const auto watch = impl.watches.find(event.wd);
        if (watch != impl.watches.end() && (event.mask & IN_MODIFY) != 0) {
            changed.push_back(*watch->second);
        }
    }
    // Names, not iterators: what is called may remove the unit's cgroup.
    for (const std::string& unit : changed) {
        if (take_oom_kill(unit)) {
            oom_killed(unit);
        }
        const Result<bool> populated = impl.is_populated(unit);
        if (populated && !*populated) {
            emptied(unit);
        }
    }
}

std::vector<std::string> CgroupTree::existing_units() const {
    const Impl& impl = *impl_;
    std::vector<std::string> units;
    if (const UniqueFd slice = open_folder(impl.root.get(), impl.places.usual().c_str())) {
        for (const std::string& name : folders_in(slice.get())) {
            if (!name.ends_with(kSliceSuffix)) {
                units.emplace_back(unescape_cgroup_name(name));
            }
        }
    }
    for (const auto& [unit, slice] : impl.places.elsewhere()) {
        units.push_back(unit);
    }
    return units;
}

}  // namespace svcd
