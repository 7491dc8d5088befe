#include "manager/start_up.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "launcher/protocol.h"
#include "linux/cgroup.h"
#include "linux/group_file.h"
#include "linux/make_folders.h"
#include "linux/notify_socket.h"
#include "linux/procfs.h"
#include "linux/read_file.h"
#include "linux/spawn.h"
#include "manager/restore.h"

namespace svcd {
namespace {

constexpr std::string_view kCgroupName = "cgroup";
/// --cgroup=none
constexpr std::string_view kNoCgroups = "none";
constexpr std::size_t kProcessListMax = 64 * 1024;

/// What finds the processes of units: one of the two.
struct Tracking {
    std::unique_ptr<ProcessTracker> tracker;
    CgroupTree* cgroups = nullptr;
    Keepers* keepers = nullptr;
};

Result<UniqueFd> take_over(int number, const char* what) {
    const int flags = ::fcntl(number, F_GETFD);
    if (flags < 0 || ::fcntl(number, F_SETFD, flags | FD_CLOEXEC) < 0) {
        return failure(errno, "take over", what + (" (descriptor " + std::to_string(number)) + ")",
                       "svcd-manager is started by svcd, not by hand");
    }
    return UniqueFd{number};
}

bool is_socket(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

std::vector<StoredFd> stored_in(FdStore& store, Log& log) {
    Result<std::vector<StoredFd>> stored = store.list();
    if (!stored) {
        log.say(Severity::warning, to_string(stored.error()));
        return {};
    }
    return std::move(*stored);
}

/// The notify socket is made once in the life of a launcher: what services send while there is no
/// manager waits in it.
Result<UniqueFd> notify_socket(FdStore& store,
                               std::vector<StoredFd>& stored,
                               const std::string& path,
                               Log& log) {
    for (StoredFd& one : stored) {
        if (one.name == kNotifyName && is_socket(path)) {
            take_over_notify_socket(one.fd.get());
            return std::move(one.fd);
        }
    }
    Result<UniqueFd> made = make_notify_socket(path);
    if (!made) {
        return made;
    }
    if (const auto put = store.put(kNotifyName, made->get()); !put) {
        log.say(Severity::warning,
                to_string(put.error()) + ": notifications will be lost if the manager crashes");
    }
    return made;
}

/// Records of stops are no reason not to start: what can't be opened is thrown away.
Result<StopLog> open_stop_log(const std::string& path, Log& log) {
    Result<StopLog::Opened> opened = StopLog::open(path);
    if (!opened) {
        log.say(Severity::warning, to_string(opened.error()) + ": it is begun anew");
        ::unlink(path.c_str());
        opened = StopLog::open(path);
    }
    if (!opened) {
        return Failure{opened.error()};
    }
    if (!opened->note.empty()) {
        log.say(Severity::notice, opened->note);
    }
    return std::move(opened->log);
}

/// Each unit costs a few descriptors, so we take all we may have. Services get what svcd was given:
/// a soft limit above 1024 breaks programs that use select(2).
std::vector<ResourceLimit> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) {
        return {};
    }
    const ResourceLimit original{RLIMIT_NOFILE, limit.rlim_cur, limit.rlim_max};
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return {};
    }
    return {original};
}

std::string own_folder() {
    std::array<char, 4096> path{};
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) {
        return {};
    }
    const std::string whole{path.data(), static_cast<std::size_t>(size)};
    return whole.substr(0, whole.rfind('/'));
}

/// The svcd whose tree this is: in svcd.scope the one process whose parent is elsewhere. 0: not
/// found.
Pid launcher_in(const CgroupTree& cgroups) {
    const std::string path = cgroups.root_folder() + "/svcd.scope/cgroup.procs";
    const Result<std::string> text = read_file_at(AT_FDCWD, path.c_str(), kProcessListMax);
    std::istringstream lines{text ? *text : std::string{}};
    const std::vector<Pid> pids{std::istream_iterator<Pid>{lines}, std::istream_iterator<Pid>{}};
    for (const Pid pid : pids) {
        const Result<ProcessInfo> info = process_info(pid);
        if (info && std::find(pids.begin(), pids.end(), info->parent) == pids.end()) {
            return pid;
        }
    }
    return 0;
}

bool is_same_file(int one, int other) {
    struct stat first {};
    struct stat second {};
    return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/// Two svcds in one tree would end each other's services. The lock is on a descriptor of the root
/// that only the launcher keeps, so it lasts exactly as long as that lives.
Result<void> lock_cgroup(const CgroupTree& cgroups,
                         FdStore& store,
                         const std::vector<StoredFd>& stored,
                         Log& log) {
    // Who may open it may lock it: a file that only its owner can open, where the kernel has it
    // (Linux 5.14).
    const std::string folder = cgroups.root_folder();
    UniqueFd root{::open((folder + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC)};
    if (!root && errno == ENOENT) {
        root.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (!root) {
        log.say(Severity::warning, to_string(Error{errno, "lock the cgroup", folder, {}}));
        return {};
    }
    for (const StoredFd& one : stored) {
        if (one.name == kCgroupName && is_same_file(one.fd.get(), root.get())) {
            return {};
        }
    }
    if (::flock(root.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            const Pid other = launcher_in(cgroups);
            return failure(0, "use the cgroup", cgroups.root(),
                           "it is in use by another svcd" +
                               (other == 0 ? "" : " (PID " + std::to_string(other) + ")") +
                               "; give this one a cgroup of its own with --cgroup=");
        }
        log.say(Severity::warning, to_string(Error{errno, "lock the cgroup", folder, {}}));
        return {};
    }
    if (const auto put = store.put(kCgroupName, root.get()); !put) {
        log.say(Severity::warning,
                to_string(put.error()) + ": another svcd will be able to use this cgroup too");
    }
    return {};
}

/// What an earlier svcd left may run in another tree. Whoever starts services beside it has each of
/// them twice; but PID 1 can't refuse.
Result<void> look_at_what_is_left(Pid launcher,
                                  const CgroupTree& cgroups,
                                  StateFile::Opened& opened,
                                  Log& log) {
    const std::optional<Error> problem =
        opened.saved ? takeover_problem(*opened.saved, cgroups) : std::nullopt;
    if (!problem) {
        return {};
    }
    if (launcher != 1) {
        return Failure{*problem};
    }
    log.say(Severity::error, to_string(*problem) +
                                 ". svcd goes on without them, as PID 1 must; what is known of "
                                 "them is kept as state.old");
    opened.saved.reset();
    return opened.file.set_aside();
}

/// An ordinary user may make cgroups only where somebody has let them.
Error with_remedy_for_user(Error error) {
    const int number = error.error_number;
    if (::getuid() != 0 && (number == EACCES || number == EPERM || number == EROFS)) {
        error.detail =
            "that cgroup isn't yours, and svcd needs one of its own. Where systemd runs: "
            "'systemd-run --user --scope -p Delegate=yes svcd --user ...'. Elsewhere root makes "
            "one "
            "(mkdir CGROUP; chown -R USER CGROUP; move your shell into it), and you give it with "
            "--cgroup=CGROUP";
    }
    return error;
}

Result<void> take_cgroups(CgroupTree& cgroups,
                          Pid launcher,
                          const ProcessTable& table,
                          const ManagerOptions& options,
                          StateFile::Opened& opened,
                          FdStore& store,
                          const std::vector<StoredFd>& stored,
                          Log& log) {
    if (const auto locked = lock_cgroup(cgroups, store, stored, log); !locked) {
        if (!is_machine(options, launcher) && !table.has_taken_over()) {
            return Failure{locked.error()};
        }
        log.say(Severity::error, to_string(locked.error()) + ". svcd goes on, for it must");
    }
    if (!table.has_taken_over()) {
        if (const auto looked = look_at_what_is_left(launcher, cgroups, opened, log); !looked) {
            return Failure{looked.error()};
        }
    }
    return {};
}

void settle(CgroupTree& cgroups, Pid launcher, Log& log) {
    if (const auto settled = cgroups.settle({launcher, ::getpid()}); !settled) {
        log.say(Severity::warning, to_string(settled.error()));
    }
    for (const std::string& controller : cgroups.unavailable_controllers()) {
        log.say(Severity::info, "Controller not available: " + controller);
    }
}

Result<CgroupTree> open_cgroups(const ManagerOptions& options) {
    if (!may_spawn_into_cgroups()) {
        return failure(ENOSYS, "clone3", {},
                       "it takes Linux 5.11, and a seccomp filter of the container that allows it");
    }
    return CgroupTree::open(options.cgroup,
                            options.mode == RunMode::user ? "app.slice" : "system.slice");
}

/// Cgroups, where they can be had. Which of the two it is stays as it is for as long as the
/// launcher lives: processes are found by what they were started with.
Result<Tracking> open_tracking(Pid launcher,
                               ProcessTable& table,
                               const ManagerOptions& options,
                               Log& log) {
    Tracking tracking;
    if (options.cgroup != kNoCgroups && !table.has_keepers()) {
        Result<CgroupTree> cgroups = open_cgroups(options);
        if (cgroups) {
            auto tree = std::make_unique<CgroupTree>(std::move(*cgroups));
            tracking.cgroups = tree.get();
            tracking.tracker = std::move(tree);
            return tracking;
        }
        if (!options.cgroup.empty() || table.has_taken_over()) {
            return Failure{with_remedy_for_user(cgroups.error())};
        }
        log.say(Severity::warning,
                to_string(cgroups.error()) +
                    ". svcd goes on without cgroups: a keeper (svcd-exec) finds the processes of "
                    "each service. Limits of memory and CPU, and reports of OOM kills, are not to "
                    "be had so; see docs/keepers.md");
    }
    if (!table.has_keepers()) {
        table.use_keepers();
    }
    auto keepers = Keepers::open(launcher, table);
    if (!keepers) {
        return Failure{keepers.error()};
    }
    tracking.keepers = keepers->get();
    tracking.tracker = std::move(*keepers);
    return tracking;
}

/// µs since 1970; 0 where there is no such file.
std::int64_t time_of_last_write(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) != 0
               ? 0
               : std::int64_t{facts.st_mtim.tv_sec} * 1'000'000 + facts.st_mtim.tv_nsec / 1'000;
}

}  // namespace

std::string runtime_path(const ManagerOptions& options, std::string_view name) {
    return options.runtime_dir + "/" + std::string(name);
}

std::string helper_path(const std::string& name, const std::string& build_folder) {
    const std::string folder = own_folder();
    // One that is there and can't be executed is told of later, by its path.
    for (const int wanted : {X_OK, F_OK}) {
        for (const std::string& place : {folder, folder + "/../" + build_folder}) {
            if (::access((place + "/" + name).c_str(), wanted) == 0) {
                return place + "/" + name;
            }
        }
    }
    return folder + "/" + name;
}

std::string exec_helper_path() {
    return helper_path("svcd-exec", "exec");
}

std::string shipped_units_path() {
    constexpr std::string_view kPrograms = "/libexec/svcd";
    std::string folder = own_folder();
    if (!folder.ends_with(kPrograms)) {
        return {};
    }
    folder.resize(folder.size() - kPrograms.size());
    return folder + "/lib/svcd/units";
}

std::optional<Error> exec_helper_problem() {
    const std::string path = exec_helper_path();
    if (::access(path.c_str(), X_OK) == 0) {
        return std::nullopt;
    }
    if (errno == EACCES && ::access(path.c_str(), F_OK) == 0) {
        return Error{EACCES, "execute", path,
                     "it lacks the x bit ('chmod 755'), or its file system is mounted noexec"};
    }
    return Error{errno, "execute", path,
                 "svcd is not installed whole: units with a user, limits, conditions or an "
                 "environment file need it ('cmake --install' puts it there)"};
}

bool is_machine(const ManagerOptions& options, Pid launcher) {
    std::array<char, 32> name{};
    const ssize_t size = ::readlink("/proc/self/ns/pid", name.data(), name.size());
    // The number of the first PID namespace, in every kernel.
    return launcher == 1 && options.mode == RunMode::system && size > 0 &&
           std::string_view{name.data(), static_cast<std::size_t>(size)} == "pid:[4026531836]";
}

Result<void> set_kernel_panic(Duration delay) {
    constexpr const char* kFile = "/proc/sys/kernel/panic";
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
    if (delay == Duration{0} || delay == kInfinity || seconds > INT32_MAX) {
        return {};
    }
    const UniqueFd file{::open(kFile, O_RDWR | O_CLOEXEC)};
    std::array<char, 16> before{};
    if (!file || ::read(file.get(), before.data(), before.size() - 1) < 0) {
        return failure(errno, "read", kFile);
    }
    const std::string text = std::to_string(seconds);
    if (std::atoi(before.data()) == 0 && ::pwrite(file.get(), text.data(), text.size(), 0) < 0) {
        return failure(errno, "write", kFile);
    }
    return {};
}

Result<Pid> tie_to_launcher() {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return failure(errno, "prctl", "PR_SET_PDEATHSIG");
    }
    // The launcher may have died before that; then our parent is another. The other end of the link
    // says who it was.
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(kLinkFd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return failure(errno, "ask for svcd's PID", "",
                       "svcd-manager is started by svcd, not by hand");
    }
    if (peer.pid != ::getppid()) {
        return failure(0, "start", "", "svcd, process " + std::to_string(peer.pid) + ", has ended");
    }
    return peer.pid;
}

Result<ProcessTable> attach_table() {
    Result<UniqueFd> table = take_over(kTableFd, "the process table");
    if (!table) {
        return Failure{table.error()};
    }
    return ProcessTable::attach(std::move(*table));
}

LogAccess log_access(RunMode mode, const std::string& log_group, Log& log) {
    if (mode == RunMode::user || ::geteuid() != 0) {
        return {};
    }
    const std::optional<gid_t> group = find_local_group(log_group.empty() ? "adm" : log_group);
    if (!group && !log_group.empty()) {
        log.say(Severity::warning, "LogGroup: there is no group '" + log_group +
                                       "' in /etc/group, so only root may read the logs; add it "
                                       "('groupadd " +
                                       log_group + "'), or name another");
    }
    return shared_with(group.value_or(0));
}

Result<Kernel> open_kernel(Pid launcher,
                           ProcessTable& table,
                           const ManagerOptions& options,
                           Log& log) {
    Result<UniqueFd> poke = take_over(kPokeFd, "the poke descriptor");
    if (!poke) {
        return Failure{poke.error()};
    }
    Result<UniqueFd> link = take_over(kLinkFd, "the link");
    if (!link) {
        return Failure{link.error()};
    }
    if (const auto made = make_folders(options.runtime_dir); !made) {
        return Failure{made.error()};
    }
    // A log folder that can't be made yet (a root that is read-only) fails nothing; one that was
    // typed and never can be is a mistake.
    const auto logs = make_log_dir(options.log_dir, options.log_access);
    if (!logs && launcher != 1 && options.log_dir_given && logs.error().error_number == ENOENT) {
        return Failure{logs.error()};
    }
    const std::int64_t written_usec = time_of_last_write(runtime_path(options, "state"));
    Result<StateFile::Opened> opened = StateFile::open(runtime_path(options, "state"));
    if (!opened) {
        return Failure{opened.error()};
    }
    if (!opened->set_aside.empty()) {
        log.say(Severity::notice, opened->set_aside);
    }
    FdStore store{std::move(*link)};
    std::vector<StoredFd> stored = stored_in(store, log);
    Result<Tracking> tracking = open_tracking(launcher, table, options, log);
    if (!tracking) {
        return Failure{tracking.error()};
    }
    if (tracking->cgroups != nullptr) {
        const auto taken =
            take_cgroups(*tracking->cgroups, launcher, table, options, *opened, store, stored, log);
        if (!taken) {
            return Failure{taken.error()};
        }
    }
    Result<StopLog> stops = open_stop_log(runtime_path(options, "stops"), log);
    if (!stops) {
        return Failure{stops.error()};
    }
    Result<UniqueFd> notify = notify_socket(store, stored, runtime_path(options, "notify"), log);
    if (!notify) {
        return Failure{notify.error()};
    }
    if (tracking->cgroups != nullptr) {
        settle(*tracking->cgroups, launcher, log);
    }
    Result<AdoptedProcesses> adopted = AdoptedProcesses::open();
    if (!adopted) {
        return Failure{adopted.error()};
    }
    return Kernel{launcher,
                  table,
                  std::move(*adopted),
                  std::move(opened->file),
                  std::move(opened->saved),
                  opened->set_aside.empty(),
                  std::move(*stops),
                  std::move(store),
                  std::move(*poke),
                  std::move(*notify),
                  std::move(tracking->tracker),
                  tracking->keepers,
                  raise_descriptor_limit(),
                  written_usec};
}

}  // namespace svcd
