#include "linux/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

/// Longer ones hold something else.
constexpr std::int64_t kPidFileMax = 64;

/// Links of one path that are followed, as the kernel does.
constexpr int kLinksMax = 40;

/// A file by the folder that it is in: nobody can put another folder in its place.
struct Place {
    UniqueFd folder;
    std::string name;
};

/// The names of a path, the last one first.
std::vector<std::string> names_in(std::string_view path) {
    std::vector<std::string> names;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (const std::string_view name = path.substr(0, end); !name.empty() && name != ".") {
            names.emplace_back(name);
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    std::reverse(names.begin(), names.end());
    return names;
}

/// A link may lead anywhere, so only root's (or those of who runs svcd) are followed, and only in
/// folders where no other user could have put them.
bool is_trusted(int folder, const struct stat& link) {
    const auto is_ours = [](uid_t owner) { return owner == 0 || owner == ::geteuid(); };
    struct stat facts {};
    const bool is_known = ::fstat(folder, &facts) == 0;
    return is_known && is_ours(facts.st_uid) && is_ours(link.st_uid);
}

Result<std::string> target_of(int link, const std::string& path) {
    std::array<char, 4096> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size <= 0) {
        return failure(size < 0 ? errno : ENOENT, "open PID file", path);
    }
    return std::string{target.data(), static_cast<std::size_t>(size)};
}

/// Walks to the folder of the file, name by name. The last name is a link only when that is not to
/// be followed, or the file doesn't exist.
Result<Place> find_place(const std::string& path, bool follows_last) {
    const auto open_root = [] { return UniqueFd{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)}; };
    UniqueFd folder = open_root();
    std::vector<std::string> names = names_in(path);
    int links = 0;
    while (folder && !names.empty()) {
        const std::string name = std::move(names.back());
        names.pop_back();
        const bool is_last = names.empty();
        if (is_last && !follows_last) {
            return Place{std::move(folder), name};
        }
        constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
        // O_DIRECTORY has an automount mounted.
        UniqueFd next{::openat(folder.get(), name.c_str(), kFlags | (is_last ? 0 : O_DIRECTORY))};
        if (!next && !is_last && (errno == ENOTDIR || errno == ELOOP)) {
            next.reset(::openat(folder.get(), name.c_str(), kFlags));
        }
        struct stat facts {};
        if (!next || ::fstat(next.get(), &facts) < 0) {
            return failure(errno, "open PID file", path);
        }
        if (!S_ISLNK(facts.st_mode)) {
            if (is_last) {
                return Place{std::move(folder), name};
            }
            folder = std::move(next);
            continue;
        }
        if (!is_trusted(folder.get(), facts)) {
            return failure(
                EPERM, "open PID file", path,
                "'" + name +
                    "' is a symbolic link that another user than root made, or "
                    "could have made: it is not followed. Give PIDFile without the link");
        }
        Result<std::string> target = ++links > kLinksMax ? failure(ELOOP, "open PID file", path)
                                                         : target_of(next.get(), path);
        if (!target) {
            return Failure{target.error()};
        }
        if (target->front() == '/') {
            folder = open_root();
        }
        const std::vector<std::string> more = names_in(*target);
        names.insert(names.end(), more.begin(), more.end());
    }
    return failure(folder ? EISDIR : errno, "open PID file", path);
}

/// Its contents, if it is a regular file. Anything else isn't opened: to open a FIFO, or a device,
/// may have effects.
Result<std::string> read_text(const Place& place, const std::string& path) {
    const UniqueFd file{
        ::openat(place.folder.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) < 0) {
        return failure(errno, "open PID file", path);
    }
    if (!S_ISREG(facts.st_mode)) {
        return failure(EINVAL, "read PID file", path, "it is no regular file");
    }
    const std::string itself = "/proc/self/fd/" + std::to_string(file.get());
    const UniqueFd open{::open(itself.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!open) {
        return failure(errno, "open PID file", path);
    }
    std::array<char, kPidFileMax + 1> buffer{};
    const ssize_t size = ::read(open.get(), buffer.data(), buffer.size());
    if (size < 0) {
        return failure(errno, "read PID file", path);
    }
    return std::string{buffer.data(), static_cast<std::size_t>(size)};
}

Result<Pid> parse_pid(std::string_view text, const std::string& path) {
    constexpr std::string_view kBlank = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    if (text.empty()) {
        return failure(EAGAIN, "read PID file", path, "it is empty");
    }
    text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    Pid pid = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || rest != text.data() + text.size() || pid <= 0) {
        return failure(EINVAL, "read PID file", path, "it doesn't hold a process number");
    }
    return pid;
}

}  // namespace

Result<Pid> read_pid_file(const std::string& path) {
    const Result<Place> place = find_place(path, true);
    if (!place) {
        return Failure{place.error()};
    }
    const Result<std::string> text = read_text(*place, path);
    return text ? parse_pid(*text, path) : Failure{text.error()};
}

Result<std::optional<Pid>> remove_stale_pid_file(const std::string& path,
                                                 const std::function<bool(Pid)>& is_others) {
    const Result<Place> place = find_place(path, false);
    const Result<std::string> text = place ? read_text(*place, path) : Failure{place.error()};
    if (!text) {
        const int why = text.error().error_number;
        if (why == ENOENT || why == ENOTDIR) {
            return std::optional<Pid>{};
        }
        return failure(why, "remove PID file", path, text.error().detail);
    }
    if (text->size() > static_cast<std::size_t>(kPidFileMax)) {
        return failure(EINVAL, "remove PID file", path, "it holds more than a process number");
    }
    const Result<Pid> pid = parse_pid(*text, path);
    if (!pid) {
        return Failure{pid.error()};
    }
    if (is_others(*pid)) {
        return failure(EBUSY, "remove PID file", path,
                       "process " + std::to_string(*pid) + " is alive and none of the unit's");
    }
    if (::unlinkat(place->folder.get(), place->name.c_str(), 0) != 0 && errno != ENOENT) {
        return failure(errno, "remove PID file", path);
    }
    return std::optional{*pid};
}

}  // namespace svcd
