// The private socket: svcd's own D-Bus endpoint, which needs no broker. It is always there, and the
// kernel says who the caller is. Each client has an sd-bus connection in server mode; to a D-Bus
// library the socket looks like a message bus with one name on it, org.svcd1 (driver.h).
//
// Bounds: kConnectionsMax clients, of whom those who may change nothing get kStrangersMax, so that
// they cannot keep root out; kQueuedBytesMax of unread answers each. Whatever a client sends, or
// doesn't read, costs at most its own connection.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "bus/connection.h"
#include "bus/dispatch.h"
#include "bus/driver.h"

namespace svcd {

inline constexpr std::size_t kStrangersMax = kConnectionsMax * 3 / 4;

class PrivateSocket;

class PrivateConnection final : public Connection {
public:
    PrivateConnection(PrivateSocket& owner, DriverFacts facts, bool trusted);

    /// Takes the descriptor over.
    bool start(int fd, sd_id128_t server_id, sd_event* loop, int priority);

    bool subscribe(sd_bus_message* call) override;
    void unsubscribe(sd_bus_message* call) override;
    /// Manager's signals go to whoever asked for signals in either way, PropertiesChanged only to
    /// subscribers.
    bool wants_signals() const { return is_open() && (wants_signals_ || subscribed_); }
    bool is_subscribed() const { return is_open() && subscribed_; }
    bool is_trusted() const { return trusted_; }
    /// To be called after each turn of the loop until it returns true: the handshake is over.
    ///
    /// sd-bus as a server reads a handshake in larger pieces. What a quick client sends right
    /// behind it (libdbus does) lies in its buffer already and makes the descriptor ready no more,
    /// so it has to be told to look once.
    bool finish_handshake();

private:
    void on_cut() override;
    static int on_message(sd_bus_message* message, void* self, sd_bus_error* error);
    int handle(sd_bus_message* message);

    PrivateSocket& owner_;
    DriverFacts facts_;
    bool trusted_;
    bool wants_signals_ = false;
    bool subscribed_ = false;
    SlotRef filter_;
};

class PrivateSocket {
public:
    PrivateSocket(sd_event* loop, Dispatcher& dispatcher, Requests& requests, Authority authority);
    ~PrivateSocket();
    PrivateSocket(const PrivateSocket&) = delete;
    PrivateSocket& operator=(const PrivateSocket&) = delete;

    /// Replaces a socket that an earlier manager left at `path`.
    Result<void> listen(const std::string& path, int priority);

    /// The socket stays when this is destroyed: a successor is about to replace it.
    void leave_to_successor() { path_.clear(); }

    bool has_subscribers() const;
    template <typename Action>
    void for_each(const Action& action) {
        for (const auto& connection : connections_) {
            action(*connection);
        }
    }

private:
    friend class PrivateConnection;

    static int on_readable(sd_event_source*, int fd, std::uint32_t events, void* self);
    static int on_reap(sd_event_source*, void* self);
    static int on_turn(sd_event_source*, void* self);
    void accept_some();
    void accept_one(int fd);
    void refuse_for_want_of_descriptors();
    /// Some connection was cut: free it when nothing of it is on the stack any more.
    void schedule_reap();

    sd_event* loop_;
    Dispatcher& dispatcher_;
    Requests& requests_;
    Authority authority_;
    int priority_ = 0;
    std::string path_;
    int fd_ = -1;
    int spare_fd_ = -1;
    sd_id128_t server_id_{};
    std::uint64_t last_client_ = 0;
    EventSource readable_;
    EventSource reap_;
    EventSource after_turn_;  ///< enabled while somebody shakes hands
    std::vector<PrivateConnection*> handshakes_;
    std::list<std::unique_ptr<PrivateConnection>> connections_;
};

}  // namespace svcd
