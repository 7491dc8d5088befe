#include "launcher/manager_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/os.h"

namespace svcd {
namespace {

/// Requests between two looks at everything else.
constexpr int kRequestsPerTurn = 64;

struct Request {
    LinkMessage message;
    ssize_t size;
    int fd;  ///< -1: none came
    bool lost_fd;
};

/// The kernel pads control data, so more than one descriptor can come through: keep the first,
/// close the rest.
int take_fd(msghdr& header) {
    int kept = -1;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= part->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
            if (kept < 0) {
                kept = fd;
            } else {
                ::close(fd);
            }
        }
    }
    return kept;
}

Request receive(int link) {
    Request request{};
    iovec part{&request.message, sizeof request.message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    request.size = ::recvmsg(link, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    request.fd = request.size > 0 ? above_fixed_fds(take_fd(header)) : -1;
    request.lost_fd = request.fd < 0 && (header.msg_flags & MSG_CTRUNC) != 0;
    return request;
}

bool is_well_formed(const Request& request) {
    return request.size == ssize_t{sizeof request.message} &&
           std::memchr(request.message.name, '\0', sizeof request.message.name) != nullptr;
}

}  // namespace

ManagerLink::Stored ManagerLink::stored_[kStoredFdsMax];

void ManagerLink::set_limit(std::size_t limit) {
    limit_ = limit < kStoredFdsMax ? limit : kStoredFdsMax;
}

int ManagerLink::open() {
    close_link();
    owes_answer_ = false;
    next_item_ = items_end_ = 0;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -1;
    }
    fd_ = above_fixed_fds(ends[0]);
    return above_fixed_fds(ends[1]);
}

void ManagerLink::close_link() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

short ManagerLink::events() const {
    return owes_answer_ ? POLLOUT : POLLIN;
}

bool ManagerLink::serve() {
    bool is_ready = false;
    for (int turn = 0; turn < kRequestsPerTurn && fd_ >= 0 && flush(); ++turn) {
        Request request = receive(fd_);
        if (request.size < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (request.size <= 0) {
            close_link();  // the manager has ended, or wants no more of us
            break;
        }
        int status = EINVAL;
        if (is_well_formed(request)) {
            switch (request.message.kind) {
                case LinkKind::put:
                    status = request.lost_fd ? EMFILE : put(request.message.name, request.fd);
                    request.fd = status == 0 ? -1 : request.fd;
                    break;
                case LinkKind::drop:
                    status = drop(request.message.name);
                    break;
                case LinkKind::list:
                    next_item_ = 0;
                    items_end_ = count_;
                    status = 0;
                    break;
                case LinkKind::ready:
                    is_ready = true;
                    status = 0;
                    break;
                case LinkKind::item:
                case LinkKind::done:
                    break;  // ours to say
            }
        }
        if (request.fd >= 0) {
            ::close(request.fd);
        }
        owes_answer_ = true;
        answer_ = status;
    }
    if (fd_ >= 0) {
        flush();
    }
    return is_ready;
}

/// Sends what is owed. False when the manager has to make room first.
bool ManagerLink::flush() {
    while (owes_answer_ && next_item_ < items_end_) {
        LinkMessage item{};
        item.kind = LinkKind::item;
        std::memcpy(item.name, stored_[next_item_].name, sizeof item.name);
        if (send(item, stored_[next_item_].fd)) {
            ++next_item_;
            continue;
        }
        if (errno == EAGAIN) {
            return false;
        }
        answer_ = errno;  // ETOOMANYREFS, say: the list is cut short, and that is the answer
        next_item_ = items_end_;
    }
    if (owes_answer_) {
        LinkMessage done{};
        done.kind = LinkKind::done;
        done.status = answer_;
        if (!send(done, -1) && errno == EAGAIN) {
            return false;
        }
        owes_answer_ = false;
    }
    return true;
}

bool ManagerLink::send(const LinkMessage& message, int fd) {
    LinkMessage copy = message;
    iovec part{&copy, sizeof copy};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    return ::sendmsg(fd_, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

ManagerLink::Stored* ManagerLink::find(const char* name) {
    for (std::size_t index = 0; index < count_; ++index) {
        if (std::strcmp(stored_[index].name, name) == 0) {
            return &stored_[index];
        }
    }
    return nullptr;
}

/// 0, and the descriptor is the store's; or why not.
int ManagerLink::put(const char* name, int fd) {
    if (fd < 0) {
        return EBADF;
    }
    if (name[0] == '\0') {
        return EINVAL;
    }
    Stored* place = find(name);
    if (place != nullptr) {
        ::close(place->fd);
    } else if (count_ < limit_) {
        place = &stored_[count_++];
        std::strcpy(place->name, name);  // fits: both arrays have one size, and it is terminated
    } else {
        return ENFILE;
    }
    place->fd = fd;
    return 0;
}

int ManagerLink::drop(const char* name) {
    Stored* place = find(name);
    if (place == nullptr) {
        return ENOENT;
    }
    ::close(place->fd);
    *place = stored_[--count_];
    return 0;
}

}  // namespace svcd
