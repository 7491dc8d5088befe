// The private socket: svcd's own D-Bus endpoint, which needs no broker. It is always there, and the
// kernel says who the caller is. To a D-Bus library it looks like a message bus with one name on
// it, org.svcd1 (driver.h).
//
// It has two doors, which lead to the same. Before the one for everybody a line may stand, which
// strangers can keep full; so root and the owner have one of their own.
//
// All clients together are one source of the manager's loop. In each of its turns root and the
// owner come first; then strangers, for a bounded time, one message at a time, by user: the user
// who has cost least comes next, however many connections another one has.
//
// Bounds: kConnectionsMax clients, of whom strangers get kStrangersMax, so that they cannot keep
// root out, and each of them kConnectionsOfUserMax. Whoever comes when there is no place takes that
// of the connection that has not called for longest, of the user who has most (places.cc); of
// bytes, what private_connection.h says. Whatever a client sends, or doesn't read, costs at most
// its own connection.
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include <array>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/descriptor.h"
#include "bus/dispatch.h"
#include "bus/listening_socket.h"
#include "bus/message_codec.h"
#include "bus/private_connection.h"
#include "bus/user_costs.h"

namespace svcd {

inline constexpr std::size_t kStrangersMax = kConnectionsMax * 3 / 4;
inline constexpr std::size_t kConnectionsOfUserMax = 64;
/// Strangers who are told of every change, all together and of one user. They are told last.
inline constexpr std::size_t kSubscribingStrangersMax = 32;
inline constexpr std::size_t kSubscribersOfUserMax = 8;
/// Those that are only there to be told that there is no place for them.
inline constexpr std::size_t kRefusedMax = 16;

class PrivateSocket {
public:
    PrivateSocket(sd_event* loop,
                  Dispatcher& dispatcher,
                  const Requests& requests,
                  UserCosts& costs,
                  Authority authority);
    ~PrivateSocket();
    PrivateSocket(const PrivateSocket&) = delete;
    PrivateSocket& operator=(const PrivateSocket&) = delete;

    /// Without a path, there is no door for the owner.
    Result<void> listen(const SocketPlace& for_all,
                        const SocketPlace& for_owner,
                        int priority,
                        const ClientDescriptors& descriptors = {});

    /// The file of one of the two has gone, and is made again. Who is connected stays.
    Result<void> listen_anew(const std::string& path);

    /// The sockets stay when this is destroyed: a successor is about to replace them.
    void leave_to_successor() { is_left_ = true; }

    using Chosen = std::function<bool(const PrivateConnection&)>;
    bool has_any(const Chosen& wants) const;
    bool has_subscribers() const { return has_any(&PrivateConnection::is_subscribed); }
    /// What signals are made with.
    sd_bus* bus() const { return codec_.bus(); }
    /// Sends a signal to all clients that `wants` accepts.
    void send_signal(const Writer& signal, const Chosen& wants);

private:
    friend class PrivateConnection;

    struct Ready {
        PrivateConnection* connection;
        std::uint32_t events;
    };

    enum class Door : std::uint8_t { for_all, for_owner };
    struct Listener {
        SocketPlace place;
        Descriptor socket;
    };

    Result<void> open(Door door, const SocketPlace& place);
    Result<void> watch_all(int priority);
    static int on_ready(sd_event_source*, int fd, std::uint32_t events, void* self);
    static int on_later(sd_event_source*, void* self);
    void take_turn();
    void serve_strangers(std::vector<Ready>& ready);
    void bury();

    // For its connections.
    void write_later(PrivateConnection& connection);
    void bury_later();
    void relieve();
    void do_later();

    void accept_some(Door door);
    void accept_one(Descriptor socket);
    // places.cc
    bool has_room_for_subscriber(uid_t uid) const;
    std::string why_no_place(uid_t uid, bool trusted);
    template <typename Fits>
    bool close_idle(const Fits& fits);
    template <typename Fits>
    std::size_t count_of(const Fits& fits) const;
    std::optional<uid_t> stranger_with_most() const;
    bool close_idle_stranger();
    void forget_oldest_refusal();
    bool find_descriptor(Descriptor& socket, bool trusted);
    void refuse_for_want_of_descriptors(int listener);

    sd_event* loop_;
    Dispatcher& dispatcher_;
    const Requests& requests_;
    UserCosts& costs_;
    Authority authority_;
    bool is_left_ = false;
    MessageCodec codec_;
    ClientDescriptors descriptors_;
    std::array<Listener, 2> doors_;  ///< by Door
    bool may_bring_descriptors_ = true;
    Descriptor spare_;
    Descriptor ready_;  ///< an epoll of the doors and all clients
    sd_id128_t server_id_{};
    std::uint64_t last_client_ = 0;
    EventSource turn_;   ///< somebody is ready
    EventSource later_;  ///< enabled while there is something in to_write_ or to be buried
    std::vector<PrivateConnection*> to_write_;
    std::size_t strangers_bytes_ = 0;
    bool has_dead_ = false;
    std::list<std::unique_ptr<PrivateConnection>> connections_;
};

}  // namespace svcd
