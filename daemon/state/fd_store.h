// The client of the launcher's fd store: descriptors that must survive the manager (the notify
// socket, listening sockets, log pipes, FDSTORE=1) are kept by the launcher under a name.
//
// Each call asks one thing and waits for the answer, which the launcher gives at once; after
// kLinkTimeout it fails with ETIMEDOUT, and an answer that comes later is recognised as late and
// dropped. A refusal (ENFILE: the store is full; ENAMETOOLONG, EINVAL: a bad name) is an error like
// any other: the manager goes on, and says that this descriptor will not survive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.h"
#include "launcher/protocol.h"
#include "linux/unique_fd.h"

namespace svcd {

/// The launcher answers within microseconds. It is slower only when it is stopped or starved.
inline constexpr std::chrono::milliseconds kLinkTimeout{1000};

struct StoredFd {
    std::string name;
    UniqueFd fd;
};

class FdStore {
public:
    /// `link`: what the launcher left at kLinkFd.
    explicit FdStore(UniqueFd link);

    /// Stores a duplicate of `fd`; the caller keeps its own. A name that is taken is replaced.
    /// Names have 1 to 247 bytes.
    Result<void> put(std::string_view name, int fd);
    /// Closes the stored descriptor. ENOENT when there is none of that name.
    Result<void> drop(std::string_view name);
    /// Duplicates of everything stored, close-on-exec.
    Result<std::vector<StoredFd>> list();
    /// Tells the launcher that this manager takes commands now: READY=1 to whoever started svcd.
    Result<void> ready();
    /// Has the launcher put a rescue shell on the console, if it is a machine's.
    Result<void> rescue_shell();

private:
    Result<void> ask(LinkKind kind, std::string_view name, int fd);
    Result<LinkMessage> receive(std::chrono::steady_clock::time_point deadline, UniqueFd& fd);
    Result<LinkMessage> answer(std::chrono::steady_clock::time_point deadline, UniqueFd& fd);
    Result<void> call(LinkKind kind, std::string_view name, int fd);

    UniqueFd link_;
    std::uint32_t late_answers_ = 0;  ///< `done` messages still to come for calls that timed out
};

}  // namespace svcd
