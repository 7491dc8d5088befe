#include "logd/pipe_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace svcd::logd {
namespace {

constexpr std::string_view kOutput = "out:";
constexpr std::string_view kError = "err:";

}  // namespace

Result<PipeFolder> PipeFolder::open(const std::string& path) {
    UniqueFd watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (!watch ||
        ::inotify_add_watch(watch.get(), path.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        return failure(errno, "watch the folder of pipes", path);
    }
    return PipeFolder{path, std::move(watch)};
}

std::optional<LogPipe> PipeFolder::open_pipe(const std::string& name) const {
    const bool is_error = name.starts_with(kError);
    if (!is_error && !name.starts_with(kOutput)) {
        return std::nullopt;
    }
    UniqueFd fd{
        ::open((path_ + "/" + name).c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISFIFO(facts.st_mode) ||
        facts.st_uid != ::geteuid()) {
        return std::nullopt;
    }
    return LogPipe{name.substr((is_error ? kError : kOutput).size()),
                   is_error ? Stream::error : Stream::output, std::move(fd)};
}

std::vector<LogPipe> PipeFolder::find_new() {
    std::array<char, 4096> events{};
    while (::read(watch_.get(), events.data(), events.size()) > 0) {
    }
    std::vector<LogPipe> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(path_.c_str()), &::closedir};
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        const std::string name = entry->d_name;
        if (known_.contains(name)) {
            continue;
        }
        if (std::optional<LogPipe> pipe = open_pipe(name)) {
            known_.insert(name);
            found.push_back(std::move(*pipe));
        }
    }
    return found;
}

}  // namespace svcd::logd
