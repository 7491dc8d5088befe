// The socket that services send their sd_notify(3) messages to: RUNTIME_DIR/notify, datagrams with
// SCM_CREDENTIALS (and SCM_PIDFD where the kernel has it), so that the sender is who the kernel
// says.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/event.h"
#include "core/types/result.h"
#include "linux/procfs.h"
#include "linux/unique_fd.h"

namespace svcd {

/// A datagram as it came. `place` is where the sender was at receipt (its cgroup path, or what the
/// caller asks for instead); empty when it was gone already.
struct NotifyDatagram {
    Pid sender = 0;
    std::uint32_t uid = 0;
    std::string place;
    std::string text;              ///< at most kNotifyMax bytes
    bool has_descriptors = false;  ///< which its sender sent with it
};

inline constexpr std::size_t kNotifyMax = 8192;
/// Datagrams that the socket holds before its senders wait, where we may say so.
inline constexpr int kNotifyQueueLength = 512;

/// Raises net.unix.max_dgram_qlen to 512 where it may, then makes the socket (mode 0666 in a folder
/// that all may enter).
Result<UniqueFd> make_notify_socket(const std::string& path);

/// For one that a manager before this one has made, perhaps of another version.
void take_over_notify_socket(int socket);

/// The first datagram, which stays there until it is dropped: a reader that dies before it has
/// written down what it was told is told again, when it has been started again. Nothing when there
/// is none. Descriptors that came with it are not taken: the close of one of a file system that its
/// sender serves (FUSE) would wait for its sender.
using PlaceOf = std::function<Result<std::string>(Pid)>;
Result<std::optional<NotifyDatagram>> peek_notification(int socket,
                                                        const PlaceOf& place_of = cgroup_of);
/// The kernel closes its descriptors. `has_descriptors`: as the datagram says; true where that is
/// not known.
void drop_notification(int socket, bool has_descriptors);

/// The fields of a datagram; `unit` and `sender` are for the caller to fill in. Unknown fields are
/// skipped, bad values are left out. `barrier`: the message is BARRIER=1, whose descriptor is to be
/// closed once all messages before it were handled.
struct ParsedNotification {
    Notification notification;
    bool barrier = false;
};
ParsedNotification parse_notification(std::string_view text);

}  // namespace svcd
