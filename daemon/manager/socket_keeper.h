// Notices that a socket's file has gone from the runtime folder, or is another's.
//
// A person or a cleaner of temporary files may delete them while svcd runs. Without its file a
// socket can't be reached by anybody new, and nothing would ever mend that. The folder is watched
// by inotify: nothing is looked at before something was deleted or renamed there.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

class SocketKeeper {
public:
    using MakeAnew = std::function<Result<void>()>;

    /// Watches `folder`. Without inotify only look() notices.
    Result<void> watch(const std::string& folder);
    int watch_fd() const { return inotify_.get(); }

    /// The socket at `path` is there now; `make_anew` makes another.
    void keep(const std::string& path, MakeAnew make_anew);

    /// Looks at all of them, and makes anew what is gone. `told` hears of each, and whether that
    /// was done.
    using Told = std::function<void(const std::string& path, const Result<void>& made)>;
    void look(const Told& told);

private:
    struct Identity {
        dev_t device = 0;
        ino_t inode = 0;
        bool operator==(const Identity&) const = default;
    };
    struct Kept {
        std::string path;
        Identity identity;
        MakeAnew make_anew;
    };
    /// All zero when there is no socket.
    static Identity identity_of(const std::string& path);

    UniqueFd inotify_;
    std::vector<Kept> kept_;
};

}  // namespace svcd
