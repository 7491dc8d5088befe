// The D-Bus API, org.svcd1: one set of tables (api_table.h) served on the private socket, always,
// and on a message bus when there is one. Names and signatures are those of
// org.freedesktop.systemd1(5) wherever the same thing exists there.
//
// Nothing here waits: the private socket is a server for each connection, and the message bus is
// connected to with the _async calls alone, again from a timer after it went. All of it runs on the
// manager's sd-event loop at the priorities it is given.
#pragma once

#include <systemd/sd-event.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/answers.h"
#include "bus/descriptor.h"
#include "bus/listening_socket.h"
#include "bus/manager_api.h"

namespace svcd {

/// Connections on the private socket at a time; one more is closed at once.
inline constexpr std::size_t kConnectionsMax = 256;
/// Requests that wait for their answer at a time; one more is refused
/// (org.freedesktop.DBus.Error.LimitsExceeded).
inline constexpr std::size_t kRequestsMax = 4096;

struct BusOptions {
    SocketPlace socket;             ///< the private socket
    std::string owner_socket = {};  ///< its door for root and the owner; empty: there is none
    std::string address;          ///< a message bus: "system", "session", "none" or a D-Bus address
    std::uint32_t owner_uid = 0;  ///< who may change things, besides root
    int event_priority = 0;       ///< of sd-event
    ClientDescriptors client_descriptors = {};
    std::vector<std::string> unit_path = {};  ///< Manager.UnitPath
    std::string control_group = {};           ///< Manager.ControlGroup
    Duration shutdown_budget = kInfinity;     ///< Manager.ShutdownBudgetUSec
    Duration shutdown_margin{0};              ///< Manager.ShutdownMarginUSec
    bool is_init = false;                     ///< svcd is PID 1, of a machine or of a container
    /// For a line in the log when the message bus comes, goes or refuses the name; may be empty.
    std::function<void(Severity, const std::string&)> say = {};
};

class Bus {
public:
    /// `settings`: the properties that show settings (unitfile's setting_properties()); they
    /// outlive the bus.
    Bus(sd_event* loop,
        ManagerApi& manager,
        const std::vector<PropertyDescription>& settings,
        BusOptions options);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// Listens on the private socket and begins to connect to the message bus. Only the former can
    /// fail.
    Result<void> start();
    /// The file of the private socket, or of its door for the owner, has gone: it comes back, and
    /// who is connected stays.
    Result<void> listen_anew(const std::string& path);
    /// Another manager follows: its clients are not to find that there is no svcd.
    void leave_to_successor();
    /// Drop the message bus and connect anew (SIGUSR1).
    void reconnect();

    // What the supervisor ordered or changed.
    void reply(const Reply& reply);
    /// What clients are told again when they ask again, and what of it is to be written down: first
    /// remember() the reply, then write, then reply().
    void remember(const Reply& reply);
    Answers& answers();
    void job_new(JobId job, std::string_view unit);
    /// To be told of after the changes of the unit that the job has made.
    void job_removed(JobId job, std::string_view unit, JobResult result);
    /// PropertiesChanged, to those who subscribed.
    void unit_changed(UnitId unit);
    void unit_new(UnitId unit);
    void unit_removed(std::string_view name);
    /// BusNameChanged events for this name on the message bus, until unwatch_name().
    void watch_name(UnitId unit, const std::string& name);
    void unwatch_name(UnitId unit);
    void reloading(bool active);
    void startup_finished();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace svcd
