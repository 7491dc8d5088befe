// Waits that outlive the manager: when it dies, its successor is listened to and asked anew.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "session.h"
#include "signals.h"

namespace svcd {

/// When --timeout is over (CLOCK_MONOTONIC, µs).
Usec deadline_of(const Options& options);

/// Handles signals until `is_satisfied` holds or the deadline (CLOCK_MONOTONIC) passes; never ends
/// as connection_lost. `listen` adds the handlers and subscribes: at first and on every new
/// connection, where what was heard before may no longer hold. Both may ask the daemon.
Signals::End watch(Session& session,
                   const std::function<void(Signals&)>& listen,
                   const std::function<bool()>& is_satisfied,
                   Usec deadline);

/// Units that are waited for until each was seen once in the wanted state ("active" includes
/// reloading, "inactive" failed).
class StateWait {
public:
    StateWait(Session& session, const std::vector<std::string>& units, std::string wanted);

    Signals::End wait(Usec deadline);
    /// Those that were not seen in it.
    const std::set<std::string>& missing() const { return missing_; }

private:
    void listen(Signals& signals);
    bool all_reached();
    bool is_reached(const std::string& state) const;

    Session& session_;
    std::string wanted_;
    std::set<std::string> missing_;
    /// By the name that was given: the unit's own, by which signals name it. Only of those that
    /// have been asked for their state.
    std::map<std::string, std::string> ids_;
    /// Units that changed since they were asked for their state, by their own names.
    std::set<std::string> changed_;
};

}  // namespace svcd
