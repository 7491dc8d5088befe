#include "linux/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "linux/unique_fd.h"

namespace svcd {

Result<std::string> read_file_at(int folder, const char* path, std::size_t limit) {
    const UniqueFd fd{::openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd) {
        return failure(errno, "open", path);
    }
    std::string text;
    while (text.size() < limit) {
        const std::size_t before = text.size();
        text.resize(std::min(limit, before == 0 ? kSmallFile : before * 2));
        const ssize_t size = ::read(fd.get(), text.data() + before, text.size() - before);
        if (size < 0 && errno == EINTR) {
            text.resize(before);
            continue;
        }
        if (size < 0) {
            return failure(errno, "read", path);
        }
        text.resize(before + static_cast<std::size_t>(size));
        if (size == 0) {
            break;
        }
    }
    return text;
}

Result<void> write_file_at(int folder, const char* path, std::string_view text) {
    const UniqueFd fd{::openat(folder, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd) {
        return failure(errno, "open", path);
    }
    if (::write(fd.get(), text.data(), text.size()) < 0) {
        return failure(errno, "write", path);
    }
    return {};
}

}  // namespace svcd
