#include "linux/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "linux/cgroup_mount.h"
#include "linux/procfs.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

/// What a service may nest below its own cgroup and still be cleaned up.
constexpr int kDepthMax = 16;
constexpr std::size_t kMountinfoMax = 4 * 1024 * 1024;
/// Enough for a cgroup of 65536 processes.
constexpr std::size_t kProcsMax = 1024 * 1024;
constexpr std::size_t kEventsAtOnce = 64;
/// Looks at cgroup.procs while signals go out: each finds those that were forked since the one
/// before.
constexpr int kSignalRounds = 4;
/// The same without cgroup.kill, where nothing else ends it.
constexpr int kKillRounds = 64;
constexpr std::string_view kScope = "svcd.scope";

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The names of the folders in an open folder.
std::vector<std::string> folders_in(int folder) {
    std::vector<std::string> names;
    const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDirectory> directory{fd < 0 ? nullptr : ::fdopendir(fd)};
    while (directory != nullptr) {
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) {
            break;
        }
        if (entry->d_type == DT_DIR && std::strcmp(entry->d_name, ".") != 0 &&
            std::strcmp(entry->d_name, "..") != 0) {
            names.emplace_back(entry->d_name);
        }
    }
    return names;
}

UniqueFd open_folder(int folder, const char* name) {
    return UniqueFd{::openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
}

/// Removes the cgroups below an open one, deepest first.
void remove_below(int folder, int depth) {
    if (depth == 0) {
        return;
    }
    for (const std::string& name : folders_in(folder)) {
        if (const UniqueFd inner = open_folder(folder, name.c_str())) {
            remove_below(inner.get(), depth - 1);
        }
        ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
    }
}

/// Adds the processes of an open cgroup and of those below it. Processes of other PID namespaces
/// are listed as 0, and left out.
Result<void> collect_processes(int folder, std::size_t limit, int depth, std::vector<Pid>& pids) {
    const Result<std::string> text = read_file_at(folder, "cgroup.procs", kProcsMax);
    // A threaded cgroup has no list: its processes stand in its parent's.
    const bool is_threaded = !text && text.error().error_number == EOPNOTSUPP;
    const bool is_gone =
        !text && (text.error().error_number == ENODEV || text.error().error_number == ENOENT);
    if (!text && !is_threaded && !is_gone) {
        return Failure{text.error()};
    }
    if (text) {
        const char* at = text->data();
        const char* const end = at + text->size();
        while (at < end && pids.size() < limit) {
            Pid pid = 0;
            const auto [rest, error] = std::from_chars(at, end, pid);
            if (error == std::errc{} && pid > 0) {
                pids.push_back(pid);
            }
            at = std::find(rest, end, '\n') + 1;
        }
    }
    if (depth == 0 || is_gone) {
        return {};
    }
    for (const std::string& name : folders_in(folder)) {
        if (const UniqueFd inner = open_folder(folder, name.c_str())) {
            if (auto done = collect_processes(inner.get(), limit, depth - 1, pids); !done) {
                return done;
            }
        }
    }
    return {};
}

/// mkdir -p of a cgroup path below an open folder.
Result<UniqueFd> make_path(const UniqueFd& base, std::string_view path) {
    UniqueFd folder{::openat(base.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    std::string_view rest = path;
    while (folder && !rest.empty()) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        const std::string name{rest.substr(0, end)};
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (name.empty() || name == ".") {
            continue;
        }
        if (name == "..") {
            return failure(EINVAL, "use the cgroup", std::string{path}, "'..' can't be in it");
        }
        if (::mkdirat(folder.get(), name.c_str(), 0755) < 0 && errno != EEXIST) {
            return failure(errno, "mkdir", std::string{path} + " in the cgroup file system");
        }
        folder = open_folder(folder.get(), name.c_str());
    }
    if (!folder) {
        return failure(errno, "open the cgroup", std::string{path});
    }
    return folder;
}

std::string join(std::string_view base, std::string_view name) {
    std::string path{base == "/" ? "" : base};
    return path.append("/").append(name);
}

}  // namespace

struct CgroupTree::Impl {
    CgroupMount mount;
    std::string slice_path;  ///< as in /proc/PID/cgroup
    std::string slice;
    UniqueFd root;
    UniqueFd slice_fd;
    UniqueFd scope;
    UniqueFd inotify;

    struct Unit {
        UniqueFd folder;
        int watch = -1;
    };
    std::unordered_map<std::string, Unit> units;
    std::unordered_map<int, const std::string*> watches;  ///< keys of `units`, whose nodes stay put

    std::string file_of(std::string_view unit, std::string_view file) const {
        return escape_cgroup_name(unit).append("/").append(file);
    }
    Result<bool> is_populated(const std::string& unit) const;
    UniqueFd open_unit(std::string_view unit) const {
        return open_folder(slice_fd.get(), escape_cgroup_name(unit).c_str());
    }
    Result<int> watch(const std::string& name) const;
};

Result<bool> CgroupTree::Impl::is_populated(const std::string& unit) const {
    const Result<std::string> text =
        read_file_at(slice_fd.get(), file_of(unit, "cgroup.events").c_str(), kSmallFile);
    if (!text) {
        const int why = text.error().error_number;
        if (why == ENOENT || why == ENODEV) {
            return false;
        }
        return Failure{text.error()};
    }
    return text->find("populated 1") != std::string::npos;
}

Result<int> CgroupTree::Impl::watch(const std::string& name) const {
    const std::string path =
        mount.folder_of(slice_path).value_or("") + "/" + name + "/cgroup.events";
    const int result = ::inotify_add_watch(inotify.get(), path.c_str(), IN_MODIFY);
    if (result < 0) {
        return failure(errno, "inotify_add_watch", path,
                       errno == ENOSPC ? "raise fs.inotify.max_user_watches" : "");
    }
    return result;
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
    Result<UniqueFd> slice_fd = make_path(*root_fd, slice);
    if (!slice_fd) {
        return Failure{slice_fd.error()};
    }
    impl.inotify.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!impl.inotify) {
        return failure(errno, "inotify_init1", {},
                       errno == EMFILE ? "raise fs.inotify.max_user_instances" : "");
    }
    impl.root = std::move(*root_fd);
    impl.slice_fd = std::move(*slice_fd);
    impl.slice = slice;
    impl.slice_path = join(wanted, slice);
    impl.mount = std::move(*mount);
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
    const std::string scope_path = join(root_, kScope);
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
            enabled = write_file_at(impl.slice_fd.get(), "cgroup.subtree_control", "+" + name);
        }
        if (!enabled) {
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
        return failure(ENOENT, "use the cgroup", join(root_, kScope));
    }
    return impl_->scope.get();
}

std::string CgroupTree::path_of(std::string_view unit) const {
    return join(impl_->slice_path, escape_cgroup_name(unit));
}

std::string_view CgroupTree::unit_of(std::string_view cgroup_path) const {
    const std::string& slice = impl_->slice_path;
    if (!cgroup_path.starts_with(slice) || cgroup_path.size() <= slice.size() + 1 ||
        cgroup_path[slice.size()] != '/') {
        return {};
    }
    const std::string_view rest = cgroup_path.substr(slice.size() + 1);
    return unescape_cgroup_name(rest.substr(0, rest.find('/')));
}

Result<int> CgroupTree::ensure(std::string_view unit) {
    Impl& impl = *impl_;
    const auto [entry, is_new] = impl.units.try_emplace(std::string{unit});
    if (!is_new) {
        // A kept descriptor doesn't say whether its cgroup was removed behind our back.
        struct stat facts {};
        if (::fstatat(entry->second.folder.get(), "cgroup.procs", &facts, 0) == 0) {
            return entry->second.folder.get();
        }
        impl.watches.erase(entry->second.watch);
    }
    const std::string name = escape_cgroup_name(unit);
    const auto give_up = [&](Error error) {
        impl.units.erase(entry);
        return Failure{std::move(error)};
    };
    if (::mkdirat(impl.slice_fd.get(), name.c_str(), 0755) < 0 && errno != EEXIST) {
        return give_up(Error{errno, "mkdir", path_of(unit) + " in the cgroup file system", {}});
    }
    entry->second.folder = open_folder(impl.slice_fd.get(), name.c_str());
    if (!entry->second.folder) {
        return give_up(Error{errno, "open the cgroup", path_of(unit), {}});
    }
    Result<int> watch = impl.watch(name);
    if (!watch) {
        return give_up(std::move(watch.error()));
    }
    entry->second.watch = *watch;
    impl.watches[*watch] = &entry->first;
    return entry->second.folder.get();
}

Result<void> CgroupTree::remove(std::string_view unit) {
    Impl& impl = *impl_;
    const std::string name = escape_cgroup_name(unit);
    int why = ::unlinkat(impl.slice_fd.get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
    if (why == EBUSY) {
        const Result<bool> populated = impl.is_populated(std::string{unit});
        if (populated && !*populated) {
            if (const UniqueFd folder = impl.open_unit(unit)) {
                remove_below(folder.get(), kDepthMax);
            }
            why = ::unlinkat(impl.slice_fd.get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
        }
    }
    if (why != 0 && why != ENOENT) {
        return failure(why, "remove the cgroup", path_of(unit));
    }
    if (const auto entry = impl.units.find(std::string{unit}); entry != impl.units.end()) {
        ::inotify_rm_watch(impl.inotify.get(), entry->second.watch);
        impl.watches.erase(entry->second.watch);
        impl.units.erase(entry);
    }
    return {};
}

void CgroupTree::remove_slice() {
    const Impl& impl = *impl_;
    ::unlinkat(impl.root.get(), impl.slice.c_str(), AT_REMOVEDIR);
}

Result<bool> CgroupTree::is_populated(std::string_view unit) const {
    return impl_->is_populated(std::string{unit});
}

Result<std::vector<Pid>> CgroupTree::processes(std::string_view unit, std::size_t limit) const {
    std::vector<Pid> pids;
    const UniqueFd folder = impl_->open_unit(unit);
    if (!folder && errno != ENOENT) {
        return failure(errno, "open the cgroup", path_of(unit));
    }
    if (folder) {
        if (auto collected = collect_processes(folder.get(), limit, kDepthMax, pids); !collected) {
            collected.error().subject = path_of(unit) + "/cgroup.procs";
            return Failure{collected.error()};
        }
    }
    return pids;
}

Result<void> CgroupTree::kill(std::string_view unit) const {
    const UniqueFd folder = impl_->open_unit(unit);
    if (!folder) {
        if (errno != ENOENT) {
            return failure(errno, "open the cgroup", path_of(unit));
        }
        return {};
    }
    const auto killed = write_file_at(folder.get(), "cgroup.kill", "1");
    if (killed || killed.error().error_number == ENODEV) {
        return {};
    }
    if (killed.error().error_number != ENOENT && killed.error().error_number != EOPNOTSUPP) {
        return failure(killed.error().error_number, "kill the cgroup", path_of(unit));
    }
    // Before Linux 5.14. Each look finds what was forked since the last; those that are dying stay
    // in the list for a while, so the end is that nobody new is there.
    std::unordered_set<Pid> seen;
    for (int round = 0; round < kKillRounds; ++round) {
        const Result<std::vector<Pid>> pids = processes(unit);
        if (!pids) {
            return Failure{pids.error()};
        }
        bool found = false;
        for (const Pid pid : *pids) {
            found |= seen.insert(pid).second;
            ::kill(pid, SIGKILL);
        }
        if (!found) {
            break;
        }
    }
    return {};
}

Result<void> CgroupTree::signal(std::string_view unit,
                                int signal,
                                bool then_continue,
                                const std::vector<Pid>& except) const {
    std::unordered_set<Pid> seen{except.begin(), except.end()};
    Result<void> sent;
    for (int round = 0; round < kSignalRounds; ++round) {
        const Result<std::vector<Pid>> pids = processes(unit);
        if (!pids) {
            return Failure{pids.error()};
        }
        bool found = false;
        for (const Pid pid : *pids) {
            if (!seen.insert(pid).second) {
                continue;
            }
            found = true;
            if (::kill(pid, signal) < 0 && errno != ESRCH && sent) {
                // One that may not be signalled (another user's, in a user instance): the rest are.
                sent = failure(errno, "kill", std::to_string(pid) + " of " + std::string{unit});
            }
            if (then_continue) {
                ::kill(pid, SIGCONT);
            }
        }
        if (!found) {
            break;
        }
    }
    return sent;
}

Result<void> CgroupTree::thaw(std::string_view unit) const {
    auto thawed =
        write_file_at(impl_->slice_fd.get(), impl_->file_of(unit, "cgroup.freeze").c_str(), "0");
    if (thawed || thawed.error().error_number == ENOENT || thawed.error().error_number == ENODEV) {
        return {};  // no such cgroup, or a kernel that can't freeze it
    }
    return thawed;
}

int CgroupTree::watch_fd() const {
    return impl_->inotify.get();
}

void CgroupTree::dispatch(const std::function<void(std::string_view unit)>& emptied) {
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
        const Result<bool> populated = impl.is_populated(unit);
        if (populated && !*populated) {
            emptied(unit);
        }
    }
}

std::vector<std::string> CgroupTree::existing_units() const {
    std::vector<std::string> units;
    for (const std::string& name : folders_in(impl_->slice_fd.get())) {
        units.emplace_back(unescape_cgroup_name(name));
    }
    return units;
}

}  // namespace svcd
