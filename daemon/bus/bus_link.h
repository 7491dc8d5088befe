// The message bus, when there is one: svcd is on it as org.svcd1 with the same objects as on the
// private socket. It is a guest there and depends on nothing of it:
//
//   away ──connect()──► connecting ──Connected──► connected ──name granted──► on the bus
//    ▲                      │                         │                           │
//    └──── 0.2 s … 10 s ────┴──── refused, gone, hangs, reads nothing ────────────┘
//
// Nothing here waits: sd_bus_start and the _async calls only. A broker that hangs costs at most
// kQueuedBytesMax of memory and then its connection. While it is away, the folder of its socket is
// watched, so that it is found at once when it comes.
//
// Who a caller is, only the broker knows, and only while the caller is there. Some send one call,
// want no answer and leave at once: asked when the call has come, the broker knows nothing any
// more. So it is asked of each client as soon as that has a name, before it can have called
// anybody. A caller's messages wait in their order until the broker has answered.
//
// A bus whose policy does not give us the name stays connected: the names of services are watched
// all the same. The name is asked for again and again, which is said once.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/connection.h"
#include "bus/dispatch.h"
#include "bus/name_watches.h"

struct inotify_event;

namespace svcd {

/// Clients on the message bus who may subscribe at a time.
inline constexpr std::size_t kSubscribersMax = 1024;
/// Callers whose identity is remembered.
inline constexpr std::size_t kCallersMax = 1024;
/// Calls that wait for the broker to tell who sent them.
inline constexpr std::size_t kUnknownCallsMax = 256;
/// The same of calls that a stranger may not make at all, for they are too large.
inline constexpr std::size_t kLargeUnknownCallsMax = 8;

/// The bus itself, as one asks it.
inline constexpr const char* kBroker = "org.freedesktop.DBus";
inline constexpr const char* kBrokerPath = "/org/freedesktop/DBus";

/// The address to connect to for "system", "session" or an address; empty for "none", "private" or
/// nothing.
std::string message_bus_address(const std::string& option);

class BusLink final : public SdConnection {
public:
    BusLink(sd_event* loop, Dispatcher& dispatcher, ManagerApi& manager, const BusOptions& options);
    ~BusLink() override = default;

    void start();
    /// Drop the connection and make it anew at once.
    void reconnect();

    bool subscribe(sd_bus_message* call) override;
    void unsubscribe(sd_bus_message* call) override;
    NameWatches& names() { return names_; }
    bool has_subscribers() const { return is_connected() && !subscribers_.empty(); }

private:
    /// What is known of a caller. Unique names are never used twice on one bus.
    struct KnownCaller {
        BusLink* link = nullptr;
        bool asked = false;  ///< the answer is on its way
        bool answered = false;
        bool gone = false;  ///< and to be forgotten once its calls are done
        std::string name;
        Caller caller;
        std::vector<MessageRef> waiting;
        SlotRef question;
    };

    bool is_connected() const { return is_open() && connected_; }
    void on_cut() override;
    void connect();
    bool open_bus();
    void try_again_later();
    void watch_for_socket();
    void set_timer(std::chrono::microseconds delay);
    void say(Severity severity, const std::string& text) const;
    void say_refusal(std::string reason);

    static int on_timer(sd_event_source*, std::uint64_t, void* self);
    static int on_folder(sd_event_source*, const inotify_event* event, void* self);
    static int on_message(sd_bus_message* message, void* self, sd_bus_error*);
    static int on_name(sd_bus_message* reply, void* self, sd_bus_error*);
    static int on_credentials(sd_bus_message* reply, void* self, sd_bus_error*);
    static int on_owner_changed(sd_bus_message* signal, void* self, sd_bus_error*);
    static int on_names(sd_bus_message* reply, void* self, sd_bus_error*);

    void request_name();
    void watch_clients();
    void note_client(const std::string& name);
    void forget_client(const std::string& name);
    void on_name_owner_changed(sd_bus_message* signal);
    void on_name_acquired(sd_bus_message* signal);
    int handle(sd_bus_message* message);
    void handle_call(sd_bus_message* call);
    bool ask_who_is(const std::string& sender, KnownCaller& known);
    void make_room_for_a_caller();
    void say_who_is_unknown(const KnownCaller& known, sd_bus_message* call) const;

    sd_event* loop_;
    Dispatcher& dispatcher_;
    const BusOptions& options_;
    NameWatches names_;
    std::string address_;
    bool connected_ = false;
    bool said_unreachable_ = false;
    std::string said_refusal_;  ///< why the name is not ours, as it was said last
    std::chrono::microseconds delay_;
    EventSource timer_;
    EventSource folder_watch_;
    std::string socket_name_;  ///< what folder_watch_ looks for
    SlotRef filter_;
    SlotRef name_request_;
    SlotRef clients_match_;
    SlotRef clients_question_;
    std::map<std::string, KnownCaller> callers_;
    std::size_t unknown_calls_ = 0;
    std::map<std::string, SlotRef> subscribers_;
};

}  // namespace svcd
