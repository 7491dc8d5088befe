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

#include "exec/trusted_path.h"
#include "linux/unique_fd.h"

namespace svcd {
namespace {

/// Longer ones hold something else.
constexpr std::int64_t kPidFileMax = 64;

/// A PID file as it was read, by the folder that it is in.
struct PidFile {
    UniqueFd folder;
    std::string name;
    struct stat facts {};
    std::string text;
};

Failure refused(long result, const std::string& path, const PathRefusal& refusal) {
    const int why = static_cast<int>(-result);
    if (refusal.problem == ExecProblem::foreign_link) {
        return failure(why, "open PID file", path,
                       "'" + std::string{refusal.link.data()} +
                           "' is a symbolic link that another user than root made, or could "
                           "have moved there: it is not followed. Give PIDFile without the link");
    }
    if (refusal.problem == ExecProblem::several_names) {
        return failure(
            why, "open PID file", path,
            "others may write its folder, and it has several names (hard links) or, "
            "where fs.protected_hardlinks is 0, another owner than the folder: so it may "
            "be somebody else's");
    }
    return failure(why, "open PID file", path);
}

Result<PidFile> read_file(const std::string& path, LastLink last) {
    PathRefusal refusal;
    PathPlace place;
    if (const long result = find_trusted(path.c_str(), last, LinkFolder::roots, place, refusal);
        result < 0) {
        return refused(result, path, refusal);
    }
    PidFile file{UniqueFd{place.folder}, place.name.data(), {}, {}};
    // To open a FIFO, or a device, may have effects.
    struct stat before {};
    if (::fstatat(place.folder, place.name.data(), &before, AT_SYMLINK_NOFOLLOW) < 0) {
        return failure(errno, "open PID file", path);
    }
    if (!S_ISREG(before.st_mode)) {
        return failure(EINVAL, "read PID file", path, "it is no regular file");
    }
    const long opened = open_found(place, O_RDONLY, 0, FileKinds::regular, refusal);
    if (opened < 0) {
        return refused(opened, path, refusal);
    }
    const UniqueFd fd{static_cast<int>(opened)};
    std::array<char, kPidFileMax + 1> buffer{};
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 || ::fstat(fd.get(), &file.facts) < 0) {
        return failure(errno, "read PID file", path);
    }
    file.text.assign(buffer.data(), static_cast<std::size_t>(size));
    return file;
}

/// Removes the name if it is still that of the file that was read. 0, or errno.
int remove_file(const PidFile& file) {
    struct stat now {};
    if (::fstatat(file.folder.get(), file.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (now.st_dev != file.facts.st_dev || now.st_ino != file.facts.st_ino) {
        return EAGAIN;
    }
    return ::unlinkat(file.folder.get(), file.name.c_str(), 0) == 0 || errno == ENOENT ? 0 : errno;
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
    const Result<PidFile> file = read_file(path, LastLink::follow);
    return file ? parse_pid(file->text, path) : Failure{file.error()};
}

Result<std::optional<Pid>> remove_stale_pid_file(const std::string& path,
                                                 const std::function<bool(Pid)>& is_others) {
    const Result<PidFile> file = read_file(path, LastLink::keep);
    if (!file) {
        const int why = file.error().error_number;
        if (why == ENOENT || why == ENOTDIR) {
            return std::optional<Pid>{};
        }
        return failure(why, "remove PID file", path, file.error().detail);
    }
    if (file->text.size() > static_cast<std::size_t>(kPidFileMax)) {
        return failure(EINVAL, "remove PID file", path, "it holds more than a process number");
    }
    const Result<Pid> pid = parse_pid(file->text, path);
    if (!pid) {
        return Failure{pid.error()};
    }
    if (is_others(*pid)) {
        return failure(EBUSY, "remove PID file", path,
                       "process " + std::to_string(*pid) + " is alive and none of the unit's");
    }
    if (const int why = remove_file(*file); why != 0) {
        return failure(why, "remove PID file", path,
                       why == EAGAIN ? "another file has taken its place meanwhile" : "");
    }
    return std::optional{*pid};
}

}  // namespace svcd
