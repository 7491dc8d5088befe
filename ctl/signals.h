// Signals of the daemon, and the wait for them. One thread: messages are handled while wait() runs
// and at no other time, so that a signal that overtakes the answer to a call is still there when it
// is looked for.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "connection.h"
#include "facts.h"
#include "time_text.h"

namespace svcd {

/// CLOCK_MONOTONIC, CLOCK_REALTIME in µs.
Usec monotonic_now();
Usec realtime_now();

class Signals {
public:
    explicit Signals(Connection& connection);
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Calls Subscribe, without which the daemon sends nothing.
    void subscribe();

    void on_job_new(std::function<void(std::uint32_t job, const std::string& unit)> handler);
    void on_job_removed(
        std::function<void(
            const std::string& path, const std::string& unit, const std::string& result)> handler);
    /// Properties of a unit changed; `unit` empty: of every unit. `changed` has their new values.
    void on_unit_changed(const std::string& unit,
                         std::function<void(const std::string& unit, const Json& changed)> handler);

    enum class End : unsigned char { satisfied, timed_out, interrupted, connection_lost };
    /// Handles messages until `is_satisfied` (which may ask the daemon) holds or the deadline
    /// (CLOCK_MONOTONIC) passes. `tick` is called when `next_tick` (CLOCK_MONOTONIC) is reached,
    /// and returns the next one. Ctrl-C and SIGTERM end the wait, and at no other time anything but
    /// svctl: a connection that is waited for holds up no shutdown.
    End wait(const std::function<bool()>& is_satisfied,
             Usec deadline,
             Usec next_tick = kUsecInfinity,
             const std::function<Usec()>& tick = {});

private:
    void match(const std::string& rule, std::function<void(sdbus::Message&)> handler);
    /// Satisfied, connection_lost, or nothing yet.
    std::optional<End> look(const std::function<bool()>& is_satisfied);

    Connection& connection_;
    bool is_lost_ = false;  ///< over a message bus: the owner of org.svcd1 is another, or none
    std::vector<sdbus::Slot> slots_;
};

}  // namespace svcd
