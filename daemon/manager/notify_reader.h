// From datagrams on the notify socket to Notification events. A sender speaks for the unit whose
// cgroup it is in, whatever it says of itself; who is in none is not heard.
//
// BARRIER=1 (systemd-notify(1), sd_notify_barrier(3)) carries a descriptor that its sender waits
// on, and that is closed when every message before it has been through the supervisor. So a sender
// may exit as soon as its barrier is gone, and nothing it said is lost.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "core/supervisor.h"
#include "linux/notify_socket.h"
#include "linux/process_tracker.h"
#include "manager/event_loop.h"
#include "manager/exec_sweeper.h"
#include "manager/log.h"
#include "state/process_table.h"

namespace svcd {

class NotifyReader {
public:
    NotifyReader(int socket,
                 const ProcessTracker& tracker,
                 const ProcessTable& table,
                 const Supervisor& supervisor,
                 ExecSweeper& sweeper,
                 std::deque<Event>& queue,
                 Log& log);

    /// Takes at most kItemsPerTurn datagrams, each out of the socket only once `settle` has dealt
    /// with the event it became, and written down what came of it.
    Drained drain(const std::function<void()>& settle);

private:
    void take(const NotifyDatagram& datagram);
    std::optional<UnitId> unit_of(const NotifyDatagram& datagram) const;

    int socket_;
    const ProcessTracker& tracker_;
    const ProcessTable& table_;
    const Supervisor& supervisor_;
    ExecSweeper& sweeper_;
    std::deque<Event>& queue_;
    Log& log_;
};

}  // namespace svcd
