#include "linux/cgroup_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <unordered_set>
#include <utility>

#include "linux/pidfd.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

/// Enough for a cgroup of 65536 processes.
constexpr std::size_t kProcsMax = 1024 * 1024;
/// Looks at cgroup.procs while signals go out: each finds those that were forked since the one
/// before.
constexpr int kSignalRounds = 4;
/// The same without cgroup.kill, where nothing else ends it.
constexpr int kKillRounds = 64;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

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

namespace {

/// Calls `enter` with an open folder, and then with each of those below it, a folder before what is
/// below it; and `leave` with each once that has been done, by its parent and name. Holds one
/// descriptor, however deep they are. At most kCgroupsBelowMax, and until `enter` says false.
void walk(int top,
          const std::function<bool(int folder)>& enter,
          const std::function<void(int parent, const char* name)>& leave) {
    UniqueFd at = open_folder(top, ".");
    if (!at || !enter(at.get())) {
        return;
    }
    std::size_t count = 0;
    std::vector<std::vector<std::string>> to_visit{folders_in(at.get())};  // by level
    while (at) {
        if (to_visit.back().empty()) {
            to_visit.pop_back();
            if (to_visit.empty()) {
                return;
            }
            at = open_folder(at.get(), "..");
            if (at) {
                leave(at.get(), to_visit.back().back().c_str());
                to_visit.back().pop_back();
            }
        } else if (UniqueFd inner = open_folder(at.get(), to_visit.back().back().c_str())) {
            at = std::move(inner);
            if (++count > kCgroupsBelowMax || !enter(at.get())) {
                return;
            }
            to_visit.push_back(folders_in(at.get()));
        } else {
            to_visit.back().pop_back();  // it has been removed meanwhile
        }
    }
}

/// Adds those of one cgroup.
Result<void> add_processes(int folder, std::size_t limit, std::vector<Pid>& pids) {
    const Result<std::string> text = read_file_at(folder, "cgroup.procs", kProcsMax);
    if (!text) {
        const int why = text.error().error_number;
        // A threaded cgroup has no list: its processes stand in its parent's.
        const bool is_threaded = why == EOPNOTSUPP;
        const bool is_gone = why == ENODEV || why == ENOENT;
        return is_threaded || is_gone ? Result<void>{} : Failure{text.error()};
    }
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
    return {};
}

}  // namespace

void remove_below(int folder) {
    walk(
        folder, [](int) { return true; },
        [](int parent, const char* name) { ::unlinkat(parent, name, AT_REMOVEDIR); });
}

Result<void> collect_processes(int folder, std::size_t limit, std::vector<Pid>& pids) {
    Result<void> done;
    walk(
        folder,
        [&](int inner) {
            done = add_processes(inner, limit, pids);
            return done && pids.size() < limit;
        },
        [](int, const char*) {});
    return done;
}

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

namespace {

/// Whom a number of cgroup.procs stands for.
struct Member {
    Recipient recipient;
    bool is_sure = false;  ///< it is held, and was seen in the cgroup
};

/// Nothing: it has ended, or has gone elsewhere.
Result<std::optional<Member>> hold_member(Pid pid, const IsInCgroup& is_in) {
    Result<Recipient> recipient = open_recipient(pid);
    if (!recipient) {
        if (recipient.error().error_number == ESRCH) {
            return std::optional<Member>{};
        }
        return Failure{recipient.error()};
    }
    const std::optional<bool> is_there = is_in(pid);
    const bool has_gone = is_there ? !*is_there : recipient->pidfd && has_ended(recipient->pidfd);
    if (has_gone) {
        return std::optional<Member>{};
    }
    const bool is_sure = recipient->pidfd && is_there;
    return std::optional{Member{std::move(*recipient), is_sure}};
}

}  // namespace

Result<void> kill_processes(int folder, const IsInCgroup& is_in) {
    const auto killed = write_file_at(folder, "cgroup.kill", "1");
    if (killed || killed.error().error_number == ENODEV) {
        return {};
    }
    if (killed.error().error_number != ENOENT && killed.error().error_number != EOPNOTSUPP) {
        return failure(killed.error().error_number, "kill the cgroup");
    }
    // Before Linux 5.14. Each look finds what was forked since the last; those that are dying stay
    // in the list for a while, so the end is that nobody new is there.
    std::unordered_set<Pid> seen;
    for (int round = 0; round < kKillRounds; ++round) {
        std::vector<Pid> pids;
        if (auto collected = collect_processes(folder, kProcessesMax, pids); !collected) {
            return collected;
        }
        bool found = false;
        for (const Pid pid : pids) {
            found |= seen.insert(pid).second;
            if (const auto member = hold_member(pid, is_in); member && *member) {
                static_cast<void>(send_signal((*member)->recipient, SIGKILL));
            }
        }
        if (!found) {
            break;
        }
    }
    return {};
}

namespace {

/// A signal_processes() that is under way.
struct Signalling {
    const std::vector<int>& signals;
    std::optional<std::int32_t> value;
    const IsInCgroup& is_in;
    std::vector<Pid>& reached;
    std::size_t unsure = 0;  ///< of those reached
    Result<void> sent;       ///< the first failure

    /// One that may not be signalled (another user's, in a user instance): the rest are.
    void note(const Error& error) {
        if (error.error_number != ESRCH && sent) {
            sent = Failure{error};
        }
    }

    void signal(Pid pid) {
        const Result<std::optional<Member>> member = hold_member(pid, is_in);
        if (!member) {
            note(member.error());
            return;
        }
        if (!*member) {
            return;
        }
        for (const int signal : signals) {
            const Result<void> one = send_signal((*member)->recipient, signal, value);
            if (signal != signals[0]) {
                continue;
            }
            if (one) {
                reached.push_back(pid);
                unsure += (*member)->is_sure ? 0U : 1U;
            } else {
                note(Error{one.error().error_number, "kill", std::to_string(pid), {}});
            }
        }
    }
};

}  // namespace

Result<std::size_t> signal_processes(int folder,
                                     const std::vector<int>& signals,
                                     const std::vector<Pid>& except,
                                     std::vector<Pid>& reached,
                                     std::optional<std::int32_t> value,
                                     const IsInCgroup& is_in) {
    std::unordered_set<Pid> seen{except.begin(), except.end()};
    Signalling all{signals, value, is_in, reached, 0, {}};
    for (int round = 0; round < kSignalRounds; ++round) {
        std::vector<Pid> pids;
        if (auto collected = collect_processes(folder, kProcessesMax, pids); !collected) {
            return Failure{collected.error()};
        }
        bool found = false;
        for (const Pid pid : pids) {
            if (seen.insert(pid).second) {
                found = true;
                all.signal(pid);
            }
        }
        if (!found) {
            break;
        }
    }
    if (!all.sent) {
        return Failure{all.sent.error()};
    }
    return all.unsure;
}

}  // namespace svcd
