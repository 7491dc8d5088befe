// Finding the daemon: by --bus, else $SVCTL_BUS, else the private socket in the runtime dir, else
// the message bus. The private socket speaks D-Bus as a bus does, so all of them look alike
// afterwards.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "options.h"
#include "trouble.h"

namespace svcd {

/// One place where the daemon may be.
struct Endpoint {
    enum class Kind : unsigned char { address, system_bus, session_bus };
    Kind kind = Kind::address;
    std::string address;  ///< a D-Bus address
    std::string shown;    ///< as a person knows it: "/run/svcd/bus"
    bool operator==(const Endpoint&) const = default;
};

using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Where to look, in order.
std::vector<Endpoint> endpoints(const Options& options, const Environment& environment);

/// A path as the value of a D-Bus address: all but a few characters as %xx.
std::string escape_address(std::string_view path);

class Connection {
public:
    /// Connects to the first endpoint that answers; throws Trouble (unreachable, with what was
    /// tried) when none does. Where a svcd lives whose manager is about to be started again it
    /// waits for that, 10 s at most; where svcd waits long before it tries again, it throws at
    /// once, and says so (launcher_status.h).
    explicit Connection(std::vector<Endpoint> candidates);

    /// Throws a Trouble when the last attempt to connect has failed.
    sdbus::IConnection& bus();
    /// "sender='org.svcd1'," where others could send signals too, "" on the private socket.
    const char* sender_rule() const { return is_bus_ ? "sender='org.svcd1'," : ""; }
    /// Between us and svcd there is a message bus, which stays when svcd's manager goes.
    bool is_bus() const { return is_bus_; }
    /// The runtime folder of the svcd that is talked to; "" where a message bus is between.
    const std::string& runtime_dir() const { return runtime_dir_; }
    /// Whether an error says that whoever was asked is no more: the peer or, over a message bus,
    /// the owner of org.svcd1.
    bool is_lost(const sdbus::Error& error) const;

    /// Connects anew after the connection broke (the manager was restarted): the services have
    /// noticed nothing, and neither shall the user. Gives up after 10 s with the Trouble of the
    /// last attempt.
    void reconnect();
    /// The same of a svcd that may have ended: false, without a wait, when no svcd is there. Throws
    /// the Trouble of one that lives but has no manager.
    bool find_again();

private:
    void connect();
    /// Over a message bus: whether somebody is org.svcd1 there, within 2 s.
    bool has_owner_soon();

    std::vector<Endpoint> candidates_;
    std::unique_ptr<sdbus::IConnection> bus_;
    bool is_bus_ = false;
    std::string runtime_dir_;
};

}  // namespace svcd
