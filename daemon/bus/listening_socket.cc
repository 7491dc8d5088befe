#include "bus/listening_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace svcd {
namespace {

constexpr int kPassRights = 83;  // SO_PASSRIGHTS; the headers of Debian 12 don't have it

/// No call of ours takes descriptors. Linux 6.16 refuses them to their sender, here and in every
/// connection that is accepted; before, the kernel closes them when we read what they came with.
void refuse_descriptors(int listener) {
    constexpr int kOff = 0;
    ::setsockopt(listener, SOL_SOCKET, kPassRights, &kOff, sizeof kOff);
}

}  // namespace

Result<Descriptor> listen_at(const SocketPlace& place) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string draft = place.path + ".new";
    if (place.path.empty() || draft.size() >= sizeof address.sun_path) {
        return failure(ENAMETOOLONG, "listen on the private socket", place.path,
                       "a socket's path has 1 to 103 bytes; choose a shorter --runtime-dir");
    }
    std::memcpy(address.sun_path, draft.data(), draft.size());
    Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener) {
        return failure(errno, "make the private socket", place.path);
    }
    ::unlink(draft.c_str());
    const int fd = listener.get();
    refuse_descriptors(fd);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        return failure(errno, "bind the private socket to", place.path);
    }
    if (place.group && ::chown(draft.c_str(), static_cast<uid_t>(-1), *place.group) < 0) {
        return failure(errno, "set the group of the private socket", place.path,
                       "give another BusGroup in svcd.yaml");
    }
    if (::chmod(draft.c_str(), place.mode) < 0) {
        return failure(errno, "set the mode of the private socket", place.path);
    }
    if (::listen(fd, SOMAXCONN) < 0) {
        return failure(errno, "listen on the private socket", place.path);
    }
    if (::rename(draft.c_str(), place.path.c_str()) < 0) {
        return failure(errno, "give its name to the private socket", place.path);
    }
    return listener;
}

bool may_bring_descriptors(int listener) {
    int passes = 1;
    socklen_t size = sizeof passes;
    return ::getsockopt(listener, SOL_SOCKET, kPassRights, &passes, &size) != 0 || passes != 0;
}

}  // namespace svcd
