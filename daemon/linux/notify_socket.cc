#include "linux/notify_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "core/types/record.h"
#include "core/types/utf8.h"
#include "linux/pidfd.h"
#include "linux/procfs.h"
#include "linux/prod.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

// Linux 6.5; the headers of Debian 12 don't have them.
constexpr int kPassPidfd = 76;  // SO_PASSPIDFD
constexpr int kScmPidfd = 4;    // SCM_PIDFD

/// Counted when the socket is made. Only raised, and where we may not (a container), the service
/// waits a little instead.
void raise_queue_length() {
    constexpr const char* kPath = "/proc/sys/net/unix/max_dgram_qlen";
    const Result<std::string> text = read_file_at(AT_FDCWD, kPath, kSmallFile);
    int length = 0;
    if (text) {
        std::from_chars(text->data(), text->data() + text->size(), length);
    }
    if (length > 0 && length < kNotifyQueueLength) {
        static_cast<void>(write_file_at(AT_FDCWD, kPath, std::to_string(kNotifyQueueLength)));
    }
}

/// A look at the first datagram. What its sender has sent beside the text finds no room, so that no
/// descriptor of a stranger's is ever ours. `passes_pidfd` makes room for SCM_PIDFD, which would be
/// taken by such a descriptor.
struct Look {
    ssize_t size = -1;  ///< of the text, also beyond its place; -1: see errno
    int flags = 0;      ///< of recvmsg(2)
    std::optional<ucred> sender;
    UniqueFd pidfd;
};

Look look_at_first(int socket, char* text, std::size_t room, bool passes_pidfd) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))> control;
    iovec part{text, room};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen =
        CMSG_SPACE(sizeof(ucred)) + (passes_pidfd ? CMSG_SPACE(sizeof(int)) : 0);
    Look look;
    look.size = ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    look.flags = message.msg_flags;
    for (cmsghdr* header = look.size < 0 ? nullptr : CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (header->cmsg_type == SCM_CREDENTIALS && header->cmsg_len == CMSG_LEN(sizeof(ucred))) {
            look.sender.emplace();
            std::memcpy(&*look.sender, CMSG_DATA(header), sizeof(ucred));
        } else if (header->cmsg_type == kScmPidfd && header->cmsg_len == CMSG_LEN(sizeof(int))) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
            look.pidfd.reset(fd);
        }
    }
    return look;
}

/// The sender of the first datagram, which has come without descriptors. Nothing where the kernel
/// has no SO_PASSPIDFD (before Linux 6.5).
UniqueFd pidfd_of_sender(int socket) {
    constexpr int kOn = 1;
    constexpr int kOff = 0;
    if (::setsockopt(socket, SOL_SOCKET, kPassPidfd, &kOn, sizeof(kOn)) < 0) {
        return UniqueFd{};
    }
    char nothing = 0;
    Look look = look_at_first(socket, &nothing, sizeof nothing, true);
    ::setsockopt(socket, SOL_SOCKET, kPassPidfd, &kOff, sizeof(kOff));
    return std::move(look.pidfd);
}

/// With a pidfd we know whether the PID was still the sender's when its place was read.
std::string place_of_sender(Pid sender, const PlaceOf& place_of, const UniqueFd& pidfd) {
    Result<std::string> place = place_of(sender);
    if (!place || (pidfd && !send_signal(pidfd, 0))) {
        return {};
    }
    return *place;
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || rest != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<Duration> microseconds_of(std::string_view text) {
    const std::optional<std::uint64_t> number = number_of<std::uint64_t>(text);
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
    if (!number) {
        return std::nullopt;
    }
    return Duration{static_cast<Duration::rep>(std::min(*number, kMax))};
}

/// A status text, cut at a whole character, with '?' for what is no text.
std::string status_of(std::string_view text) {
    std::string status = without_controls(text);
    std::size_t size = 0;
    while (size < status.size()) {
        const std::size_t length = utf8_length(std::string_view{status}.substr(size));
        if (size + length > kStatusTextMax) {
            break;
        }
        size += length;
    }
    status.resize(size);
    return status;
}

void apply_field(std::string_view name, std::string_view value, ParsedNotification& parsed) {
    Notification& notification = parsed.notification;
    if (name == "READY") {
        notification.ready |= value == "1";
    } else if (name == "STOPPING") {
        notification.stopping |= value == "1";
    } else if (name == "RELOADING") {
        notification.reloading |= value == "1";
    } else if (name == "WATCHDOG") {
        notification.watchdog |= value == "1";
        notification.watchdog_trigger |= value == "trigger";
    } else if (name == "BARRIER") {
        parsed.barrier |= value == "1";
    } else if (name == "MAINPID") {
        const std::optional<Pid> pid = number_of<Pid>(value);
        if (pid && *pid > 0) {
            notification.main_pid = pid;
        }
    } else if (name == "STATUS") {
        notification.status = status_of(value);
    } else if (name == "ERRNO") {
        const std::optional<int> number = number_of<int>(value);
        if (number && *number >= 0) {
            notification.error_number = number;
        }
    } else if (name == "EXTEND_TIMEOUT_USEC") {
        if (const std::optional<Duration> extension = microseconds_of(value)) {
            notification.extend_timeout = extension;
        }
    } else if (name == "WATCHDOG_USEC") {
        if (const std::optional<Duration> interval = microseconds_of(value)) {
            notification.watchdog_interval = interval;
        }
    } else if (name == "MONOTONIC_USEC") {
        if (const std::optional<Duration> moment = microseconds_of(value)) {
            notification.monotonic = Time{*moment};
        }
    }
}

}  // namespace

Result<UniqueFd> make_notify_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return failure(ENAMETOOLONG, "bind", path,
                       "a socket's path has at most 107 bytes: use a shorter runtime directory");
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    raise_queue_length();
    UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
        return failure(errno, "socket", path);
    }
    constexpr int kOn = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &kOn, sizeof(kOn)) < 0) {
        return failure(errno, "setsockopt SO_PASSCRED", path);
    }
    ::unlink(path.c_str());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
        return failure(errno, "bind", path);
    }
    if (::chmod(path.c_str(), 0666) < 0) {
        return failure(errno, "chmod", path);
    }
    return fd;
}

void take_over_notify_socket(int socket) {
    constexpr int kOff = 0;
    ::setsockopt(socket, SOL_SOCKET, kPassPidfd, &kOff, sizeof(kOff));
}

Result<std::optional<NotifyDatagram>> peek_notification(int socket, const PlaceOf& place_of) {
    std::array<char, kNotifyMax + 1> text;
    const Look look = look_at_first(socket, text.data(), text.size(), false);
    if (look.size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return std::optional<NotifyDatagram>{};
    }
    if (look.size < 0) {
        return failure(errno, "recvmsg", "the notify socket");
    }
    NotifyDatagram datagram;
    datagram.has_descriptors = (look.flags & MSG_CTRUNC) != 0;
    if (look.sender) {
        datagram.sender = look.sender->pid;
        datagram.uid = look.sender->uid;
        datagram.place =
            place_of_sender(datagram.sender, place_of,
                            datagram.has_descriptors ? UniqueFd{} : pidfd_of_sender(socket));
    }
    // Half a message is none: the text is left empty.
    if ((look.flags & MSG_TRUNC) == 0 && static_cast<std::size_t>(look.size) <= kNotifyMax) {
        datagram.text.assign(text.data(), static_cast<std::size_t>(look.size));
    }
    return std::optional{std::move(datagram)};
}

void drop_notification(int socket, bool has_descriptors) {
    const Prod prod{has_descriptors};
    // Its descriptors have no room to go to, so the kernel closes them.
    char nothing = 0;
    [[maybe_unused]] const ssize_t size = ::recv(socket, &nothing, sizeof nothing, MSG_DONTWAIT);
}

ParsedNotification parse_notification(std::string_view text) {
    ParsedNotification parsed;
    // sd_notify(3) senders in other languages may count the terminating NUL in; one elsewhere makes
    // the message something else than text.
    if (text.ends_with('\0')) {
        text.remove_suffix(1);
    }
    if (text.size() > kNotifyMax || text.find('\0') != std::string_view::npos) {
        return parsed;
    }
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of("\n\r", at), text.size());
        const std::string_view line = text.substr(at, end - at);
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            apply_field(line.substr(0, equals), line.substr(equals + 1), parsed);
        }
        at = end + 1;
    }
    if (parsed.barrier) {
        parsed.notification = Notification{};  // a barrier comes alone
    }
    return parsed;
}

}  // namespace svcd
