#include "manager/socket_keeper.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace svcd {

Result<void> SocketKeeper::watch(const std::string& folder) {
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    constexpr std::uint32_t kGone = IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), folder.c_str(), kGone) < 0) {
        const int why = errno;
        inotify_.reset();
        return failure(
            why, "watch the runtime folder", folder,
            "a socket of svcd that is deleted there comes back with a daemon-reload only");
    }
    return {};
}

SocketKeeper::Identity SocketKeeper::identity_of(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return {};
    }
    return {status.st_dev, status.st_ino};
}

void SocketKeeper::keep(const std::string& path, MakeAnew make_anew) {
    kept_.push_back({path, identity_of(path), std::move(make_anew)});
}

void SocketKeeper::look(const Told& told) {
    // Who is meant does not matter: all of them are looked at.
    alignas(inotify_event) std::array<char, 4096> events;
    while (inotify_ && ::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
    for (Kept& kept : kept_) {
        const Identity now = identity_of(kept.path);
        if (now == kept.identity && now.inode != 0) {
            continue;
        }
        const Result<void> made = kept.make_anew();
        kept.identity = identity_of(kept.path);
        told(kept.path, made);
    }
}

}  // namespace svcd
