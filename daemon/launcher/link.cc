#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "launcher/launcher.h"

namespace svcd::link {

std::size_t limit = kStoredFdsMax;
bool wants_shell = false;

namespace {

/// Requests between two looks at everything else.
constexpr int kRequestsPerTurn = 64;

struct Stored {
    int fd;
    char name[sizeof LinkMessage::name];
};
Stored stored[kStoredFdsMax];  // untouched pages of it cost nothing
std::size_t stored_count = 0;

int link_fd = -1;
bool owes_answer = false;  // a `done` with `answer` is still to be sent ...
int answer = 0;
std::size_t next_item = 0;  // ... after the items from here
std::size_t items_end = 0;  // to here

void close_link() {
    ::close(link_fd);
    link_fd = -1;
}

/// One message, with room for just one descriptor: the kernel has more than that come to nothing.
struct Parcel {
    LinkMessage message{};
    alignas(cmsghdr) char control[CMSG_LEN(sizeof(int))] = {};
    iovec part{&message, sizeof message};
    msghdr all{nullptr, 0, &part, 1, control, sizeof control, 0};
};

void let_go(int fd) {
    close_aside(fd, static_cast<unsigned>(fd));
}

/// -1: none came.
int fd_in(const Parcel& parcel) {
    int fd = -1;
    const cmsghdr* rights = CMSG_FIRSTHDR(&parcel.all);
    if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
        std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    }
    return fd;
}

bool send(LinkKind kind, int status, const char* name, int fd) {
    Parcel parcel;
    parcel.message.kind = kind;
    parcel.message.status = status;
    std::strcpy(parcel.message.name, name);
    cmsghdr* rights = CMSG_FIRSTHDR(&parcel.all);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    parcel.all.msg_controllen = fd < 0 ? 0 : sizeof parcel.control;
    return ::sendmsg(link_fd, &parcel.all, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/// Sends what is owed. False when the manager has to make room first.
bool flush() {
    for (; owes_answer && next_item < items_end; ++next_item) {
        if (send(LinkKind::item, 0, stored[next_item].name, stored[next_item].fd)) {
            continue;
        }
        if (errno == EAGAIN) {
            return false;
        }
        answer = errno;  // ETOOMANYREFS, say: the list is cut short, and that is the answer
        items_end = 0;
    }
    owes_answer = owes_answer && !send(LinkKind::done, answer, "", -1) && errno == EAGAIN;
    return !owes_answer;
}

Stored* find(const char* name) {
    for (std::size_t index = 0; index < stored_count; ++index) {
        if (std::strcmp(stored[index].name, name) == 0) {
            return &stored[index];
        }
    }
    return nullptr;
}

/// 0, and the descriptor is the store's; or why not.
int put(const char* name, int fd) {
    if (fd < 0 || name[0] == '\0') {
        return fd < 0 ? EBADF : EINVAL;
    }
    Stored* place = find(name);
    if (place != nullptr) {
        let_go(place->fd);
    } else if (stored_count < std::min(limit, kStoredFdsMax)) {
        place = &stored[stored_count++];
        std::strcpy(place->name, name);  // fits: both arrays have one size, and it is terminated
    } else {
        return ENFILE;
    }
    place->fd = fd;
    return 0;
}

int drop(const char* name) {
    Stored* place = find(name);
    if (place == nullptr) {
        return ENOENT;
    }
    let_go(place->fd);
    *place = stored[--stored_count];
    return 0;
}

/// Does what is asked for: 0, or why not. What it keeps of `fd` it sets to -1.
int obey(const Parcel& request, int& fd, bool& is_ready) {
    const LinkMessage& message = request.message;
    if (std::memchr(message.name, '\0', sizeof message.name) == nullptr) {
        return EINVAL;
    }
    int status = 0;
    switch (message.kind) {
        case LinkKind::put:
            status = fd < 0 && (request.all.msg_flags & MSG_CTRUNC) != 0 ? EMFILE
                                                                         : put(message.name, fd);
            fd = status == 0 ? -1 : fd;
            return status;
        case LinkKind::drop:
            return drop(message.name);
        case LinkKind::list:
            next_item = 0;
            items_end = stored_count;
            return 0;
        case LinkKind::ready:
            is_ready = true;
            return 0;
        case LinkKind::shell:
            wants_shell = true;
            return 0;
        case LinkKind::item:
        case LinkKind::done:
            break;  // ours to say
    }
    return EINVAL;
}

}  // namespace

int open() {
    close_link();
    owes_answer = false;
    next_item = items_end = 0;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -1;
    }
    link_fd = ends[0];
    return ends[1];
}

pollfd source() {
    return {link_fd, static_cast<short>(owes_answer ? POLLOUT : POLLIN), 0};
}

bool serve() {
    bool is_ready = false;
    for (int turn = 0; turn < kRequestsPerTurn && link_fd >= 0 && flush(); ++turn) {
        Parcel request;
        const ssize_t size = ::recvmsg(link_fd, &request.all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return is_ready;
        }
        int fd = size < 0 ? -1 : fd_in(request);
        answer = size == ssize_t{sizeof request.message} ? obey(request, fd, is_ready) : EINVAL;
        owes_answer = true;
        if (fd >= 0) {
            let_go(fd);
        }
        if (size <= 0) {
            close_link();  // the manager has ended, or wants no more of us
        }
    }
    if (link_fd >= 0) {
        flush();
    }
    return is_ready;
}

}  // namespace svcd::link
