#include "bus/private_socket.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <tuple>

#include "linux/prod.h"

namespace svcd {

namespace {

/// Clients accepted in one turn at a door, and for how many µs; the rest come in the next.
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::microseconds kAcceptsTurn{500};
/// What strangers get of a turn: so many messages, so many µs (the last of them may take longer).
constexpr std::size_t kStrangersPerTurn = 16;
constexpr std::chrono::microseconds kStrangersTurn{1000};

Caller peer_of(int fd) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
        return {};
    }
    return {credentials.uid, credentials.pid};
}

Descriptor open_spare() {
    return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

}  // namespace

PrivateSocket::PrivateSocket(sd_event* loop,
                             Dispatcher& dispatcher,
                             const Requests& requests,
                             UserCosts& costs,
                             Authority authority)
    : loop_(loop),
      dispatcher_(dispatcher),
      requests_(requests),
      costs_(costs),
      authority_(authority) {}

PrivateSocket::~PrivateSocket() {
    for (const Listener& listener : doors_) {
        if (!is_left_ && !listener.place.path.empty()) {
            ::unlink(listener.place.path.c_str());
        }
    }
}

// ── the listener ─────────────────────────────────────────────────────────────────────────────

Result<void> PrivateSocket::listen(const SocketPlace& for_all,
                                   const SocketPlace& for_owner,
                                   int priority,
                                   const ClientDescriptors& descriptors) {
    descriptors_ = descriptors;
    if (sd_id128_randomize(&server_id_) < 0) {
        return failure(errno, "draw an ID for the private socket");
    }
    if (auto opened = codec_.open(); !opened) {
        return opened;
    }
    ready_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (auto opened = open(Door::for_all, for_all); !opened) {
        return opened;
    }
    if (!for_owner.path.empty()) {
        if (auto opened = open(Door::for_owner, for_owner); !opened) {
            return opened;
        }
    }
    spare_ = open_spare();
    return watch_all(priority);
}

Result<void> PrivateSocket::open(Door door, const SocketPlace& place) {
    Result<Descriptor> listener = listen_at(place);
    if (!listener) {
        return tl::unexpected(listener.error());
    }
    Listener& own = doors_[static_cast<std::size_t>(door)];
    own = {place, std::move(*listener)};
    may_bring_descriptors_ = may_bring_descriptors(own.socket.get());
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &own;
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, own.socket.get(), &event) < 0) {
        return failure(errno, "watch the private socket", place.path);
    }
    return {};
}

Result<void> PrivateSocket::listen_anew(const std::string& path) {
    const Prod prod{may_bring_descriptors_};
    for (const Door door : {Door::for_all, Door::for_owner}) {
        const Listener& listener = doors_[static_cast<std::size_t>(door)];
        if (listener.place.path == path) {
            accept_some(door);  // who had come to the old one
            ::epoll_ctl(ready_.get(), EPOLL_CTL_DEL, listener.socket.get(), nullptr);
            return open(door, SocketPlace{listener.place});
        }
    }
    return failure(ENOENT, "listen on", path, "it is no socket of the bus");
}

Result<void> PrivateSocket::watch_all(int priority) {
    sd_event_source* turn = nullptr;
    sd_event_source* later = nullptr;
    int added =
        sd_event_add_io(loop_, &turn, ready_.get(), EPOLLIN, &PrivateSocket::on_ready, this);
    turn_.reset(turn);
    if (added >= 0) {
        added = sd_event_add_defer(loop_, &later, &PrivateSocket::on_later, this);
        later_.reset(later);
    }
    if (added < 0) {
        return failure(-added, "watch the private socket", doors_.front().place.path);
    }
    sd_event_source_set_priority(turn, priority);
    sd_event_source_set_priority(later, priority);
    sd_event_source_set_enabled(later, SD_EVENT_OFF);
    return {};
}

void PrivateSocket::accept_some(Door door) {
    const int listener = doors_[static_cast<std::size_t>(door)].socket.get();
    const Stopwatch watch;
    for (int i = 0; i < kAcceptsPerTurn && watch.elapsed() < kAcceptsTurn; ++i) {
        Descriptor socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            try {
                accept_one(std::move(socket));
            } catch (const std::bad_alloc&) {
                return;  // which hangs up
            }
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            refuse_for_want_of_descriptors(listener);
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

void PrivateSocket::refuse_for_want_of_descriptors(int listener) {
    // A client that can't be accepted stays in the queue and would wake us for ever. The spare
    // descriptor lets us take it out of there and hang up.
    if (spare_) {
        spare_.reset();
        Descriptor(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    }
    spare_ = open_spare();
}

void PrivateSocket::accept_one(Descriptor socket) {
    const Caller peer = peer_of(socket.get());
    if (!peer.uid) {
        return;
    }
    const bool trusted = authority_.trusts(peer);
    if (!find_descriptor(socket, trusted)) {
        return;  // which hangs up
    }
    std::string refusal = why_no_place(*peer.uid, trusted);
    if (!refusal.empty()) {
        forget_oldest_refusal();
    }
    char id[SD_ID128_STRING_MAX];
    DriverFacts facts{":1." + std::to_string(++last_client_), sd_id128_to_string(server_id_, id),
                      peer};
    connections_.push_back(std::make_unique<PrivateConnection>(
        *this, std::move(socket), std::move(facts), trusted, std::move(refusal)));
}

// ── turns ────────────────────────────────────────────────────────────────────────────────────

int PrivateSocket::on_ready(sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<PrivateSocket*>(self)->take_turn();
    return 0;
}

void PrivateSocket::take_turn() {
    const Prod prod{may_bring_descriptors_};
    bury();
    std::array<epoll_event, kConnectionsMax + kRefusedMax + std::tuple_size_v<decltype(doors_)>>
        events;
    const int count = ::epoll_wait(ready_.get(), events.data(), events.size(), 0);
    std::vector<Ready> strangers;
    bool has_come = false;
    bool owner_has_come = false;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == &doors_[0]) {
            has_come = true;
            continue;
        }
        if (event.data.ptr == &doors_[1]) {
            owner_has_come = true;
            continue;
        }
        auto* connection = static_cast<PrivateConnection*>(event.data.ptr);
        if (connection->is_trusted()) {
            connection->serve(event.events);
        } else {
            strangers.push_back({connection, event.events});
        }
    }
    if (owner_has_come) {
        accept_some(Door::for_owner);
    }
    serve_strangers(strangers);
    // Last: whoever has called by now is not idle and keeps its place.
    if (has_come) {
        accept_some(Door::for_all);
    }
}

/// Those who don't get their turn are ready in the next one.
void PrivateSocket::serve_strangers(std::vector<Ready>& ready) {
    const Stopwatch watch;
    for (std::size_t served = 0; served < kStrangersPerTurn && !ready.empty(); ++served) {
        // epoll tells of connections in turn, so the first of a user is the one who waited longest.
        const auto next = std::ranges::min_element(
            ready, {}, [&](const Ready& each) { return costs_.of(each.connection->uid()); });
        const Ready chosen = *next;
        ready.erase(next);
        if (!chosen.connection->is_open()) {
            continue;
        }
        const Stopwatch own;
        chosen.connection->serve(chosen.events);
        costs_.add(chosen.connection->uid(), own.elapsed());
        if (watch.elapsed() >= kStrangersTurn) {
            return;
        }
    }
}

int PrivateSocket::on_later(sd_event_source*, void* self) {
    auto* socket = static_cast<PrivateSocket*>(self);
    std::vector<PrivateConnection*> to_write;
    to_write.swap(socket->to_write_);
    for (PrivateConnection* connection : to_write) {
        connection->write();
    }
    socket->bury();
    return 0;
}

void PrivateSocket::do_later() {
    sd_event_source_set_enabled(later_.get(), SD_EVENT_ONESHOT);
}

void PrivateSocket::write_later(PrivateConnection& connection) {
    if (std::ranges::find(to_write_, &connection) == to_write_.end()) {
        to_write_.push_back(&connection);
        do_later();
    }
}

/// A connection that is cut may be in use further up the stack.
void PrivateSocket::bury_later() {
    has_dead_ = true;
    if (later_) {
        do_later();
    }
}

void PrivateSocket::bury() {
    if (!std::exchange(has_dead_, false)) {
        return;
    }
    std::erase_if(to_write_, [](const auto* connection) { return !connection->is_open(); });
    std::erase_if(connections_, [](const auto& connection) { return !connection->is_open(); });
}

/// Cuts strangers until they cost no more than they may: of the user whose connections cost most,
/// that which costs most.
void PrivateSocket::relieve() {
    while (strangers_bytes_ > kStrangersBytesMax) {
        std::map<uid_t, std::size_t> by_user;
        for (const auto& connection : connections_) {
            if (connection->is_open() && !connection->is_trusted()) {
                by_user[connection->uid()] += connection->held_bytes();
            }
        }
        const auto most =
            std::ranges::max_element(by_user, {}, [](const auto& e) { return e.second; });
        PrivateConnection* victim = nullptr;
        for (const auto& connection : connections_) {
            const bool is_theirs = connection->is_open() && !connection->is_trusted() &&
                                   most != by_user.end() && connection->uid() == most->first;
            if (is_theirs &&
                (victim == nullptr || connection->held_bytes() > victim->held_bytes())) {
                victim = connection.get();
            }
        }
        if (victim == nullptr) {
            return;
        }
        victim->cut();
    }
}

// ── signals ──────────────────────────────────────────────────────────────────────────────────

bool PrivateSocket::has_any(const Chosen& wants) const {
    return std::ranges::any_of(connections_, [&](const auto& each) { return wants(*each); });
}

void PrivateSocket::send_signal(const Writer& signal, const Chosen& wants) {
    if (!signal.ok()) {
        return;
    }
    PacketRef packet;
    for (const auto& connection : connections_) {
        if (!wants(*connection)) {
            continue;
        }
        if (!packet) {
            std::string bytes = codec_.encode(signal.get());
            if (bytes.empty()) {
                return;
            }
            packet = std::make_shared<Packet>(std::move(bytes));
        }
        connection->send(packet);
    }
}

}  // namespace svcd
