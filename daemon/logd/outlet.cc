#include "logd/outlet.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace svcd::logd {

// O_NONBLOCK would be everybody's who has the same open file. A pipe that is writable has room for
// PIPE_BUF bytes.
bool Outlet::can_write() const {
    pollfd room{fd_, POLLOUT, 0};
    return ::poll(&room, 1, 0) != 0;
}

void Outlet::write(std::string_view prefix, std::string_view line) {
    std::string piece{prefix};
    piece.append(line);
    piece.push_back('\n');
    std::string_view rest = piece;
    while (!rest.empty()) {
        const ssize_t written = ::write(fd_, rest.data(), rest.size());
        if (written <= 0 && errno != EINTR) {
            return;
        }
        rest.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

}  // namespace svcd::logd
