#include "state/fd_store.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace svcd {
namespace {

using Clock = std::chrono::steady_clock;

std::string_view verb_of(LinkKind kind) {
    switch (kind) {
        case LinkKind::put:
            return "store the descriptor";
        case LinkKind::drop:
            return "drop the stored descriptor";
        case LinkKind::list:
            return "list the stored descriptors";
        case LinkKind::ready:
            return "report that svcd-manager is ready";
        case LinkKind::shell:
            return "ask for a rescue shell";
        case LinkKind::item:
        case LinkKind::done:
            return "answer";  // the launcher's own words
    }
    return "ask";
}

/// Ready for `events` before the deadline?
Result<void> wait_for(int link, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd waiting{link, events, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<long long>(left, 0)));
        if (ready > 0) {
            return {};
        }
        if (ready == 0) {
            return failure(ETIMEDOUT, "poll", "the launcher's link", "svcd did not answer");
        }
        if (errno != EINTR) {
            return failure(errno, "poll", "the launcher's link");
        }
    }
}

/// The descriptor in a message's control data, or -1. The launcher sends at most one.
int descriptor_in(msghdr& message) {
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    if (control == nullptr || control->cmsg_level != SOL_SOCKET ||
        control->cmsg_type != SCM_RIGHTS || control->cmsg_len != CMSG_LEN(sizeof(int))) {
        return -1;
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(control), sizeof fd);
    return fd;
}

}  // namespace

FdStore::FdStore(UniqueFd link) : link_(std::move(link)) {}

Result<void> FdStore::ask(LinkKind kind, std::string_view name, int fd) {
    LinkMessage message{};
    message.kind = kind;
    if (name.size() >= sizeof message.name) {
        return failure(ENAMETOOLONG, std::string(verb_of(kind)), std::string(name),
                       "at most 247 bytes");
    }
    std::copy(name.begin(), name.end(), message.name);

    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fd >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    const auto deadline = Clock::now() + kLinkTimeout;
    for (;;) {
        if (::sendmsg(link_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return {};
        }
        if (errno == EAGAIN) {
            if (Result<void> ready = wait_for(link_.get(), POLLOUT, deadline); !ready) {
                return ready;
            }
            continue;
        }
        if (errno != EINTR) {
            return failure(errno, std::string(verb_of(kind)), std::string(name));
        }
    }
}

Result<LinkMessage> FdStore::receive(Clock::time_point deadline, UniqueFd& fd) {
    LinkMessage message{};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    for (;;) {
        if (Result<void> ready = wait_for(link_.get(), POLLIN, deadline); !ready) {
            return Failure{ready.error()};
        }
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(link_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (size < 0) {
            return failure(errno, "recvmsg", "the launcher's link");
        }
        if (size == 0) {
            return failure(ECONNRESET, "recvmsg", "the launcher's link", "svcd closed it");
        }
        fd.reset(descriptor_in(header));
        if (static_cast<std::size_t>(size) != sizeof message ||
            message.name[sizeof message.name - 1] != '\0') {
            return failure(EPROTO, "recvmsg", "the launcher's link", "a malformed answer");
        }
        return message;
    }
}

/// The next message that answers the present call.
Result<LinkMessage> FdStore::answer(Clock::time_point deadline, UniqueFd& fd) {
    for (;;) {
        Result<LinkMessage> message = receive(deadline, fd);
        if (!message || late_answers_ == 0) {
            return message;
        }
        fd.reset();
        if (message->kind == LinkKind::done) {
            --late_answers_;
        }
    }
}

Result<void> FdStore::call(LinkKind kind, std::string_view name, int fd) {
    if (Result<void> asked = ask(kind, name, fd); !asked) {
        return asked;
    }
    UniqueFd unused;
    Result<LinkMessage> message = answer(Clock::now() + kLinkTimeout, unused);
    if (!message) {
        ++late_answers_;
        return failure(message.error().error_number, std::string(verb_of(kind)), std::string(name),
                       message.error().detail);
    }
    if (message->kind != LinkKind::done || message->status != 0) {
        const int status = message->kind == LinkKind::done ? message->status : EPROTO;
        return failure(status, std::string(verb_of(kind)), std::string(name), "refused by svcd");
    }
    return {};
}

Result<void> FdStore::put(std::string_view name, int fd) {
    if (fd < 0) {
        return failure(EBADF, std::string(verb_of(LinkKind::put)), std::string(name));
    }
    return call(LinkKind::put, name, fd);
}

Result<void> FdStore::drop(std::string_view name) {
    return call(LinkKind::drop, name, -1);
}

Result<void> FdStore::ready() {
    return call(LinkKind::ready, {}, -1);
}

Result<void> FdStore::rescue_shell() {
    return call(LinkKind::shell, {}, -1);
}

Result<std::vector<StoredFd>> FdStore::list() {
    if (Result<void> asked = ask(LinkKind::list, {}, -1); !asked) {
        return Failure{asked.error()};
    }
    const auto deadline = Clock::now() + kLinkTimeout;
    std::vector<StoredFd> stored;
    for (;;) {
        UniqueFd fd;
        Result<LinkMessage> message = answer(deadline, fd);
        if (!message) {
            ++late_answers_;
            return Failure{message.error()};
        }
        if (message->kind == LinkKind::done) {
            if (message->status != 0) {
                return failure(message->status, std::string(verb_of(LinkKind::list)));
            }
            return stored;
        }
        // Without a descriptor when this process has no room for more (RLIMIT_NOFILE).
        if (!fd) {
            ++late_answers_;
            return failure(EMFILE, std::string(verb_of(LinkKind::list)), message->name);
        }
        stored.push_back(StoredFd{message->name, std::move(fd)});
    }
}

}  // namespace svcd
