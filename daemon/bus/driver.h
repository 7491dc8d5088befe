// org.freedesktop.DBus on the private socket: the few calls that D-Bus libraries make of a broker
// before and beside their real work. There is no broker, so the world they describe is small: the
// driver, svcd, and the one client that asks.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <string>

#include "bus/api_table.h"

namespace svcd {

struct DriverFacts {
    std::string client_name;  ///< ":1.7", what Hello answers
    std::string server_id;    ///< 32 hexadecimal digits
    Caller client;
};

/// Answers a call to org.freedesktop.DBus. `want_signals` is called when the client adds a match
/// for what svcd tells; false: too many have.
void answer_as_driver(Connection& connection,
                      sd_bus_message* call,
                      const DriverFacts& facts,
                      const std::function<bool()>& want_signals);

}  // namespace svcd
