#include "linux/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

/// Longer ones hold something else.
constexpr std::int64_t kPidFileMax = 64;

}  // namespace

Result<Pid> read_pid_file(const std::string& path) {
    const UniqueFd fd{
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};  // it may be a FIFO
    if (!fd) {
        return failure(errno, "open PID file", path);
    }
    struct stat facts {};
    if (::fstat(fd.get(), &facts) < 0) {
        return failure(errno, "stat PID file", path);
    }
    if (!S_ISREG(facts.st_mode)) {
        return failure(EINVAL, "read PID file", path, "it is no regular file");
    }
    std::array<char, kPidFileMax> buffer;
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0) {
        return failure(errno, "read PID file", path);
    }
    constexpr std::string_view kBlank = " \t\r\n";
    std::string_view text{buffer.data(), static_cast<std::size_t>(size)};
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    if (text.empty()) {
        return failure(EAGAIN, "read PID file", path, "it is empty");
    }
    const std::size_t end = text.find_last_not_of(kBlank);
    text = text.substr(0, end + 1);
    Pid pid = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || rest != text.data() + text.size() || pid <= 0) {
        return failure(EINVAL, "read PID file", path, "it doesn't hold a process number");
    }
    return pid;
}

Result<std::optional<Pid>> remove_stale_pid_file(const std::string& path,
                                                 const std::function<bool(Pid)>& is_others) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) < 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return std::optional<Pid>{};
        }
        return failure(errno, "stat PID file", path);
    }
    if (!S_ISREG(facts.st_mode) || facts.st_size > kPidFileMax) {
        return failure(EINVAL, "remove PID file", path,
                       S_ISREG(facts.st_mode) ? "it holds more than a process number"
                                              : "it is no regular file");
    }
    const Result<Pid> pid = read_pid_file(path);
    if (!pid) {
        return Failure{pid.error()};
    }
    if (is_others(*pid)) {
        return failure(EBUSY, "remove PID file", path,
                       "process " + std::to_string(*pid) + " is alive and none of the unit's");
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return failure(errno, "remove PID file", path);
    }
    return std::optional{*pid};
}

}  // namespace svcd
