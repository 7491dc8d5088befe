#include "launcher/notify.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "launcher/os.h"

namespace svcd {

void ReadyNotice::take_from_environment() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path != nullptr && (path[0] == '/' || path[0] == '@')) {
        if (std::strlen(path) < sizeof path_) {
            std::strcpy(path_, path);
        } else {
            say("NOTIFY_SOCKET is too long; READY=1 will not be sent");
        }
    }
    ::unsetenv("NOTIFY_SOCKET");
}

void ReadyNotice::send() {
    if (path_[0] == '\0') {
        return;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(path_);
    std::memcpy(address.sun_path, path_, length);
    if (path_[0] == '@') {
        address.sun_path[0] = '\0';  // an abstract name
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    constexpr char kReady[] = "READY=1";
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::sendto(fd, kReady, sizeof kReady - 1, MSG_DONTWAIT | MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), size) < 0) {
        say("can't send READY=1 to %s: %s", path_, std::strerror(errno));
    }
    if (fd >= 0) {
        ::close(fd);
    }
    path_[0] = '\0';
}

}  // namespace svcd
