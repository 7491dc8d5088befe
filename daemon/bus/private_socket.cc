#include "bus/private_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace svcd {

namespace {

/// Clients accepted in one turn of the loop; the rest come in the next.
constexpr int kAcceptsPerTurn = 64;

Caller peer_of(int fd) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
        return {};
    }
    return {credentials.uid, credentials.pid};
}

int open_spare() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

// ── one client ───────────────────────────────────────────────────────────────────────────────

PrivateConnection::PrivateConnection(PrivateSocket& owner, DriverFacts facts, bool trusted)
    : Connection(trusted ? kQueuedBytesMax : kQueuedBytesMax / 4),
      owner_(owner),
      facts_(std::move(facts)),
      trusted_(trusted) {}

bool PrivateConnection::start(int fd, sd_id128_t server_id, sd_event* loop, int priority) {
    sd_bus* bus = nullptr;
    if (sd_bus_new(&bus) < 0) {
        ::close(fd);
        return false;
    }
    open(bus);
    if (sd_bus_set_fd(bus, fd, fd) < 0) {
        ::close(fd);
        return false;
    }
    sd_bus_slot* filter = nullptr;
    if (sd_bus_set_server(bus, 1, server_id) < 0 || sd_bus_negotiate_fds(bus, 0) < 0 ||
        sd_bus_set_sender(bus, kBusName) < 0 ||
        sd_bus_add_filter(bus, &filter, &PrivateConnection::on_message, this) < 0) {
        return false;
    }
    filter_.reset(filter);
    return sd_bus_start(bus) >= 0 && sd_bus_attach_event(bus, loop, priority) >= 0;
}

bool PrivateConnection::finish_handshake() {
    // The buffer of a handshake has 256 bytes, which is room for less than this.
    constexpr int kMessagesMax = 16;
    if (is_open() && sd_bus_is_ready(bus()) == 0) {
        return false;
    }
    for (int i = 0; i < kMessagesMax && is_open(); ++i) {
        const int status = sd_bus_process(bus(), nullptr);
        if (status < 0) {
            cut();
        }
        if (status <= 0) {
            break;
        }
    }
    return true;
}

bool PrivateConnection::subscribe(sd_bus_message*) {
    subscribed_ = true;
    return true;
}

void PrivateConnection::unsubscribe(sd_bus_message*) {
    subscribed_ = false;
}

void PrivateConnection::on_cut() {
    owner_.requests_.forget(*this);
    owner_.schedule_reap();
}

int PrivateConnection::on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    return static_cast<PrivateConnection*>(self)->handle(message);
}

int PrivateConnection::handle(sd_bus_message* message) {
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    if (type == SD_BUS_MESSAGE_SIGNAL &&
        sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected") > 0) {
        cut();
        return 1;
    }
    if (type != SD_BUS_MESSAGE_METHOD_CALL) {
        return 1;  // a client has nothing to tell us but calls
    }
    const char* interface = sd_bus_message_get_interface(message);
    if (interface && std::string_view(interface) == "org.freedesktop.DBus.Peer") {
        return 0;  // sd-bus answers
    }
    const char* destination = sd_bus_message_get_destination(message);
    const std::string_view to = destination ? destination : kBusName;
    if (to == "org.freedesktop.DBus") {
        answer_as_driver(*this, message, facts_, wants_signals_);
    } else if (to == kBusName) {
        owner_.dispatcher_.dispatch({*this, message, facts_.client});
    } else {
        answer_error(
            message, kErrorServiceUnknown,
            "There is no " + std::string(to) + " on svcd's private socket; there is org.svcd1.");
    }
    return 1;
}

// ── the listener ─────────────────────────────────────────────────────────────────────────────

PrivateSocket::PrivateSocket(sd_event* loop,
                             Dispatcher& dispatcher,
                             Requests& requests,
                             Authority authority)
    : loop_(loop), dispatcher_(dispatcher), requests_(requests), authority_(authority) {}

PrivateSocket::~PrivateSocket() {
    if (fd_ >= 0) {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
        ::close(fd_);
    }
    if (spare_fd_ >= 0) {
        ::close(spare_fd_);
    }
}

Result<void> PrivateSocket::listen(const std::string& path, int priority) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // It takes its name only when it listens, in place of the one that a manager before us left: so
    // there is no moment in which a client finds no socket and thinks that there is no svcd.
    const std::string draft = path + ".new";
    if (path.empty() || draft.size() >= sizeof address.sun_path) {
        return failure(ENAMETOOLONG, "listen on the private socket", path,
                       "a socket's path has 1 to 103 bytes; choose a shorter --runtime-dir");
    }
    std::memcpy(address.sun_path, draft.data(), draft.size());
    if (sd_id128_randomize(&server_id_) < 0) {
        return failure(errno, "draw an ID for the private socket");
    }
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return failure(errno, "make the private socket", path);
    }
    ::unlink(draft.c_str());
    const auto fail = [&](const char* operation, int error_number) {
        ::close(fd);
        return failure(error_number, operation, path);
    };
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        return fail("bind the private socket to", errno);
    }
    if (::chmod(draft.c_str(), 0666) < 0) {
        return fail("set the mode of the private socket", errno);
    }
    if (::listen(fd, SOMAXCONN) < 0) {
        return fail("listen on the private socket", errno);
    }
    if (::rename(draft.c_str(), path.c_str()) < 0) {
        return fail("give its name to the private socket", errno);
    }
    sd_event_source* readable = nullptr;
    sd_event_source* after_turn = nullptr;
    int added = sd_event_add_io(loop_, &readable, fd, EPOLLIN, &PrivateSocket::on_readable, this);
    readable_.reset(readable);
    if (added >= 0) {
        added = sd_event_add_post(loop_, &after_turn, &PrivateSocket::on_turn, this);
        after_turn_.reset(after_turn);
    }
    if (added < 0) {
        readable_.reset();
        return fail("watch the private socket", -added);
    }
    sd_event_source_set_priority(readable, priority);
    sd_event_source_set_priority(after_turn, priority);
    sd_event_source_set_enabled(after_turn, SD_EVENT_OFF);
    path_ = path;
    fd_ = fd;
    priority_ = priority;
    spare_fd_ = open_spare();
    return {};
}

int PrivateSocket::on_readable(sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<PrivateSocket*>(self)->accept_some();
    return 0;
}

void PrivateSocket::accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_one(fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            refuse_for_want_of_descriptors();
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

void PrivateSocket::refuse_for_want_of_descriptors() {
    // A client that can't be accepted stays in the queue and would wake us for ever. The spare
    // descriptor lets us take it out of there and hang up.
    if (spare_fd_ >= 0) {
        ::close(spare_fd_);
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            ::close(fd);
        }
    }
    spare_fd_ = open_spare();
}

void PrivateSocket::accept_one(int fd) {
    const Caller peer = peer_of(fd);
    const bool trusted = authority_.trusts(peer);
    const auto strangers = static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& c) { return !c->is_trusted(); }));
    if (connections_.size() >= kConnectionsMax || (!trusted && strangers >= kStrangersMax)) {
        ::close(fd);
        return;
    }
    char id[SD_ID128_STRING_MAX];
    DriverFacts facts{":1." + std::to_string(++last_client_), sd_id128_to_string(server_id_, id),
                      peer};
    auto connection = std::make_unique<PrivateConnection>(*this, std::move(facts), trusted);
    if (connection->start(fd, server_id_, loop_, priority_)) {
        handshakes_.push_back(connection.get());
        connections_.push_back(std::move(connection));
        sd_event_source_set_enabled(after_turn_.get(), SD_EVENT_ON);
    }
}

void PrivateSocket::schedule_reap() {
    if (reap_) {
        sd_event_source_set_enabled(reap_.get(), SD_EVENT_ONESHOT);
        return;
    }
    sd_event_source* source = nullptr;
    if (sd_event_add_defer(loop_, &source, &PrivateSocket::on_reap, this) >= 0) {
        reap_.reset(source);
        sd_event_source_set_priority(source, priority_);
    }
}

int PrivateSocket::on_reap(sd_event_source*, void* self) {
    auto* socket = static_cast<PrivateSocket*>(self);
    std::erase_if(socket->handshakes_,
                  [](const auto* connection) { return !connection->is_open(); });
    std::erase_if(socket->connections_,
                  [](const auto& connection) { return !connection->is_open(); });
    return 0;
}

int PrivateSocket::on_turn(sd_event_source*, void* self) {
    auto* socket = static_cast<PrivateSocket*>(self);
    std::erase_if(socket->handshakes_,
                  [](PrivateConnection* connection) { return connection->finish_handshake(); });
    if (socket->handshakes_.empty()) {
        sd_event_source_set_enabled(socket->after_turn_.get(), SD_EVENT_OFF);
    }
    return 0;
}

bool PrivateSocket::has_subscribers() const {
    return std::ranges::any_of(connections_, [](const auto& c) { return c->is_subscribed(); });
}

}  // namespace svcd
