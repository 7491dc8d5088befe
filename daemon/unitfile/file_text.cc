#include "unitfile/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace svcd {
namespace {

class File {
public:
    // O_NONBLOCK: the open of a FIFO or a device returns at once; fstat then tells what it is.
    explicit File(const std::string& path)
        : fd_{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)} {}
    ~File() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

std::string_view kind_of_file(mode_t mode) {
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a FIFO";
    }
    if (S_ISSOCK(mode)) {
        return "a socket";
    }
    return "a device";
}

Failure too_large(const std::string& path) {
    return failure(0, "read", path,
                   "the file is larger than " + std::to_string(kUnitFileMax / 1024) +
                       " KiB, so it can't be a unit file");
}

}  // namespace

Result<FileText> read_file_text(const std::string& path) {
    const File file{path};
    if (file.fd() < 0) {
        const int error = errno;
        struct stat link {};
        if (error == ENOENT && ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
            return failure(0, "open", path, "dangling link: what it points to does not exist");
        }
        return failure(error, "open", path);
    }
    struct stat status {};
    if (::fstat(file.fd(), &status) < 0) {
        return failure(errno, "stat", path);
    }
    if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3)) {
        return FileText{{}, true};
    }
    if (!S_ISREG(status.st_mode)) {
        return failure(
            0, "read", path,
            "it is " + std::string(kind_of_file(status.st_mode)) + ", not a regular file");
    }
    if (status.st_size > static_cast<off_t>(kUnitFileMax)) {
        return too_large(path);
    }
    FileText result;
    result.is_private = (status.st_mode & S_IROTH) == 0;
    // One byte more than stat said, so that the end is seen in the first read.
    result.text.resize(static_cast<std::size_t>(status.st_size) + 1);
    std::size_t length = 0;
    for (;;) {
        const ssize_t count =
            ::read(file.fd(), result.text.data() + length, result.text.size() - length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failure(errno, "read", path);
        }
        if (count == 0) {
            break;
        }
        length += static_cast<std::size_t>(count);
        if (length > kUnitFileMax) {
            return too_large(path);
        }
        if (length == result.text.size()) {
            result.text.resize(length * 2);  // it grew meanwhile, or stat doesn't know its size
        }
    }
    result.text.resize(length);
    result.masked = result.text.empty();
    return result;
}

}  // namespace svcd
